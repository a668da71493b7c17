"""Python files to facts: read and parsed, never executed."""

from __future__ import annotations

import ast
import gc
import io
import re
import sys
import tokenize
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nandoctor.errors import NandoctorError
from nandoctor.facts.source import FlaggedData, SourceFacts, SourceFile
from nandoctor.probes.source.activations import activated
from nandoctor.probes.source.comments import ignored_lines
from nandoctor.probes.source.contexts import contexts
from nandoctor.probes.source.evaluate import Evaluator
from nandoctor.probes.source.fits import fits
from nandoctor.probes.source.glance import may_tell
from nandoctor.probes.source.models import Models
from nandoctor.probes.source.names import Names
from nandoctor.probes.source.places import Places
from nandoctor.probes.source.settings import constants, discarded, rates
from nandoctor.probes.source.statements import Statements
from nandoctor.probes.source.survey import survey

_CODING = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.MULTILINE)


def source_facts(paths: Sequence[Path], *, data: FlaggedData | None = None) -> SourceFacts:
    """What the files say, and those below the folders; NandoctorError where there is none, or one cannot be read.

    What they do with columns is only looked at where `data` are given whose columns are at fault.
    Of a folder, files that are no Python (any more) are left out and named.
    """
    read: list[SourceFile] = []
    unreadable: list[tuple[str, str]] = []
    with _without_collection():
        for path, file in [(given, file) for given in paths for file in python_files(given)]:
            try:
                read.append(source_file(file, with_fits=data is not None))
            except (SyntaxError, ValueError, OSError, RecursionError) as error:
                if file == path:
                    raise NandoctorError(f"{file}: {_reason(error)}") from error
                unreadable.append((str(file), _reason(error)))
    if not read:
        raise NandoctorError(f"{', '.join(map(str, paths))}: there is no Python file that can be read")
    return SourceFacts(tuple(map(str, paths)), tuple(read), tuple(unreadable), data)


def python_files(path: Path) -> Iterator[Path]:
    """The file, or the Python files below the folder in order, but for hidden folders and virtual environments."""
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise NandoctorError(f"{path}: there is no such file or folder")
    for entry in sorted(path.iterdir()):
        if entry.is_dir():
            if not entry.name.startswith((".", "__pycache__")) and not (entry / "pyvenv.cfg").exists():
                yield from python_files(entry)
        elif entry.suffix == ".py":
            yield entry


def source_file(path: Path, *, with_fits: bool = False) -> SourceFile:
    """What one file says. SyntaxError or ValueError where it is no Python, OSError where it cannot be read."""
    source = _in_utf8(path.read_bytes())
    if not may_tell(source, with_fits=with_fits):
        return SourceFile(str(path))
    with warnings.catch_warnings():
        # What Python thinks of its backslashes is not what was asked for.
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    text = Places(str(path), source)
    names = Names.of(tree)
    seen = survey(tree)
    known = constants(tree.body)
    models = Models(text, known, seen)
    models.read(tree.body, names)
    heads = {name: activated(head.activation) for name, head in models.heads.items() if head.activation}
    evaluator = Evaluator(heads)
    Statements(evaluator, contexts(seen, names), seen, names).module(tree, names)
    return SourceFile(
        path=str(path),
        operations=tuple(one.frozen(text) for one in evaluator.once()),
        pairs=tuple(models.pairs),
        single_softmaxes=tuple(models.single_softmaxes),
        discarded=tuple(discarded(tree, seen, names, text)),
        rates=tuple(rates(seen, names, known, text)),
        fits=tuple(fits(tree, seen, models.trained, text)) if with_fits else (),
        ignored=ignored_lines(source),
    )


@contextmanager
def _without_collection() -> Iterator[None]:
    """No search for cycles while trees are made: they have none, and it takes a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _in_utf8(source: bytes) -> bytes:
    """The source in UTF-8, in whose bytes `ast` counts columns; SyntaxError for an encoding that there is not."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    if encoding == "utf-8":
        return source
    text = source.decode(encoding)
    return text.encode("utf-8") if encoding == "utf-8-sig" else re.sub(_CODING, "# \\1", text, count=1).encode("utf-8")


def _reason(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f"this is no Python of version 3.{sys.version_info.minor}: {error.msg} (line {error.lineno})"
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    return f"cannot be read: {error}"
