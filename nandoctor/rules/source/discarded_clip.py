"""ND811: clipping that is thrown away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import DiscardedResult, SourceFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain_source


@dataclass(frozen=True)
class DiscardedClip:
    """The result of a clipping function is not used.

    What it finds:
        `tf.clip_by_value(x, ...)`, clip_by_norm, clip_by_global_norm and `clip` as a statement of their own, or with
        their result in a variable of a function that is never read.

    Evidence:
        The function, and the variable that nobody reads.

    Limit and source:
        Tensors are never changed in place: what is not assigned is lost, and the unclipped value goes on.

    Remedy:
        `x = tf.clip_by_value(x, ...)`, and use that.

    When it is fine:
        `numpy.clip(..., out=x)` does change x and is not reported.

    Example:
        import tensorflow as tf

        def train_step(model, optimizer, x, y):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(model(x) - y))
            gradients = tape.gradient(loss, model.trainable_variables)
            clipped, _ = tf.clip_by_global_norm(gradients, 1.0)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    """

    code: ClassVar[str] = "ND811"
    cause: ClassVar[str] = "discarded-clip"
    title: ClassVar[str] = "Result of a clipping is thrown away"

    def check(self, source: SourceFacts) -> Iterator[Finding]:
        """One finding for each such call."""
        for file in source.files:
            for one in file.discarded:
                yield explain_source(
                    self,
                    one.place,
                    f"{one.function.rpartition('.')[2]} changes nothing in place, and {self._fate(one)}.",
                    severity="warning",
                    evidence={"function": one.function} | ({"variable": one.name} if one.name else {}),
                    remedies=(Remedy("use-result", "Assign the result, and use it in place of the unclipped value"),),
                )

    def _fate(self, one: DiscardedResult) -> str:
        return f"nobody reads its result `{one.name}`" if one.name else "its result is thrown away"
