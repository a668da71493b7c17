"""One execution of a step, op by op."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nandoctor.probes.steps.interpreter import Interpreter
from nandoctor.probes.steps.observation import Key, Mark, Observations, StepObserver
from nandoctor.probes.steps.trace import Batch, Step
from nandoctor.probes.steps.watched import Look


@dataclass(frozen=True)
class Ran:
    """The outcome of one batch: flat results with their marks, and how many ops were executed."""

    values: tuple[Any, ...]
    marks: tuple[Mark, ...]
    executions: int


def run_batch(
    step: Step,
    batch: Batch,
    observations: Observations,
    watch: Mapping[Key, Look],
    variable_names: dict[int, str],
) -> Ran:
    """Interpret the step on one batch; what is seen is added to `observations`."""
    fed = batch.flat()
    observer = StepObserver(observations, watch, batch.index, len(batch.rows), variable_names)
    interpreter = Interpreter(step.library, observer)
    with np.errstate(all="ignore"):
        values, results = interpreter.run(step.root, *arguments(step, observer, fed))
    return Ran(tuple(values), tuple(results), interpreter.executions)


def arguments(step: Step, observer: StepObserver, fed: list[Any]) -> tuple[list[Any], list[Mark]]:
    """The step's arguments, fed and captured, with their marks."""
    captured = step.captured()
    marks = [observer.argument(name, tensor) for name, tensor in zip(step.fed, fed, strict=True)]
    return [*fed, *captured], [*marks, *(observer.captured(tensor) for tensor in captured)]


def nonfinite_count(value: Any) -> int:
    """How many elements of a tensor are not finite."""
    array = np.asarray(value)
    return int(array.size - np.count_nonzero(np.isfinite(array))) if array.dtype.kind in "fc" else 0
