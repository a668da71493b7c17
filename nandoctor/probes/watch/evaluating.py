"""The results of evaluate and predict, looked at on their way back to the script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nandoctor.facts import EvaluationFacts
from nandoctor.facts.run import EvaluationWay


def evaluation_of(way: EvaluationWay, results: Any, epoch: int | None) -> EvaluationFacts | None:
    """What is not finite among the results of one call, None if all is; integers and texts are left out."""
    bad: list[str] = []
    values = nonfinite = 0
    for name, value in _named(results):
        array = np.asarray(value)
        if array.dtype.kind != "f":
            continue
        count = int(array.size - np.count_nonzero(np.isfinite(array)))
        values += array.size
        nonfinite += count
        if count:
            bad.append(name)
    return EvaluationFacts(way, tuple(bad), values, nonfinite, epoch) if bad else None


def _named(results: Any, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(results, Mapping):
        return [pair for key, value in results.items() for pair in _named(value, f"{name}/{key}" if name else str(key))]
    if isinstance(results, list | tuple):
        return [pair for place, value in enumerate(results) for pair in _named(value, f"{name}[{place}]")]
    return [(name or "result", results)]
