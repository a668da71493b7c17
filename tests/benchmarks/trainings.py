"""The trainings that are watched. As a script, `trainings.py NAME WAY FOLDER [--quick]` trains when it is told to.

For each line "epoch" on standard input it trains for an epoch and answers with the seconds and the seconds of CPU time
that it took, and the highest memory in bytes so far. At the line "poison" it says "poisoned" and trains on the same
data with a NaN in it. WAY is "plain", or one of TensorFlow's own instruments, which may write to FOLDER.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DESCRIBED = {
    "mlp": "MLP, 4 layers of 256, batch 256",
    "cnn": "CNN with BatchNorm, 32 px, batch 32",
    "lstm": "LSTM, 200 steps, batch 32",
    "transformer-4": "transformer, 4 layers, batch 16",
    "eager": "the MLP in an eager loop",
}
STEPS = {"mlp": 200, "cnn": 60, "lstm": 30, "transformer-4": 8, "eager": 60, "resnet50": 1}
QUICK_STEPS = {"mlp": 60, "cnn": 15, "lstm": 6, "transformer-4": 2, "eager": 20, "resnet50": 1}


@dataclass
class Turns:
    """What is asked for on standard input; `poison` says whether data with a NaN is, in the end."""

    poison: bool = False
    _begun: tuple[float, float] | None = None

    def another(self) -> bool:
        """Answer for the epoch that is over, and wait; whether another one is asked for."""
        if self._begun is not None:
            now = time.perf_counter(), time.process_time()
            print(now[0] - self._begun[0], now[1] - self._begun[1], peak(), flush=True)
        line = sys.stdin.readline().strip()
        self.poison = line == "poison"
        self._begun = time.perf_counter(), time.process_time()
        return line == "epoch"


def peak() -> int:
    """The highest memory of this process so far in bytes (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (value,) = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(value) * 1024


def switch_on(way: str, folder: str) -> None:
    """One of TensorFlow's instruments, or none."""
    import tensorflow as tf

    if way == "check_numerics":
        tf.debugging.enable_check_numerics()
    elif way != "plain":
        tf.debugging.experimental.enable_dump_debug_info(folder, tensor_debug_mode=way)


def fit(model: Any, x: np.ndarray, y: np.ndarray, batch: int, turns: Turns) -> None:
    """One call of Keras' fit, for as many epochs as are asked for."""
    import keras

    def end(_epoch: int, _logs: Any) -> None:
        model.stop_training = not turns.another()

    told = keras.callbacks.LambdaCallback(on_epoch_end=end)
    model.fit(x, y, batch_size=batch, epochs=10**6, callbacks=[told], verbose=0)


def loop(model: Any, x: np.ndarray, y: np.ndarray, batch: int) -> None:
    """One epoch in plain Python, op by op."""
    import keras
    import tensorflow as tf

    for start in range(0, len(x), batch):
        with tf.GradientTape() as tape:
            predicted = model(x[start : start + batch], training=True)
            loss = tf.reduce_mean(keras.losses.categorical_crossentropy(y[start : start + batch], predicted))
        gradients = tape.gradient(loss, model.trainable_variables)
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))


def main(name: str, way: str, folder: str, *flags: str) -> None:
    """Train as it is asked for."""
    from subjects import build

    switch_on(way, folder)
    quick = "--quick" in flags
    model, x = build("mlp" if name == "eager" else name, quick)
    batch = len(x)
    x = np.concatenate([x] * (QUICK_STEPS if quick else STEPS)[name])
    y = np.eye(10, dtype=np.float32)[np.random.default_rng(1).integers(0, 10, len(x))]
    model.compile("adam", "categorical_crossentropy")
    turns = Turns()
    if name == "eager":
        while turns.another():
            loop(model, x, y, batch)
    elif turns.another():
        fit(model, x, y, batch, turns)
    if turns.poison:
        # Tokens are whole numbers, and cannot be NaN.
        poisoned = x if x.dtype.kind == "f" else y
        poisoned[3, ..., 0] = np.nan
        print("poisoned", flush=True)
        if name == "eager":
            loop(model, x, y, batch)
        else:
            model.fit(x, y, batch_size=batch, shuffle=False, verbose=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
