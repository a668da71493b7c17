"""Python files to facts: read and parsed, never executed."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
import warnings
from pathlib import Path
from symtable import symtable

from nandoctor.facts.source import SourceFile
from nandoctor.probes.source.activations import activated
from nandoctor.probes.source.comments import ignored_lines
from nandoctor.probes.source.contexts import contexts
from nandoctor.probes.source.evaluate import Evaluator
from nandoctor.probes.source.fits import fits
from nandoctor.probes.source.glance import may_tell, names_library
from nandoctor.probes.source.models import Models
from nandoctor.probes.source.names import Names
from nandoctor.probes.source.places import Places
from nandoctor.probes.source.settings import constants, discarded, rates
from nandoctor.probes.source.statements import Statements
from nandoctor.probes.source.survey import survey

_CODING = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.MULTILINE)
_OF_IPYTHON = re.compile(rb"^([ \t]*)[!%][^\n]*", re.MULTILINE)

Outcome = SourceFile | str
"""What a file says, or why it cannot be read."""


def outcome_of(path: Path, *, with_fits: bool = False) -> Outcome:
    """What one file says, or in one line why that cannot be told."""
    try:
        return source_file(path, with_fits=with_fits)
    except (SyntaxError, ValueError, OSError, RecursionError) as error:
        return _reason(error)


def is_python(path: Path) -> str | None:
    """None where the whole file can be parsed, else the reason; `source_file` only parses what may tell something."""
    try:
        _parsed(_in_utf8(path.read_bytes()))
    except (SyntaxError, ValueError, OSError, RecursionError) as error:
        return _reason(error)
    return None


def source_file(path: Path, *, with_fits: bool = False) -> SourceFile:
    """What one file says. SyntaxError or ValueError where it is no Python, OSError where it cannot be read."""
    source = _in_utf8(path.read_bytes())
    if not names_library(source):
        return SourceFile(str(path))
    if not may_tell(source, with_fits=with_fits):
        _check(source)
        return SourceFile(str(path))
    tree, source = _parsed(source)
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


def _check(source: bytes) -> None:
    """SyntaxError or ValueError for what is no Python, without the tree, of which the making takes as long again."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            symtable(source.decode("utf-8", "replace"), "", "exec")
    except SyntaxError:
        # Some errors are only those of a program as a whole.
        _parsed(source)


def _parsed(source: bytes) -> tuple[ast.Module, bytes]:
    """The tree, and the source that it is of: without the lines that only IPython understands, as notebooks leave."""
    with warnings.catch_warnings():
        # What Python thinks of its backslashes is not what was asked for.
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source), source
        except SyntaxError as error:
            plain = _OF_IPYTHON.sub(rb"\1pass", source)
            try:
                return ast.parse(plain), plain
            except SyntaxError:
                raise error from None


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
