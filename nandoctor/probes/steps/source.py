"""Source lines of ops: from the trace that Python made here, or from a SavedModel's debug information."""

from __future__ import annotations

import linecache
from pathlib import Path

from nandoctor.facts import SourceLine
from nandoctor.probes.compat.debug_info import read_debug_info
from nandoctor.probes.steps.trace import Step, is_user_file
from nandoctor.probes.steps.written_line import known_file


def source_lines(step: Step, debug_info: str | None) -> dict[str, SourceLine]:
    """The user's line for each forward op by name; empty where the artefact does not hold it."""
    found: dict[str, SourceLine] = {}
    if debug_info is not None:
        for name, frames in read_debug_info(Path(debug_info)).items():
            user = [frame for frame in frames if is_user_file(frame[0])]
            if user:
                found[name] = _line(*user[-1])
    found.update({name: _line(*line) for name, line in step.lines.items()})
    return found


def _line(file: str, line: int, function: str | None, code: str | None = None) -> SourceLine:
    """The line; its text is read from the file only where it did not come along."""
    text = linecache.getline(file, line).strip() if code is None else code
    return SourceLine(known_file(file), line, function, text or None)
