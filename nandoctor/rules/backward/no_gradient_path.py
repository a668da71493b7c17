"""ND310: variables that no gradient can reach."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import GradientFacts, StepFacts
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.wording import listing, plural

DELIBERATE = "StopGradient"


@dataclass(frozen=True)
class NoGradientPath:
    """A trainable variable has no gradient at all.

    What it finds:
        TensorFlow gives None for the gradient of trainable variables. Where an op cuts the way (argmax, round, a cast
        to integers, a comparison) that is a warning that names it; a stop_gradient is deliberate, and a variable that
        the result does not depend on is merely unused: notes.

    Evidence:
        How many variables of how many, and the op that cuts the way.

    Limit and source:
        `variables` (0): one variable.

    Remedy:
        Replace the op by one with a slope (softmax for argmax, sigmoid for a threshold, a straight-through estimator
        for round), or freeze the variable with `trainable = False` if it is not meant to learn.

    When it is fine:
        Target networks, frozen parts and heads that this loss does not train.

    Example:
        inputs = keras.Input((4,))
        hidden = keras.layers.Dense(3)(inputs)
        chosen = keras.ops.cast(keras.ops.argmax(hidden, axis=-1, keepdims=True), "float32")
        model = keras.Model(inputs, keras.layers.Dense(1)(chosen))
        x = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
    """

    variables: int = 0

    code: ClassVar[str] = "ND310"
    cause: ClassVar[str] = "no-gradient-path"
    title: ClassVar[str] = "No gradient path"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each op that cuts gradients off, and one note for the unused variables together."""
        if not step.backward:
            return
        cut: dict[str | None, list[GradientFacts]] = {}
        for gradient in step.gradients:
            if gradient.stats is None:
                cut.setdefault(gradient.cut_by, []).append(gradient)
        for op, gradients in cut.items():
            if len(gradients) > self.variables:
                yield self._explain(op, gradients, len(step.gradients))

    def _explain(self, op: str | None, gradients: list[GradientFacts], count: int) -> Finding:
        unused = op is None
        reason = "the result does not depend on them" if unused else f"{op} lets no gradient through"
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="note" if op is None or DELIBERATE in op else "warning",
            title=self.title,
            message=(
                f"{len(gradients):,} of {plural(count, 'trainable variable')} have no gradient, since {reason}: "
                f"{listing([gradient.variable for gradient in gradients], 4)}."
            ),
            location=Location(layer=gradients[0].layer, op=op, phase="backward"),
            evidence={"variables": len(gradients), "all_variables": count, "cut_by": op or "unused"},
            limits={"variables": self.variables},
            remedies=(
                Remedy("op-with-slope", "Replace the op by one that has a slope, such as softmax for argmax"),
                Remedy("freeze", "Set trainable = False on what is not meant to learn"),
            ),
            about=f"gradient:{gradients[0].variable}",
        )
