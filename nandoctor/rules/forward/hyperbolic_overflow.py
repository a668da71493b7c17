"""ND214: a hyperbolic function beyond the dtype's range."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.facts.arithmetic import largest_number, narrow_overflow
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain
from nandoctor.wording import number


@dataclass(frozen=True)
class HyperbolicOverflow:
    """A hyperbolic sine or cosine of a number that is too large for the dtype.

    What it finds:
        The op at the origin is Cosh or Sinh, its argument is finite, and the result is Inf. (tanh cannot overflow.)

    Evidence:
        The largest magnitude of the argument, how many results are Inf, and where the argument comes from.

    Limit and source:
        ln of twice the dtype's largest number, since cosh x = (e^x + e^-x) / 2: 89.42 for float32 (IEEE 754).

    Remedy:
        For log-cosh use `keras.losses.LogCosh`, which is x + softplus(-2x) - ln 2 and cannot overflow; otherwise
        scale or bound the argument.

    When it is fine:
        When the Inf is masked away again and takes no gradient. It is then reported as a note.

    Example:
        inputs = keras.Input((2,))
        model = keras.Model(inputs, keras.ops.log(keras.ops.cosh(inputs)))
        x = np.array([[1.0, 2.0], [1.0, 100.0]], np.float32)
    """

    code: ClassVar[str] = "ND214"
    cause: ClassVar[str] = "hyperbolic-overflow"
    title: ClassVar[str] = "Hyperbolic function overflow"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin that is a hyperbolic function of finite numbers."""
        for origin in step.computed_by(("Cosh", "Sinh")):
            if origin.from_finite and not narrow_overflow(origin) and step.growing_loop(origin) is None:
                yield self._explain(origin)

    def _explain(self, origin: Origin) -> Finding:
        argument = origin.operands[0]
        limit = math.log(largest_number(origin.output_dtype)) + math.log(2.0)
        return explain(
            self,
            origin,
            f"{origin.deed} of a magnitude up to {number(argument.blamed.max_abs)} overflows {origin.output_dtype}, "
            f"as it does above {limit:.2f}: {origin.measured(argument, 'argument')}.",
            evidence={
                "argument": argument.blamed.max_abs,
                "nonfinite": origin.output.nonfinite,
                **argument.evidence(),
            },
            limits={"argument": limit},
            remedies=(
                Remedy("log-cosh", "For log-cosh use x + softplus(-2x) - log(2), which cannot overflow"),
                Remedy("scale-argument", "Scale or bound the argument"),
            ),
        )
