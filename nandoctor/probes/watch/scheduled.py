"""Where a learning rate schedule of the user's own makes a rate that is not finite."""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Sequence
from typing import Any

import numpy as np

from nandoctor.facts import SourceLine
from nandoctor.probes.compat.eager_ops import listen
from nandoctor.probes.steps.trace import is_user_file
from nandoctor.probes.watch.eager import Line, user_line
from nandoctor.probes.watch.undisturbed import undisturbed


def nonfinite_schedule(schedule: Any, step: Any) -> tuple[str, SourceLine] | None:
    """The op of a schedule that first gives NaN or Inf from finite numbers at `step`, and its line.

    The schedule is called once more. None where its class is not the user's own, or all of it is finite.
    """
    if not is_user_file(inspect.getsourcefile(type(schedule)) or ""):
        return None
    found: list[tuple[str, Line]] = []

    def look(op_type: str, inputs: Sequence[Any], _attrs: Sequence[Any], outputs: Sequence[Any]) -> None:
        if not found and _finite(inputs) and not _finite(outputs):
            line = user_line()
            if line is not None:
                found.append((op_type, line))

    with undisturbed():
        end = listen(look)
        try:
            schedule(step)
        finally:
            end()
    if not found:
        return None
    op_type, (file, line, function) = found[0]
    return op_type, SourceLine(file, line, function, linecache.getline(file, line).strip())


def _finite(tensors: Sequence[Any]) -> bool:
    floats = [one for one in tensors if one.dtype.is_floating]
    return all(bool(np.isfinite(np.asarray(one)).all()) for one in floats)
