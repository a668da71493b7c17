"""ND601: kernels that training cannot start from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from nandoctor.facts import StepFacts, SubjectFacts, VariableFacts, WeightFacts
from nandoctor.finding import Finding, Location, Remedy, Severity
from nandoctor.wording import number


@dataclass(frozen=True)
class BadInitialization:
    """A kernel was initialized in a way that training cannot get out of, or starts badly from.

    What it finds:
        Kernels of zeros (or nearly) behind one another, which let neither signal nor gradient through; and kernels
        whose units are all twins and that feed a constant kernel, so that the twins stay identical for ever. (Kernels
        that are too large are huge-weights: those training can have made.)

    Evidence:
        The kernel's gain, rms(kernel) * sqrt(fan_in): what it multiplies the root mean square of an uncorrelated
        input by; how many of its units equal another one; the next kernel; the gradients of both where they were taken.

    Limit and source:
        `smallest_gain` 1e-4. LeCun (1998) initializes to a gain of 1, He (2015) to 1.41, Glorot (2010) to
        sqrt(2 fan_in / (fan_in + fan_out)), at most 1.41 and, for one input and a million units, 1.4e-3. The limit lies
        a decade below all of them.

    Remedy:
        Leave `kernel_initializer` at its default (Glorot uniform), or take `he_normal` for ReLU layers; `zeros` and
        `ones` belong to biases and to a normalization's gamma and beta.

    When it is fine:
        A single kernel of zeros or of tiny values is good practice at the end of a residual branch and in a head
        (Fixup, zero-initialized projections) and is not reported. Two behind one another are an error only if both
        gradients are exactly 0, a warning if all activations between them are 0, else a note; nothing if a
        gradient shows that they learn. Twins whose next layer differs are told apart by the first update: a note.
        Heads, one-unit layers, depthwise, recurrent and embedding kernels, biases, and frozen variables are not
        judged.

    Example:
        zeros = {"kernel_initializer": "zeros"}
        layers = keras.layers
        model = keras.Sequential([keras.Input((3,)), layers.Dense(4, "relu", **zeros), layers.Dense(1, **zeros)])
        x = np.random.default_rng(0).normal(size=(32, 3)).astype(np.float32)
        y = np.ones((32, 1), np.float32)
        loss = "mean_squared_error"
    """

    code: ClassVar[str] = "ND601"
    cause: ClassVar[str] = "bad-initialization"
    title: ClassVar[str] = "Bad initialization"

    smallest_gain: float = 1e-4

    def check(
        self, weights: WeightFacts, step: StepFacts | None = None, subject: SubjectFacts | None = None
    ) -> Iterator[Finding]:
        """One finding for each kernel that is badly initialized."""
        kernels = [variable for variable in weights.variables if variable.mixes]
        heads = {head.layer for head in subject.heads} if subject else set()
        for kernel, following in pairwise(kernels):
            if kernel.layer in heads:
                continue
            if kernel.gain < self.smallest_gain:
                if following.gain < self.smallest_gain:
                    yield from self._blocked(kernel, following, step, real_loss=_has_real_loss(subject))
            elif kernel.units is not None and kernel.units > 1 and kernel.identical_units == kernel.units:
                yield self._twins(kernel, following, weights)

    def _blocked(
        self, kernel: VariableFacts, following: VariableFacts, step: StepFacts | None, *, real_loss: bool
    ) -> Iterator[Finding]:
        """Two kernels of (nearly) nothing behind one another; silent where gradients show that they do learn."""
        taken = {gradient.variable: gradient for gradient in step.gradients} if step else {}
        norms = [taken[each.name].norm for each in (kernel, following) if each.name in taken]
        if any(norm != 0.0 for norm in norms):
            return
        severity: Severity = "note"
        seen = " No gradient of a real loss was taken, and the layers between them may be fed by others too."
        if len(norms) == 2 and real_loss:
            severity, seen = "error", " Both got a gradient of exactly 0: neither signal nor gradient passes."
        elif step is not None and _silent_between(step, kernel, following):
            severity, seen = "warning", " Every activation between them is 0: no signal passes."
        yield self._finding(
            kernel,
            severity,
            f"Kernel {kernel.name!r} has a gain of {number(kernel.gain)} and the next kernel {following.name!r} one "
            f"of {number(following.gain)} (limit {number(self.smallest_gain)}; the gain is the root mean square of the "
            f"weights times the square root of the fan-in).{seen}",
            following,
        )

    def _twins(self, kernel: VariableFacts, following: VariableFacts, weights: WeightFacts) -> Finding:
        biases = [each for each in weights.variables if each.layer == kernel.layer and each.role == "bias"]
        stuck = following.stats.constant and all(bias.stats.constant for bias in biases)
        after = (
            f"the next kernel {following.name!r} is constant, so that their gradients are the same too and they stay "
            "identical"
            if stuck
            else "different weights or biases behind it will tell them apart, slowly"
        )
        return self._finding(
            kernel,
            "warning" if stuck else "note",
            f"Each of the {kernel.units:,} units of kernel {kernel.name!r} has exactly the same weights as another one "
            f"(limit: fewer than all); {after}.",
            following,
        )

    def _finding(self, kernel: VariableFacts, severity: Severity, message: str, following: VariableFacts) -> Finding:
        evidence: dict[str, int | float | str] = {
            "gain": kernel.gain,
            "rms": kernel.rms,
            "fan_in": kernel.fan_in or 0,
            "units": kernel.units or 0,
            "identical_units": kernel.identical_units,
            "next_kernel": following.name,
            "next_gain": following.gain,
        }
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity=severity,
            title=self.title,
            message=message,
            confidence="medium" if severity == "note" else "high",
            location=Location(layer=kernel.layer),
            evidence=evidence,
            limits={"smallest_gain": self.smallest_gain},
            remedies=(
                Remedy("default-initializer", "Leave kernel_initializer at its default, or take he_normal for ReLU"),
            ),
            about=f"variable:{kernel.name}",
        )


def _has_real_loss(subject: SubjectFacts | None) -> bool:
    """Whether gradients are of a loss that labels went into; the mean square of all-zero outputs has none."""
    return subject is None or not subject.losses or any(loss.chosen != "outputs" for loss in subject.losses)


def _silent_between(step: StepFacts, kernel: VariableFacts, following: VariableFacts) -> bool:
    """Whether every layer from the kernel's to the one before the following kernel's gave nothing but zeros."""
    order = [layer.layer for layer in step.layers]
    if kernel.layer not in order or following.layer not in order:
        return False
    between = step.layers[order.index(kernel.layer) : order.index(following.layer)]
    return bool(between) and all(layer.activation.finite and layer.activation.max_abs == 0.0 for layer in between)
