"""What was observed while the step ran op by op."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from nandoctor.finding import Location, Phase, Scalar, Severity
from nandoctor.stats import TensorStats

Sink = Literal["output", "loss", "gradient"]


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
    variable has none.
    """

    variable: str
    layer: str | None
    shape: tuple[int, ...]
    dtype: str
    stats: TensorStats | None
    norm: float
    weight_norm: float
    cut_by: str | None = None

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


@dataclass(frozen=True)
class StepFacts:
    """The examined steps together.

    `batches` were run with `rows` rows in all; `executions` counts op executions. `losses` are the loss of each
    batch as interpreted (NaN and infinities included), empty without one. `backward` says whether gradients
    were taken; `backward_skipped` why not. `origins` are in order of execution, roots before their consequences.
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

    def origin(self, identity: int) -> Origin:
        """The origin with that id (KeyError if there is none)."""
        for origin in self.origins:
            if origin.id == identity:
                return origin
        raise KeyError(identity)
