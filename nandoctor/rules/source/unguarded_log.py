"""ND801: logarithms that nothing keeps away from 0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import SourceFacts, SourceOperation
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain_source


@dataclass(frozen=True)
class UnguardedLog:
    """A logarithm whose argument nothing in the source keeps above 0.

    What it finds:
        log, log2, log10 and log1p of TensorFlow, keras.ops or the Keras backend in a loss, a layer or a training
        step, whose argument is not kept above 0 (of log1p above -1) by anything in the same function.

    Evidence:
        The text of the argument, the range that the source alone guarantees, and, where it is known to be 0
        somewhere, why: a softmax or sigmoid that rounds to 0, a ReLU, a prediction in a loss.

    Limit and source:
        log(0) is -Inf and its gradient infinite (IEEE 754). A warning where the argument is known to become 0, a note
        where nothing excludes it. Nothing is run: what other files do to the argument is not seen.

    Remedy:
        Take the loss from the logits, or keep the argument above 0: `tf.math.log(tf.maximum(x, 1e-7))`.

    When it is fine:
        Behind clip_by_value, maximum, an added epsilon or positive constant, softplus, exp, or a comparison of the
        argument, nothing is reported. `tf.math.xlogy` is 0 at 0.

    Example:
        import tensorflow as tf

        def loss(y_true, y_pred):
            return -tf.reduce_sum(y_true * tf.math.log(y_pred), axis=-1)
    """

    code: ClassVar[str] = "ND801"
    cause: ClassVar[str] = "unguarded-log"
    title: ClassVar[str] = "Logarithm that nothing keeps away from 0"

    def check(self, source: SourceFacts) -> Iterator[Finding]:
        """One finding for each such logarithm."""
        for one in source.operations("log"):
            singular = -1.0 if one.function.endswith("log1p") else 0.0
            known = one.operand.why(singular)
            severity = one.severity(known=known is not None)
            if severity is None:
                continue
            reason = f"it can be: {known}" if known else "nothing in this function excludes it"
            yield explain_source(
                self,
                one.place,
                f"The logarithm{one.where()} is not finite where its argument `{one.operand.text}` is {singular:g}, "
                f"and {reason}.",
                severity=severity,
                phase="forward",
                evidence={"argument": one.operand.text, "lowest": one.operand.low},
                limits={"lowest": singular},
                remedies=self._remedies(one, singular),
                confidence="medium" if known else "low",
            )

    def _remedies(self, one: SourceOperation, singular: float) -> tuple[Remedy, ...]:
        text, lowest = one.operand.text, "-1 + 1e-6" if singular else "1e-7"
        clip = Remedy("clip-argument", f"Keep the argument above {singular:g}: log(maximum({text}, {lowest}))")
        if one.operand.made_by in ("softmax", "sigmoid", "prediction"):
            return Remedy("loss-from-logits", "Compute the loss from the logits instead of probabilities"), clip
        return (clip,)
