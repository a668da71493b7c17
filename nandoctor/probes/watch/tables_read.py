"""The text tables that a script reads with pandas, NumPy or Polars, so that rows can be told by their lines."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from nandoctor.probes.watch.imports import when_imported

READERS = {
    "pandas": ("read_csv", "read_table"),
    "numpy": ("genfromtxt", "loadtxt"),
    "polars": ("read_csv",),
}
MOST_TABLES = 8


@dataclass
class TablesRead:
    """The files that these readers were given, the last one first."""

    files: list[Path] = field(default_factory=list)
    _over: bool = False
    _waiting_no_more: Callable[[], None] = lambda: None
    _hooked: list[tuple[ModuleType, str, Any, Any]] = field(default_factory=list)

    def begin(self) -> None:
        """Listen to the readers from when their modules are imported."""
        self._waiting_no_more = when_imported(self._listen, tuple(READERS))

    def end(self) -> None:
        """Listen no more, and put the readers back; what was read is kept."""
        self._over = True
        self._waiting_no_more()
        for module, reader, plain, ours in self._hooked:
            if getattr(module, reader, None) is ours:
                setattr(module, reader, plain)
        self._hooked.clear()

    def _listen(self, name: str, module: ModuleType) -> None:
        # The script's own import of the module must not fail for it.
        with suppress(Exception):
            for reader in () if self._over else READERS[name]:
                plain = getattr(module, reader)
                ours = self._noting(plain)
                setattr(module, reader, ours)
                self._hooked.append((module, reader, plain, ours))

    def _noting(self, plain: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(plain)
        def read(*args: Any, **kwargs: Any) -> Any:
            with suppress(Exception):
                self._note(next(iter((*args, *kwargs.values())), None))
            return plain(*args, **kwargs)

        return read

    def _note(self, source: Any) -> None:
        if self._over or not isinstance(source, str | os.PathLike):
            return
        path = Path(source).absolute()
        if path.is_file():
            self.files = [path, *(one for one in self.files if one != path)][:MOST_TABLES]
