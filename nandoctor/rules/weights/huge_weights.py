"""ND602: kernels with huge weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import DataFacts, StepFacts, SubjectFacts, VariableFacts, WeightFacts
from nandoctor.facts.arithmetic import largest_number
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.wording import listing, number, plural


@dataclass(frozen=True)
class HugeWeights:
    """Kernels hold weights so large that they blow up whatever passes through them.

    What it finds:
        Kernels whose gain is beyond what any initializer gives and training needs. Where something overflowed, and the
        gains of these kernels, multiplied, use up a quarter of the dtype's powers of two and more than the inputs do,
        they are its cause and an error.

    Evidence:
        Each kernel's gain, rms(kernel) * sqrt(fan_in): what it multiplies the root mean square of an uncorrelated
        input by; the product of all huge ones, in powers of two; whether anything overflowed from finite numbers.

    Limit and source:
        `gain` 1e2: LeCun (1998) initializes to a gain of 1, He (2015) to 1.41, Glorot (2010) to at most 1.41; the limit
        leaves training two decades. `share` 0.25 of the powers of two from 1 to the dtype's largest number (128 of
        them in float32, 16 in float16; IEEE 754): a square, as in many losses, has half the range, and of that a half
        is the larger part. The inputs must be smaller than the gains together.

    Remedy:
        Weights do not tell what made them so. If the model was trained: go back to a checkpoint from before they grew,
        lower the learning rate, clip the gradients (`global_clipnorm=1.0`), scale inputs and targets. If it was not:
        leave `kernel_initializer` at its default, or take `he_normal` for ReLU layers.

    When it is fine:
        A head that gives large numbers by intention, such as prices, may have a large gain: without an overflow heads
        are not judged. Depthwise and embedding kernels, biases and frozen variables are not judged.

    Example:
        layers = keras.layers
        model = keras.Sequential([keras.Input((3,)), layers.Dense(4, "relu"), layers.Dense(4), layers.Dense(1)])
        for layer in model.layers[:2]:
            layer.kernel.assign(layer.kernel * 1e20)
        x = np.random.default_rng(0).normal(size=(32, 3)).astype(np.float32)
    """

    code: ClassVar[str] = "ND602"
    cause: ClassVar[str] = "huge-weights"
    title: ClassVar[str] = "Huge weights"

    gain: float = 1e2
    share: float = 0.25

    def check(
        self,
        weights: WeightFacts,
        step: StepFacts | None = None,
        subject: SubjectFacts | None = None,
        data: DataFacts | None = None,
    ) -> Iterator[Finding]:
        """At most one finding, about all kernels with huge weights."""
        huge = [variable for variable in weights.variables if variable.mixes and variable.gain > self.gain]
        if not huge:
            return
        powers = sum(math.log2(kernel.gain) for kernel in huge)
        overflowed = step is not None and any(
            origin.from_finite and not origin.contained and origin.output.positive_inf + origin.output.negative_inf
            for origin in step.origins
        )
        heads = {head.layer for head in subject.heads} if subject else set()
        enough = max(self.share * math.log2(largest_number(huge[0].dtype)), _powers_of_inputs(data))
        if overflowed and powers >= enough:
            yield self._finding(huge, powers, overflowed=True)
        elif inner := [kernel for kernel in huge if kernel.layer not in heads]:
            yield self._finding(inner, sum(math.log2(kernel.gain) for kernel in inner), overflowed=False)

    def _finding(self, huge: Sequence[VariableFacts], powers: float, *, overflowed: bool) -> Finding:
        largest = max(huge, key=lambda kernel: kernel.gain)
        told = [f"{number(kernel.gain)} in {kernel.name}" for kernel in huge]
        several = len(huge) > 1
        them = "them" if several else "it"
        range_of = math.log2(largest_number(largest.dtype))
        blows_up = (
            f" {'Together they multiply' if several else 'It multiplies'} a signal by 2^{powers:.0f}, and "
            f"{largest.dtype} overflows at 2^{range_of:.0f}: that is what the overflows follow from."
            if overflowed
            else ""
        )
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="error" if overflowed else "warning",
            title=self.title,
            message=(
                f"The weights of {plural(len(huge), 'kernel')} have a gain above {number(self.gain)}: "
                f"{listing(told, 4)}; the common initializers give at most 1.41. The gain is the root mean square of "
                f"the weights ({number(largest.rms)} in {largest.name}) times the square root of the fan-in "
                f"({largest.fan_in:,}).{blows_up} Whether initialization or training made {them} so, the "
                "weights do not tell."
            ),
            location=Location(layer=largest.layer),
            evidence={
                "kernels": len(huge),
                "gain": largest.gain,
                "rms": largest.rms,
                "fan_in": largest.fan_in or 0,
                "powers_of_two": powers,
            },
            limits={"gain": self.gain, "share": self.share},
            remedies=(
                Remedy(
                    "checkpoint", "If trained: take a checkpoint from before they grew, and train slower from there"
                ),
                Remedy("clip-gradient", "Clip the gradients in training: the optimizer's global_clipnorm=1.0"),
                Remedy(
                    "default-initializer", "If never trained: leave kernel_initializer at its default, or he_normal"
                ),
            ),
            about=f"variable:{largest.name}",
        )


def _powers_of_inputs(data: DataFacts | None) -> float:
    """The powers of two in the largest magnitude of any input, 0 below 1."""
    largest = max((array.stats.max_abs for array in data.inputs if array.stats), default=0.0) if data else 0.0
    return math.log2(max(largest, 1.0))
