"""What is measured of updates beside the record: how far a single one moves the weights, how many were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.stats import Array


@dataclass
class MeasuredUpdates:
    """The updates that were measured, as a real difference of the weights before and after.

    `ratios` has, by the number of the step, the norm of the change of each variable over its norm afterwards, in the
    order of the variables. `before` are the weights before the update that is measured, with its number. They are kept
    for as long as that one step takes.
    """

    ratios: dict[int, tuple[float, ...]] = field(default_factory=dict)
    before: tuple[int, list[Array]] | None = None

    def begin(self, step: int, variables: Sequence[Any]) -> None:
        """Keep the weights before the step of that number."""
        if variables and tf.executing_eagerly():
            self.before = step, [np.array(variable.numpy()) for variable in variables]

    def end(self, steps: int, variables: Sequence[Any]) -> None:
        """Measure the update, if that very one was made: of several together it cannot be told what one of them did."""
        if self.before is None or steps == self.before[0]:
            return
        (step, before), self.before = self.before, None
        if steps == step + 1:
            pairs = zip(before, variables, strict=True)
            self.ratios[step] = tuple(_moved(one, variable.numpy()) for one, variable in pairs)


def updates_applied(optimizer: Any) -> int | None:
    """How many updates a LossScaleOptimizer (of either Keras) has made so far, without those that it left out.

    None for any other optimizer.
    """
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is None or not (hasattr(optimizer, "dynamic_scale") or hasattr(optimizer, "loss_scale")):
        return None
    with tf.init_scope():
        return int(np.asarray(inner.iterations))


def _moved(before: Array, after: Array) -> float:
    old, new = before.astype(np.float64), after.astype(np.float64)
    size = float(np.linalg.norm(new))
    return float(np.linalg.norm(new - old)) / size if size else float("nan")
