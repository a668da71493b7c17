"""A look at a file's text that settles, at a fraction of what parsing costs, that there is nothing to find in it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nandoctor.probes.source.models import MADE_INTO_HEADS, TAKES_A_LOSS
from nandoctor.probes.source.recording import RISKY
from nandoctor.probes.source.settings import CLIPS

_LIBRARIES = (b"tensorflow", b"keras")
_TEXTS = re.compile(
    rb'"""(?:[^"\\]++|\\.|"(?!""))*+"""'
    rb"|'''(?:[^'\\]++|\\.|'(?!''))*+'''"
    rb'|"(?:[^"\\\n]++|\\.)*+"'
    rb"|'(?:[^'\\\n]++|\\.)*+'"
    rb"|#[^\n]*+",
    re.DOTALL,
)
_FORMATTED = re.compile(rb"[fF][rR]?[\"'][^\n]*")
_FORMATTED_BEFORE = re.compile(rb"[fF][rR]?$")
_SOFTMAX = re.compile(rb"softmax", re.IGNORECASE)
_OPTIMIZERS = re.compile(rb"\boptimizers\b|Optimizer\b")


def _any_of(words: Iterable[str]) -> re.Pattern[bytes]:
    return re.compile(rf"\b(?:{'|'.join(sorted(words))})\b".encode())


# An alias is made of the name that it stands for, so that the name is in the text whatever the call reads.
_OPERATIONS = _any_of({*RISKY, *CLIPS})
_HEADS = _any_of(MADE_INTO_HEADS)
_LOSSES = _any_of(TAKES_A_LOSS)


def names_library(source: bytes) -> bool:
    """Whether the source names TensorFlow or Keras anywhere."""
    return any(library in source for library in _LIBRARIES)


def may_tell(source: bytes, *, with_fits: bool = False) -> bool:
    """Whether anything in the source can be a fact, as far as its words tell: True where in doubt.

    False for a file that has no operation which may go wrong, no clipping, no optimizer, and not both a last layer and
    a loss (with `with_fits` no `compile`).
    """
    code = _without_texts(source)
    return bool(
        _divides(code)
        or _OPERATIONS.search(code)
        or (b"ptimizer" in code and _OPTIMIZERS.search(code))
        or (with_fits and b"compile" in code)
        or (_HEADS.search(code) and (_LOSSES.search(code) or _SOFTMAX.search(source)))
    )


def _without_texts(source: bytes) -> bytes:
    """The source without its comments and strings, but with those that hold code, which may hold strings in turn."""
    formatted = _FORMATTED.findall(source)
    return b"\n".join([_TEXTS.sub(_if_formatted if formatted else b'""', source), *formatted])


def _if_formatted(text: re.Match[bytes]) -> bytes:
    begin = text.start()
    return text[0] if _FORMATTED_BEFORE.search(text.string[max(begin - 2, 0) : begin]) else b'""'


def _divides(code: bytes) -> bool:
    """Whether there is a quotient, or a power: two stars that follow on an operand, not on a bracket or a comma."""
    if b"/" in code.replace(b"//", b""):
        return True
    return b"**" in code and any(before.rstrip()[-1:] not in b"(,{" for before in code.split(b"**")[:-1])
