"""ND215: a recurrent state that grows geometrically."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import LoopFacts, Origin, StepFacts
from nandoctor.facts.arithmetic import largest_number, overflows
from nandoctor.finding import Finding, Location, Remedy, Scalar
from nandoctor.rule import explain
from nandoctor.wording import number

REMEDIES = (
    Remedy("bounded-activation", "Give the recurrent layer a bounded activation (tanh) or gates (LSTM, GRU)"),
    Remedy(
        "recurrent-initializer", "Keep the recurrent kernel's largest singular value at 1: an orthogonal initializer"
    ),
)


@dataclass(frozen=True)
class UnboundedRecurrentActivation:
    """A state inside a loop grows by a factor at each iteration.

    What it finds:
        The largest magnitude of an op inside a while loop grows geometrically, iteration after iteration: it left the
        dtype's range (error), or it will at this rate within a few times as many iterations (warning).

    Evidence:
        The growth factor of one iteration, the first and last finite magnitude, the number of iterations seen, and the
        iteration at which it was not finite any more or is forecast to be so.

    Limit and source:
        Geometric: every factor in the second half of the iterations is above 1, and in logarithms their median keeps
        80 % of the first half's (a counter or a polynomial drops to about a third, a bounded state to 0).
        `min_growth` (10,000): the least growth in all, so that the few steps before a state settles do not count.
        `horizon` (10): the forecast overflow must lie within this many times the iterations seen. Both are our own
        choices, on the safe side.

    Remedy:
        tanh instead of relu or linear in the recurrent layer, gates (LSTM, GRU), an orthogonal recurrent initializer,
        or a layer normalization inside the loop.

    When it is fine:
        A loop that computes powers on purpose and always runs the same few iterations.

    Example:
        recurrent = keras.initializers.Constant(1.0)
        model = keras.Sequential(
            [keras.Input((120, 2)), keras.layers.SimpleRNN(4, activation="relu", recurrent_initializer=recurrent)]
        )
        x = np.ones((2, 120, 2), np.float32)
        model.layers[0].set_weights([np.ones((2, 4), np.float32), np.ones((4, 4), np.float32), np.zeros(4, np.float32)])
    """

    min_growth: float = 1e4
    horizon: float = 10.0

    code: ClassVar[str] = "ND215"
    cause: ClassVar[str] = "unbounded-recurrent-activation"
    title: ClassVar[str] = "A recurrent state grows without bound"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each overflow in a growing loop, and one for each other loop that heads for one."""
        overflowed = set()
        for origin in step.origins:
            loop = step.growing_loop(origin)
            if loop is not None and overflows(origin):
                overflowed.add(loop.loop)
                yield self._left(origin, loop)
        heading: dict[str, LoopFacts] = {}
        for loop in step.loops:
            rival = heading.get(loop.loop)
            if self._heads_for_overflow(loop) and (rival is None or (rival.growth or 0.0) < (loop.growth or 0.0)):
                heading[loop.loop] = loop
        yield from (self._heading(loop) for name, loop in heading.items() if name not in overflowed)

    def _heads_for_overflow(self, loop: LoopFacts) -> bool:
        if loop.growth is None or len(loop.finite) < len(loop.max_abs):
            return False
        first = next(value for value in loop.finite if value > 0.0)
        return loop.finite[-1] / first >= self.min_growth and self._forecast(loop) <= self.horizon * len(loop.finite)

    def _forecast(self, loop: LoopFacts) -> float:
        """The iteration at which the magnitude leaves the dtype's range at the present growth."""
        headroom = math.log2(largest_number(loop.dtype)) - math.log2(loop.finite[-1])
        return len(loop.finite) + headroom / math.log2(loop.growth or 1.0)

    def _evidence(self, loop: LoopFacts) -> dict[str, Scalar]:
        first = next(value for value in loop.finite if value > 0.0)
        return {
            "growth": loop.growth or 1.0,
            "iterations": len(loop.finite),
            "first": first,
            "last": loop.finite[-1],
            "min_growth": loop.finite[-1] / first,
        }

    def _left(self, origin: Origin, loop: LoopFacts) -> Finding:
        evidence = self._evidence(loop)
        return explain(
            self,
            origin,
            f"The magnitude of {loop.op_type} in the loop grows by a factor of {number(loop.growth or 1.0)} at each "
            f"iteration, from {number(float(evidence['first']))} to {number(loop.finite[-1])}, and leaves "
            f"{origin.output_dtype}'s range ({number(largest_number(origin.output_dtype))}) at iteration "
            f"{origin.loop_iteration}.",
            evidence=evidence,
            limits={"largest_number": largest_number(origin.output_dtype), "min_growth": self.min_growth},
            remedies=REMEDIES,
        )

    def _heading(self, loop: LoopFacts) -> Finding:
        evidence = self._evidence(loop)
        forecast = self._forecast(loop)
        source = loop.source
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning",
            title=self.title,
            message=(
                f"The magnitude of {loop.op_type} in the loop grows by a factor of {number(loop.growth or 1.0)} at "
                f"each iteration, from {number(float(evidence['first']))} to {number(loop.finite[-1])} in "
                f"{len(loop.finite)} iterations; at this rate it leaves {loop.dtype}'s range at iteration "
                f"{forecast:.0f}."
            ),
            location=Location(
                file=source.file if source else None,
                line=source.line if source else None,
                function=source.function if source else None,
                code=source.code if source else None,
                layer=loop.layer,
                op=loop.op,
                op_type=loop.op_type,
                phase="forward",
            ),
            evidence={**evidence, "forecast": round(forecast), "horizon": forecast / len(loop.finite)},
            limits={"min_growth": self.min_growth, "horizon": self.horizon},
            remedies=REMEDIES,
            about=f"layer:{loop.layer or loop.loop}",
        )
