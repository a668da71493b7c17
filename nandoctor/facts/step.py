"""What was observed while the step ran op by op."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from statistics import median
from typing import Literal

from nandoctor.finding import Location, Phase, Scalar, Severity
from nandoctor.stats import DTYPE_LIMITS, TensorStats
from nandoctor.wording import number, plural

Sink = Literal["output", "loss", "gradient"]

_FEWEST_FACTORS = 5
_STEADY = 0.8

REPLACING_OPS = frozenset(
    ("Select", "SelectV2", "IsNan", "IsInf", "IsFinite", "MulNoNan", "DivNoNan", "Minimum", "Maximum", "ClipByValue")
)
"""Ops by which a model deals with non-finite values on purpose (MaxPool and ArgMax only hide them)."""


@dataclass(frozen=True)
class SourceLine:
    """A line of the user's source: file, line from 1, function, and the line's text where the file is at hand."""

    file: str
    line: int
    function: str | None = None
    code: str | None = None


@dataclass(frozen=True)
class Operand:
    """One floating (or integer) operand of the op at an origin.

    `op` and `op_type` name what produced it, `layer` that op's layer. `stats` are over the whole operand,
    `at_fault` over its elements at the places where the output is not finite (None where the op is not
    element by element), `values_at_fault` the first of these. `shape` is the operand's.
    """

    index: int
    dtype: str
    shape: tuple[int, ...]
    stats: TensorStats
    op: str | None = None
    op_type: str | None = None
    layer: str | None = None
    at_fault: TensorStats | None = None
    values_at_fault: tuple[float, ...] = ()

    @property
    def blamed(self) -> TensorStats:
        """The statistics at fault: at the non-finite places, or of the whole operand where there are no such places."""
        return self.stats if self.at_fault is None else self.at_fault

    @property
    def smallest(self) -> float:
        """A lower bound of the blamed values' magnitude: 0 where they are of both signs, or not finite at all."""
        low, high = self.blamed.minimum, self.blamed.maximum
        if low is None or high is None or low <= 0.0 <= high:
            return 0.0
        return min(abs(low), abs(high))

    @property
    def vanishes(self) -> bool:
        """Whether every blamed value is 0 or so small that kernels take it for 0 (under the dtype's normal numbers)."""
        blamed = self.blamed
        limits = DTYPE_LIMITS.get(self.dtype)
        return blamed.finite > 0 and blamed.nonfinite == 0 and blamed.max_abs < (limits.normal if limits else 1.0)

    @property
    def origin(self) -> str:
        """The layer or op that the operand comes from, for a message; empty where it is not known."""
        name = self.layer or self.op
        return f" from {name}" if name else ""

    def evidence(self, prefix: str = "") -> dict[str, Scalar]:
        """Count, minimum and maximum of the whole operand, and where it comes from, for a finding's evidence."""
        found: dict[str, Scalar] = {f"{prefix}values": self.stats.count, f"{prefix}from": self.op or "unknown"}
        if self.stats.minimum is not None and self.stats.maximum is not None:
            found |= {f"{prefix}minimum": self.stats.minimum, f"{prefix}maximum": self.stats.maximum}
        return found


