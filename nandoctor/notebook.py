"""The cell magic `%%nandoctor`."""

from __future__ import annotations

import ast
import inspect
import linecache
from typing import Any

from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from nandoctor.api import watch
from nandoctor.finding import Report
from nandoctor.probes.steps.written_line import known_file


def install(shell: Any) -> None:
    """Give an IPython shell the magic."""

    @magic_arguments()  # type: ignore[untyped-decorator]
    @argument("--on-trip", choices=["stop", "skip"], default="stop", help="Stop there, or leave such updates out.")  # type: ignore[untyped-decorator]
    @argument("--max-steps", type=int, metavar="N", help="End the cell after N steps of training.")  # type: ignore[untyped-decorator]
    @argument("--capsule-dir", metavar="DIR", help="Where a failing step is kept.")  # type: ignore[untyped-decorator]
    @argument("--fail-on", choices=["error", "warning", "never"], help="The least severity that fails the cell.")  # type: ignore[untyped-decorator]
    def nandoctor(line: str, cell: str) -> Report | None:
        """Run the cell, watch what trains in it, and show the report.

        The cell fails, as with `nandoctor.watch()`, where there are errors.
        """
        __tracebackhide__ = True
        wanted = parse_argstring(nandoctor, line)
        with watch(**vars(wanted)) as watched:
            _run(shell, cell)
        return watched.report

    shell.register_magic_function(nandoctor, "cell")


def _run(shell: Any, cell: str) -> None:
    """Run the code in the user's namespace as IPython does, except that what it raises is raised here.

    Its lines have the numbers that they have in the whole cell, which the magic is the first line of.
    """
    __tracebackhide__ = True
    above = 1 + len(cell) - len(cell.lstrip("\n"))
    source = "\n" * above + shell.transform_cell(cell)
    name = _cell_file() or shell.compile.cache(source, shell.execution_count)
    shown = f"%%nandoctor{source}"
    linecache.cache[name] = (len(shown), None, shown.splitlines(keepends=True), name)
    tree = shell.transform_ast(shell.compile.ast_parse(source, name))
    *body, last = tree.body or [ast.Pass()]
    if isinstance(last, ast.Expr):
        parts: list[tuple[ast.AST, str]] = [(ast.Module(body, []), "exec"), (ast.Interactive([last]), "single")]
    else:
        parts = [(tree, "exec")]
    for part, mode in parts:
        exec(shell.compile(part, name, mode), shell.user_ns)


def _cell_file() -> str | None:
    """The file name by which IPython knows the cell that runs, None outside of one."""
    frame = inspect.currentframe()
    while frame is not None:
        file = frame.f_code.co_filename
        if known_file(file) != file:
            return file
        frame = frame.f_back
    return None
