"""What was observed while the step ran op by op."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from nandoctor.facts.layers import AbsorbedFacts, GradientFacts, LayerFacts, LoopFacts, NearLimit, TermFacts
from nandoctor.facts.origin import Origin, Refusal
from nandoctor.finding import Phase
from nandoctor.stats import DTYPE_LIMITS

REPLACING_OPS = frozenset(
    ("Select", "SelectV2", "IsNan", "IsInf", "IsFinite", "MulNoNan", "DivNoNan", "Minimum", "Maximum", "ClipByValue")
)
"""Ops by which a model deals with non-finite values on purpose (MaxPool and ArgMax only hide them)."""


@dataclass(frozen=True)
class StepFacts:
    """The examined steps together.

    `batches` were run with `rows` rows in all; `executions` counts op executions. `losses` are the loss of each
    batch as interpreted (NaN and infinities included), empty without one. `backward` says whether gradients
    were taken; `backward_skipped` why not. `origins` are in order of execution, roots before their consequences.
    `near_limits` are the ops that came nearest to their dtype's limit without passing it, nearest first; empty where
    none used up half of it. `refusals` are the ops that raised an error; a batch ends there. `terms` are what the loss
    is the sum of, empty for a loss of one term; `absorbed` the additions that one operand did not change at all.
    """

    batches: int
    rows: int
    executions: int
    losses: tuple[float, ...]
    origins: tuple[Origin, ...]
    layers: tuple[LayerFacts, ...]
    gradients: tuple[GradientFacts, ...] = ()
    loops: tuple[LoopFacts, ...] = ()
    backward: bool = True
    backward_skipped: str | None = None
    near_limits: tuple[NearLimit, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    terms: tuple[TermFacts, ...] = ()
    absorbed: tuple[AbsorbedFacts, ...] = ()

    def origin(self, identity: int) -> Origin:
        """The origin with that id (KeyError if there is none)."""
        for origin in self.origins:
            if origin.id == identity:
                return origin
        raise KeyError(identity)

    def replaces_input(self, *names: str | None) -> bool:
        """Whether non-finite values of that array were seen, and all were replaced on purpose before they did harm."""
        inputs = [origin for origin in self.origins if origin.kind == "input"]
        seen = [origin for origin in inputs if origin.op.removeprefix("labels ") in names]
        return bool(seen) and all(
            origin.contained and origin.absorbed_by and REPLACING_OPS.issuperset(origin.absorbed_by) for origin in seen
        )

    @property
    def kernels(self) -> tuple[GradientFacts, ...]:
        """The kernels that have a gradient, in the order in which their layers ran (as given if not known)."""
        order = {layer.layer: place for place, layer in reversed(list(enumerate(self.layers)))}
        found = [gradient for gradient in self.gradients if gradient.kernel and gradient.stats is not None]
        if all(gradient.layer in order for gradient in found):
            found.sort(key=lambda gradient: order[gradient.layer or ""])
        return tuple(found)

    def computed_by(self, op_types: Collection[str], phase: Phase | None = None) -> Iterator[Origin]:
        """The origins that one of these op types computed, in one phase or any.

        Gradients of a branch that was not taken are left out: the choice of the branch explains them, not the op.
        """
        for origin in self.origins:
            wanted = origin.kind == "op" and origin.ran in op_types and phase in (None, origin.phase)
            if wanted and not self.branch_not_taken(origin):
                yield origin

    def consequences(self, origin: Origin) -> tuple[Origin, ...]:
        """The origins that its non-finite values fed."""
        return tuple(other for other in self.origins if origin.id in other.parents)

    def branch_not_taken(self, origin: Origin) -> bool:
        """Whether this is a gradient of the branch that a Select left out: there the incoming gradient is 0.

        Seen in 0 * Inf = NaN at the origin itself or at the next one, or in 0 / 0 = NaN, the gradient of a numerator.
        The NaN that follows from such an origin in the gradient of the same op is not counted again.
        """
        if origin.phase != "backward" or origin.selected_by is None:
            return False
        inherited = any(
            other.id in origin.parents and other.phase == "backward" and other.op == origin.op for other in self.origins
        )
        if inherited:
            return False
        return (
            origin.zero_times_infinity
            or origin.zero_over_zero
            or any(other.phase == "backward" and other.zero_times_infinity for other in self.consequences(origin))
        )

    def rounded_to_zero(self) -> tuple[Origin, LayerFacts] | None:
        """The place where it began on a zero that a softmax or sigmoid rounded to, and the layer that ends in it.

        The layer's logits lie so far apart that the exponential of their difference is no normal number of its dtype.
        """
        for origin in self.origins:
            if origin.parents or origin.contained or not origin.from_finite:
                continue
            for operand in origin.floats:
                layer = next((one for one in self.layers if one.op == operand.op and one.margin is not None), None)
                if layer is None or not operand.vanishes or layer.dtype not in DTYPE_LIMITS:
                    continue
                if (layer.margin or 0.0) > -math.log(DTYPE_LIMITS[layer.dtype].normal):
                    return origin, layer
        return None

    def growing_loop(self, origin: Origin) -> LoopFacts | None:
        """The followed op of the loop in which an origin lies: itself, or the one of its layer that grew fastest."""
        if origin.loop_iteration is None or origin.phase != "forward":
            return None
        same = [loop for loop in self.loops if loop.op == origin.op]
        near = [loop for loop in self.loops if origin.layer is not None and loop.layer == origin.layer]
        growing = [loop for loop in same or near if loop.growth is not None]
        return max(growing, key=lambda loop: loop.growth or 0.0, default=None)