@dataclass(frozen=True)
class Origin:
    """A place where numbers stopped being finite, or where an infinity became a NaN.

    `kind` is "op" (computed), "input" (came with the data), "variable" (stored in the model) or "constant"
    (written in the model, such as a mask's -inf). `parents` are the ids of the origins whose non-finite values
    fed this one: empty for a root. `reaches` are the sinks that its values, passed on, arrived in;
    `absorbed_by` the op types that took a non-finite and gave only finite values. `selected_by` is the
    Select/Where op that the forward op's value flows into element by element, None without one.

    `op` is the op's name as a person reads it (scope path within its function); for a backward origin it is the
    forward op it is the gradient of, `op_type` that forward op's type, and `backward_op`/`backward_op_type`
    the op of the gradient graph. `output` are the statistics of its result. `rows` are the smallest set
    of the batch's rows that bring it about, None where it does not depend on the batch or they could not be
    found (`rows_note` says why); `seen_in_batches` how many of the examined batches had it.
    """

    id: int
    kind: Literal["op", "input", "variable", "constant"]
    phase: Phase
    op: str
    op_type: str
    layer: str | None
    output: TensorStats
    output_dtype: str
    output_shape: tuple[int, ...]
    operands: tuple[Operand, ...] = ()
    attributes: Mapping[str, Scalar] = field(default_factory=dict)
    backward_op: str | None = None
    backward_op_type: str | None = None
    source: SourceLine | None = None
    loop_iteration: int | None = None
    batch: int = 0
    rows: tuple[int, ...] | None = None
    dataset_rows: tuple[int, ...] | None = None
    rows_note: str | None = None
    seen_in_batches: int = 1
    parents: tuple[int, ...] = ()
    reaches: tuple[Sink, ...] = ()
    absorbed_by: tuple[str, ...] = ()
    selected_by: str | None = None

    @property
    def contained(self) -> bool:
        """Whether its values reached neither loss nor gradients nor outputs."""
        return not self.reaches

    @property
    def severity(self) -> Severity:
        """error where it reached loss, gradients or outputs; note where it is contained."""
        return "note" if self.contained else "error"

    @property
    def ran(self) -> str:
        """The type of the op that ran: of the gradient graph's op for a backward origin."""
        return self.backward_op_type or self.op_type

    @property
    def deed(self) -> str:
        """What ran, for a message: `Log`, `Reciprocal in the gradient of Log`."""
        return f"{self.ran} in the gradient of {self.op_type}" if self.phase == "backward" else self.ran

    @property
    def floats(self) -> tuple[Operand, ...]:
        """The operands of a floating dtype (axes and indices left out)."""
        return tuple(operand for operand in self.operands if operand.dtype in DTYPE_LIMITS)

    @property
    def from_finite(self) -> bool:
        """Whether an op computed it from finite operands alone."""
        return (
            self.kind == "op" and not self.parents and all(operand.blamed.nonfinite == 0 for operand in self.operands)
        )

    @property
    def results(self) -> str:
        """How much of the result is not finite, for a message: `3 of 12 results are NaN`."""
        infinite = self.output.positive_inf + self.output.negative_inf
        what = "NaN or Inf" if self.output.nan and infinite else "NaN" if self.output.nan else "Inf"
        bad = self.output.nonfinite
        return f"{bad:,} of {plural(self.output.count, 'result')} {'is' if bad == 1 else 'are'} {what}"

    def measured(self, operand: Operand, noun: str) -> str:
        """An operand for a message: `3 of 8 values of the argument from dense (which lies in 0..1)`."""
        low, high = operand.stats.minimum, operand.stats.maximum
        span = "holds no finite value" if low is None or high is None else f"lies in {number(low)}..{number(high)}"
        values = f"{plural(operand.stats.count, 'value')} of the {noun}{operand.origin} (which {span})"
        if operand.at_fault is None:
            return values
        if operand.shape != self.output_shape:
            return f"{plural(operand.at_fault.count, 'place')} of the result, from the {values}"
        return f"{operand.at_fault.count:,} of {values}"

    @property
    def zero_times_infinity(self) -> bool:
        """Whether a NaN is the product of a zero and an infinity at the same place."""
        blamed = [operand.blamed for operand in self.floats]
        return (
            self.output.nan > 0
            and any(stats.zeros > 0 for stats in blamed)
            and any(stats.positive_inf + stats.negative_inf > 0 for stats in blamed)
        )

    @property
    def about(self) -> str:
        """The key under which findings and ranking refer to this origin."""
        return f"origin:{self.id}"

    def location(self) -> Location:
        """The origin as a finding's location."""
        source = self.source
        return Location(
            file=source.file if source else None,
            line=source.line if source else None,
            function=source.function if source else None,
            code=source.code if source else None,
            layer=self.layer,
            op=self.op,
            op_type=self.op_type,
            phase=self.phase,
            loop_iteration=self.loop_iteration,
            batch=self.batch,
            rows=self.rows,
            dataset_rows=self.dataset_rows,
        )


@dataclass(frozen=True)
class LayerFacts:
    """One layer's output over all examined batches, in the order of execution.

    `op` and `op_type` are the op that gives the output (`Relu`, `BiasAdd`). `activation` are its statistics.
    `units` is the size of the last axis, `dead_units` how many units were 0 for every row and place (ReLU
    outputs only, else None). `low_share` and `high_share` are the shares of values pinned to the lower and
    upper end of a bounded activation (sigmoid, tanh, softmax: within 1e-3 of the end), None for others.
    `head` marks the layers that give the model's outputs. `inference` tells the pass it was taken in.
    """

    layer: str
    op: str
    op_type: str
    dtype: str
    activation: TensorStats
    rows: int
    units: int | None = None
    dead_units: int | None = None
    low_share: float | None = None
    high_share: float | None = None
    head: bool = False
    inference: bool = True


@dataclass(frozen=True)
class GradientFacts:
    """The gradient of the loss with respect to one trainable variable.

    `stats` are over all examined batches (None where TensorFlow gave no gradient), `norm` the largest norm in
    one batch, `weight_norm` the variable's. `cut_by` names the op that lets no gradient through, where the
    variable has none; `reads` the op or input whose result the forward pass multiplies a kernel by (the same one
    for kernels that stand side by side), None where there is none; `looked_up` whether single rows of it are looked
    up, as of an embedding.
    """

    variable: str
    layer: str | None
    shape: tuple[int, ...]
    dtype: str
    stats: TensorStats | None
    norm: float
    weight_norm: float
    cut_by: str | None = None
    reads: str | None = None
    looked_up: bool = False

    @property
    def kernel(self) -> bool:
        """Whether it is a kernel that every row uses: two axes or more, no embedding, recurrent kernel or bias."""
        name = self.variable.lower()
        named_otherwise = any(word in name for word in ("embedding", "recurrent", "bias"))
        return len(self.shape) >= 2 and not self.looked_up and not named_otherwise

    @property
    def vanished(self) -> bool:
        """Whether the gradient is exactly 0 everywhere, in all examined batches."""
        return self.stats is not None and self.stats.count > 0 and self.stats.zeros == self.stats.count

    @property
    def ratio(self) -> float | None:
        """Gradient norm over weight norm; None for a variable of zeros or without a gradient."""
        if self.stats is None or self.weight_norm == 0.0:
            return None
        return self.norm / self.weight_norm


