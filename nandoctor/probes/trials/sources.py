"""Files of the user's that are run with other text, while they stay on disk as they are.

The code keeps the file's own name, so that `__file__`, `sys.path` and what is read beside it are as ever. What reads
the source of a running function (AutoGraph does) is given the text that runs.
"""

from __future__ import annotations

import linecache
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from typing import Any

from nandoctor.probes.watch.patching import Undo


@contextmanager
def other_sources(texts: Mapping[str, str]) -> Iterator[None]:
    """Inside the block Python runs those texts, by the path of the file in whose place each of them is."""
    by_path = {os.path.realpath(path): text for path, text in texts.items()}
    get_data, path_stats, update = SourceFileLoader.get_data, SourceFileLoader.path_stats, linecache.updatecache
    shown: set[str] = set()

    def data(self: SourceFileLoader, path: str) -> bytes:
        text = by_path.get(os.path.realpath(path))
        if text is None:
            return get_data(self, path)
        linecache.cache.pop(path, None)
        return text.encode()

    def stats(self: SourceFileLoader, path: str) -> Mapping[str, Any]:
        if os.path.realpath(path) in by_path:
            # So the byte code that is kept of the file is neither taken nor replaced.
            raise OSError(path)
        return path_stats(self, path)

    def updated(filename: str, *args: Any) -> list[str]:
        text = by_path.get(os.path.realpath(filename))
        if text is None:
            return update(filename, *args)
        lines = text.splitlines(keepends=True)
        shown.add(filename)
        # Without a time of change the entry is never compared with the file.
        linecache.cache[filename] = (len(text), None, lines, filename)
        return lines

    undo = [
        _replaced(SourceFileLoader, "get_data", data),
        _replaced(SourceFileLoader, "path_stats", stats),
        _replaced(linecache, "updatecache", updated),
    ]
    try:
        yield
    finally:
        for one in undo:
            one()
        for path in shown:
            linecache.cache.pop(path, None)


def _replaced(owner: Any, name: str, ours: Any) -> Undo:
    """Put something in the place of an attribute, which may be inherited; returns what takes it away again."""
    plain = vars(owner).get(name)
    setattr(owner, name, ours)
    return lambda: delattr(owner, name) if plain is None else setattr(owner, name, plain)
