"""A line of source as a report is to show it."""

from __future__ import annotations

import linecache
import sys


def written_line(file: str, line: int, function: str) -> tuple[str, int, str, str]:
    """The file as a reader knows it, the line, the function around it, and what stands there (empty where unknown)."""
    return known_file(file), line, function, linecache.getline(file, line).strip()


def known_file(file: str) -> str:
    """`Cell In[3]` for the file behind a notebook's cell, as IPython says in its tracebacks; any other as it is."""
    # While IPython is being imported there is no such function in it.
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    # Nor is there one for the names of cells in IPython 7.
    named = getattr(getattr(shell, "compile", None), "format_code_name", lambda _: None)(file)
    return " ".join(named) if named is not None else file
