"""Keras tells files apart by their suffix: gives it the suffix it wants without touching the file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def linked(path: Path, suffix: str) -> Iterator[str]:
    """The path of a link to `path` that ends in `suffix`, in a folder of its own.

    When memory is short Keras unpacks the weights beside the file that it reads: that lands in this folder too.
    """
    with tempfile.TemporaryDirectory(prefix="nandoctor-") as folder:
        link = Path(folder) / f"model{suffix}"
        link.symlink_to(path.resolve())
        yield str(link)
