"""What the interpreter adds to each op in a `while` loop, over TensorFlow's own eager dispatch of the same op.

As a program, `while_loops.py MODEL INPUTS ROUNDS`, it prints what `measure` needs, as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contender import build
from rounds import medians
from table import Table, against, milliseconds

BOUND = 40.0


def measure(folder: Path, quick: bool) -> Table:
    """Times of one forward pass of the LSTM, and microseconds an op execution above eager dispatch."""
    build(folder, "lstm", quick)
    command = [sys.executable, __file__, folder / "lstm.keras", folder / "lstm.npy", "3" if quick else "9"]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    executions, taken = found["executions"], found["taken"]
    eager = taken.pop("eager")
    rows = [["eager dispatch of the same ops", milliseconds(eager), f"{eager / executions * 1e6:.1f} µs", ""]]
    for name, seconds in taken.items():
        added = against((seconds - eager) / executions * 1e6, BOUND, " µs")
        rows.append([name, milliseconds(seconds), f"{seconds / executions * 1e6:.1f} µs", added])
    return Table(
        "While loops",
        f"A forward pass of an LSTM over 200 steps: {executions:,} op executions.",
        ("way", "time", "an op", "above eager dispatch"),
        rows,
    )


class _Silent:
    """An observer that notes nothing."""

    def result(self, execution: Any) -> list[Any]:
        return [None] * len(execution.outputs)


class _Recorder:
    """An observer that keeps each op that needed a kernel, to be dispatched again."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, list[Any], tuple[Any, ...]]] = []

    def result(self, execution: Any) -> list[Any]:
        from nandoctor.probes.steps.program import Kind

        one = execution.instruction
        if one.kind in (Kind.OP, Kind.READ):
            self.calls.append((one.op_type, len(one.outputs), list(execution.inputs), one.attrs))
        return [None] * len(execution.outputs)


def main(model: str, inputs: str, rounds: str) -> None:
    """Measure in this process."""
    import numpy as np

    from nandoctor.probes.compat.execution import run_op
    from nandoctor.probes.models.load import load_subject
    from nandoctor.probes.steps.interpreter import Interpreter
    from nandoctor.probes.steps.observation import Observations
    from nandoctor.probes.steps.profile import watch_list
    from nandoctor.probes.steps.run import run_batch
    from nandoctor.probes.steps.trace import Batch, handle_names, tensors, trace_inference

    subject = load_subject(Path(model))
    x = np.load(inputs)
    batch = Batch(0, range(len(x)), tensors({subject.inputs[0].name: x}, subject.inputs), {})
    step = trace_inference(subject, batch)
    watch, names = watch_list(step), handle_names(subject)

    def interpret(observer: Any) -> None:
        arguments = [*batch.flat(), *step.captured()]
        Interpreter(step.library, observer).run(step.root, arguments, [None] * len(arguments))

    recorder = _Recorder()
    interpret(recorder)

    def dispatch() -> None:
        for call in recorder.calls:
            run_op(*call)

    contenders: dict[str, Callable[[], object]] = {
        "eager": dispatch,
        "interpreted": lambda: interpret(_Silent()),
        "interpreted with statistics": lambda: run_batch(step, batch, Observations(), watch, names),
    }
    taken = medians({name: _timed(contender) for name, contender in contenders.items()}, int(rounds))
    print(json.dumps({"executions": len(recorder.calls), "taken": taken}))


def _timed(work: Callable[[], object]) -> Callable[[], float]:
    def run() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return run


if __name__ == "__main__":
    main(*sys.argv[1:])