@dataclass(frozen=True)
class LoopFacts:
    """An op inside a loop whose magnitude was followed: its largest magnitude at each iteration (first batch)."""

    loop: str
    op: str
    op_type: str
    layer: str | None
    dtype: str
    max_abs: tuple[float, ...]
    source: SourceLine | None = None

    @property
    def finite(self) -> tuple[float, ...]:
        """The magnitudes up to the first iteration that was not finite."""
        return tuple(takewhile(math.isfinite, self.max_abs))

    @property
    def growth(self) -> float | None:
        """The factor by which the magnitude grows at each iteration, None unless the growth is geometric.

        It is the median factor of the second half; geometric means that every factor of that half is above 1 and
        that their median has kept at least 80 % (in logarithms) of the first half's: a counter or a polynomial
        slows down to a third, a bounded state stops. Fewer than 6 iterations show nothing.
        """
        values = self.finite
        start = next((index for index, value in enumerate(values) if value > 0.0), len(values))
        steps = [math.log2(after / before) for before, after in pairwise(values[start:]) if before > 0.0 < after]
        if len(steps) < _FEWEST_FACTORS or 0.0 in values[start:]:
            return None
        half = len(steps) // 2
        early, late = median(steps[:half]), median(steps[half:])
        if min(steps[half:]) <= 0.0 or late < _STEADY * early:
            return None
        return float(2.0**late)


@dataclass(frozen=True)
class Refusal:
    """An op that TensorFlow would not run on a batch: it raised an error (an id outside of its table, say).

    `said` is TensorFlow's own sentence, `batches` in how many batches it was raised, `batch` the first of them.
    """

    op: str
    op_type: str
    layer: str | None
    phase: Phase
    said: str
    batch: int
    batches: int
    source: SourceLine | None = None


@dataclass(frozen=True)
class NearLimit:
    """An op whose largest finite result used up more than half of its dtype's powers of two."""

    op: str
    op_type: str
    layer: str | None
    dtype: str
    magnitude: float

    @property
    def headroom(self) -> float:
        """Powers of two between the magnitude and the dtype's largest finite number."""
        return math.log2(DTYPE_LIMITS[self.dtype].largest) - math.log2(self.magnitude)


@dataclass(frozen=True)
class StepFacts:
    """The examined steps together.

    `batches` were run with `rows` rows in all; `executions` counts op executions. `losses` are the loss of each
    batch as interpreted (NaN and infinities included), empty without one. `backward` says whether gradients
    were taken; `backward_skipped` why not. `origins` are in order of execution, roots before their consequences.
    `near_limits` are the ops that came nearest to their dtype's limit without passing it, nearest first; empty where
    none used up half of it. `refusals` are the ops that raised an error; a batch ends there.
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

    def origin(self, identity: int) -> Origin:
        """The origin with that id (KeyError if there is none)."""
        for origin in self.origins:
            if origin.id == identity:
                return origin
        raise KeyError(identity)

    def replaces_input(self, *names: str | None) -> bool:
        """Whether non-finite values of that input were seen, and all were replaced on purpose before they did harm."""
        seen = [origin for origin in self.origins if origin.kind == "input" and origin.op in names]
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

        Seen in 0 * Inf = NaN at the origin itself or at the next one. The NaN that follows from such an origin in
        the gradient of the same op is not counted again.
        """
        if origin.phase != "backward" or origin.selected_by is None:
            return False
        inherited = any(
            other.id in origin.parents and other.phase == "backward" and other.op == origin.op for other in self.origins
        )
        if inherited:
            return False
        return origin.zero_times_infinity or any(
            other.phase == "backward" and other.zero_times_infinity for other in self.consequences(origin)
        )

    def growing_loop(self, origin: Origin) -> LoopFacts | None:
        """The followed op of the loop in which an origin lies: itself, or the one of its layer that grew fastest."""
        if origin.loop_iteration is None or origin.phase != "forward":
            return None
        same = [loop for loop in self.loops if loop.op == origin.op]
        near = [loop for loop in self.loops if origin.layer is not None and loop.layer == origin.layer]
        growing = [loop for loop in same or near if loop.growth is not None]
        return max(growing, key=lambda loop: loop.growth or 0.0, default=None)
