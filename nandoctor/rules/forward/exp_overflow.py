"""ND204: an exponential beyond the dtype's range."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.facts.arithmetic import largest_number, narrow_overflow
from nandoctor.facts.written_call import UNKNOWN, written_call
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain
from nandoctor.wording import number

# What the ops that read the exponential make of it, and TensorFlow's own form of that, which does not overflow.
STABLE_FORMS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"Sum/Log", "Sum/Log1p"}), "tf.reduce_logsumexp"),
    (frozenset({"Sum/RealDiv", "Sum/Reciprocal"}), "tf.nn.softmax"),
    (frozenset({"AddV2/Log", "Add/Log", "Log1p"}), "tf.nn.softplus"),
    (frozenset({"AddV2/RealDiv", "Add/RealDiv", "AddV2/Reciprocal"}), "tf.nn.sigmoid"),
)


@dataclass(frozen=True)
class ExpOverflow:
    """An exponential of a number that is too large for the dtype.

    What it finds:
        The op at the origin is Exp or Expm1, its argument is finite and the result is Inf. (Softplus, sigmoid, softmax
        and log-sum-exp of TensorFlow are written so that they do not overflow.)

    Evidence:
        The largest argument, how many results are Inf, the argument's range and where it comes from.

    Limit and source:
        ln of the dtype's largest number: 88.72 for float32, 709.8 for float64, 88.7 for bfloat16 (IEEE 754). What
        overflows float16 (11.09) and not float32 is reported as float16-overflow.

    Remedy:
        Where the exponential is summed and divided by the sum, or its logarithm is taken (a hand-written softmax,
        softplus, sigmoid, log-sum-exp), TensorFlow's own form of it. Else bound what feeds the exponential
        (log-variances, log-scales): `tf.math.exp(tf.clip_by_value(x, -20.0, 20.0))`.

    When it is fine:
        When the Inf is masked away again and takes no gradient. It is then reported as a note.

    Example:
        inputs = keras.Input((2,))
        exponentials = keras.ops.exp(inputs)
        model = keras.Model(inputs, exponentials / keras.ops.sum(exponentials, axis=-1, keepdims=True))
        x = np.array([[1.0, 2.0], [1.0, 100.0]], np.float32)
    """

    code: ClassVar[str] = "ND204"
    cause: ClassVar[str] = "exp-overflow"
    title: ClassVar[str] = "Exponential overflow"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin that is an exponential of finite numbers."""
        for origin in step.computed_by(("Exp", "Expm1")):
            if origin.from_finite and not narrow_overflow(origin) and step.growing_loop(origin) is None:
                yield self._explain(origin)

    def _explain(self, origin: Origin) -> Finding:
        argument = origin.operands[0]
        limit = math.log(largest_number(origin.output_dtype))
        highest = argument.blamed.maximum or 0.0
        return explain(
            self,
            origin,
            f"{origin.deed} of up to {number(highest)} overflows {origin.output_dtype}, as it does above "
            f"{limit:.2f}: {origin.measured(argument, 'argument')}.",
            evidence={"argument": highest, "nonfinite": origin.output.nonfinite, **argument.evidence()},
            limits={"argument": limit},
            remedies=(*self._stable_form(origin), self._clipped(origin, limit)),
        )

    def _stable_form(self, origin: Origin) -> tuple[Remedy, ...]:
        found = [form for patterns, form in STABLE_FORMS if patterns.intersection(origin.readers)]
        if not found or origin.phase == "backward":
            return ()
        return (Remedy("stable-form", f"Use {found[0]} instead of the form written by hand"),)

    def _clipped(self, origin: Origin, limit: float) -> Remedy:
        # Half the limit, so that squares of the result, as in its gradients, do not overflow either.
        bound, name = min(math.floor(limit / 2), 20), origin.ran.lower()
        call = written_call(origin.source, {name})
        function, argument = (f"tf.math.{name}", UNKNOWN) if call is None else (call.function, call.argument)
        clip = "tf.clip_by_value" if call is None else call.clip
        bounded = f"{function}({clip}({argument}, -{bound}.0, {bound}.0))"
        return Remedy("clip-argument", f"Bound the argument: {bounded}")
