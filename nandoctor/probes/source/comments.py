"""Comments that say what to ignore: `# nandoctor: ignore`, `# nandoctor: ignore[ND801, ND805]`."""

from __future__ import annotations

import io
import re
import tokenize

_BETWEEN = frozenset({tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING})
_IGNORE = re.compile(r"#\s*nandoctor:\s*ignore(?:\[(?P<codes>[^\]]*)\])?", re.IGNORECASE)


def ignored_lines(source: bytes) -> dict[int, tuple[str, ...]]:
    """The lines of the statements with such a comment and the codes in it, none where everything is meant."""
    if b"nandoctor" not in source:
        return {}
    found: dict[int, tuple[str, ...]] = {}
    first, codes = 0, None
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        comment = _IGNORE.search(token.string) if token.type == tokenize.COMMENT else None
        if comment is not None:
            codes = tuple(code.upper() for code in re.findall(r"\w+", comment["codes"] or ""))
        elif token.type == tokenize.NEWLINE:
            if codes is not None:
                found.update(dict.fromkeys(range(first, token.start[0] + 1), codes))
            first, codes = 0, None
        elif token.type not in _BETWEEN and not first:
            # A comment in a line of its own before the statement is none of it.
            first, codes = token.start[0], None
    return found
