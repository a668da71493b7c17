"""ND210: sums and products of finite numbers beyond the dtype's range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.facts.arithmetic import CONTRACTIONS, DIVISIONS, SUMS, largest_number, narrow_overflow
from nandoctor.facts.guards import without_rows
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain
from nandoctor.wording import listing, number

MULTIPLICATIONS = frozenset({"Mul", "SquaredDifference", "Prod", "Cumprod"})


@dataclass(frozen=True)
class AccumulationOverflow:
    """Finite numbers were added or multiplied to more than the dtype can hold.

    What it finds:
        The op at the origin adds or multiplies (a sum, a mean, a matrix product, a convolution, a product, or a plain
        addition, multiplication or division by a tiny number), all its operands are finite, and the result is not.

    Evidence:
        How many results are not finite, the largest magnitude in each operand, and where the operands come from.

    Limit and source:
        The dtype's largest number: 3.403e+38 for float32 (IEEE 754). Intermediate sums count, so that a mean overflows
        when its sum does. What overflows float16 and not float32 is reported as float16-overflow.

    Remedy:
        Scale what feeds the op (inputs, targets, initial weights), normalize between layers, or lower the learning
        rate that grew the weights. For a product of probabilities add their logarithms. Rows that are faulty are better
        left out.

    When it is fine:
        When the Inf is masked away again and takes no gradient. It is then reported as a note.

    Example:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, kernel_initializer="ones")])
        x = np.array([[1.0, 2.0, 3.0, 4.0], [2e38, 2e38, 1.0, 1.0]], np.float32)
    """

    code: ClassVar[str] = "ND210"
    cause: ClassVar[str] = "accumulation-overflow"
    title: ClassVar[str] = "Overflow of sums and products of finite numbers"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin of the forward pass that overflowed from finite operands."""
        for origin in step.computed_by(SUMS | CONTRACTIONS | MULTIPLICATIONS | DIVISIONS, "forward"):
            if not origin.from_finite or narrow_overflow(origin) or step.growing_loop(origin) is not None:
                continue
            divides = origin.ran in DIVISIONS
            if divides and (origin.operands[-1].vanishes or origin.operands[-1].blamed.zeros):
                continue
            yield self._explain(origin)

    def _explain(self, origin: Origin) -> Finding:
        operands = origin.floats
        limit = largest_number(origin.output_dtype)
        largest = max((operand.blamed.max_abs for operand in operands), default=0.0)
        sizes = [f"{number(operand.blamed.max_abs)} in {origin.called(operand)}" for operand in operands]
        return explain(
            self,
            origin,
            f"{origin.deed} of finite numbers, a {self._kind(origin)}, goes beyond {origin.output_dtype}'s largest "
            f"number {number(limit)}: the largest magnitudes are {listing(sizes, 4)}; {origin.results}.",
            evidence={
                "nonfinite": origin.output.nonfinite,
                "results": origin.output.count,
                "largest_operand": largest,
                "terms": max((operand.stats.count for operand in operands), default=0),
            },
            limits={"largest_number": limit},
            remedies=(
                Remedy("scale-operands", "Scale what feeds this op: inputs, targets or initial weights"),
                Remedy("normalize", "Put a normalization layer in front of it"),
                *without_rows(origin),
            ),
        )

    def _kind(self, origin: Origin) -> str:
        if origin.ran in CONTRACTIONS:
            return "sum of products"
        if origin.ran in DIVISIONS:
            return "division by a small number"
        return "multiplication" if origin.ran in MULTIPLICATIONS else "sum"
