"""One way to run a training step, in a process of its own that runs it when it is told to.

As a program, `contender.py MODEL INPUTS WAY`: for each line on standard input it runs the step once and answers with
the seconds that it took and the highest memory in bytes above the level before the first run.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from processes import answering

WAYS = ("plain", "interpreted", "check_numerics", "FULL_HEALTH")

Run = Callable[[], tuple[float, int]]


@contextmanager
def contender(folder: Path, name: str, way: str) -> Iterator[Run]:
    """A function that runs one step of the saved model in this way: (seconds, bytes) as above."""
    command = [sys.executable, __file__, folder / f"{name}.keras", folder / f"{name}.npy", way]
    with answering(command) as ask:

        def run() -> tuple[float, int]:
            seconds, above = ask("run").split()
            return float(seconds), int(above)

        yield run


def build(folder: Path, name: str, quick: bool) -> None:
    """Save the model and its inputs there."""
    program = Path(__file__).with_name("subjects.py")
    subprocess.run([sys.executable, program, name, folder, *(["--quick"] if quick else [])], check=True)


def prepared(model: Path, inputs: Path, way: str) -> Callable[[], Any]:
    """The step, traced, as a function to call; with the instrument switched on in this process where it is one."""
    import numpy as np
    import tensorflow as tf

    from nandoctor.probes.models.load import load_subject
    from nandoctor.probes.steps.loss import choose_loss
    from nandoctor.probes.steps.observation import Observations
    from nandoctor.probes.steps.profile import watch_list
    from nandoctor.probes.steps.run import run_batch
    from nandoctor.probes.steps.trace import Batch, handle_names, tensors, trace_training

    subject = load_subject(model)
    x = np.load(inputs)
    feeds = tensors({subject.inputs[0].name: x}, subject.inputs)
    batch = Batch(0, range(len(x)), feeds, {})
    if way == "check_numerics":
        tf.debugging.enable_check_numerics()
    elif way == "FULL_HEALTH":
        tf.debugging.experimental.enable_dump_debug_info(
            tempfile.mkdtemp(dir=model.parent), tensor_debug_mode="FULL_HEALTH"
        )
    step = trace_training(subject, choose_loss(subject, [], {}, None).compute, batch, backward=True)
    if way == "interpreted":
        watch, names = watch_list(step), handle_names(subject)
        return lambda: run_batch(step, batch, Observations(), watch, names)
    return lambda: [one.numpy() for one in step.concrete(*batch.flat())]


def main(model: str, inputs: str, way: str) -> None:
    """Answer each line on standard input with one run."""
    run = prepared(Path(model), Path(inputs), way)
    before = _memory("VmRSS")
    # From here on the high-water mark is that of the step, not of loading and tracing.
    Path("/proc/self/clear_refs").write_text("5")
    for _ in sys.stdin:
        started = time.perf_counter()
        run()
        seconds = time.perf_counter() - started
        print(seconds, _memory("VmHWM") - before, flush=True)


def _memory(field: str) -> int:
    """A figure of this process in bytes, from /proc/self/status (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (value,) = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(value) * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
