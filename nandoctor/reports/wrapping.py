"""Text in a given width."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

_BREAK_AFTER = "/._-:=,("


def wrap(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` characters; long names break after `/`, `.`, `_` where they can.

    Line breaks in the text are kept. An empty text gives no lines.
    """
    lines: list[str] = []
    for paragraph in text.splitlines():
        words = [piece for word in paragraph.split() for piece in _pieces(word, width)]
        lines.extend(textwrap.wrap(" ".join(words), width) or [""])
    return lines


def cell(text: str, width: int) -> str:
    """The text wrapped for a table cell."""
    return "\n".join(wrap(text, width))


def item(text: str, width: int, marker: str = "- ", indent: str = "  ") -> list[str]:
    """The text as one item of a list: the marker before its first line, the others aligned with it."""
    first = indent + marker
    lines = wrap(text, width - len(first))
    return [(" " * len(first) if number else first) + line for number, line in enumerate(lines)]


def _pieces(word: str, width: int) -> Iterator[str]:
    while len(word) > width:
        cut = max(word.rfind(mark, 0, width) for mark in _BREAK_AFTER) + 1 or width
        yield word[:cut]
        word = word[cut:]
    yield word
