"""Where numbers stopped being finite, and where an op would not run at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from nandoctor.finding import Location, Phase, Scalar, Severity
from nandoctor.stats import DTYPE_LIMITS, TensorStats
from nandoctor.wording import number, plural

Sink = Literal["output", "loss", "gradient"]
OperandKind = Literal["op", "gradient", "input", "variable", "constant"]
ORDINALS = ("first", "second", "third", "fourth", "fifth")


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

    `kind` tells what it is: the result of an op of the model, a gradient on its way back, something fed, a variable, a
    constant. `op` names it (the op, the input, `labels y`, the variable) and `op_type` the op that gave it, `layer`
    that op's or variable's layer. `stats` are over the whole operand, `at_fault` over its elements at the places where
    the output is not finite (None where the op is not element by element), `values_at_fault` the first of these.
    `shape` is the operand's.
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
    kind: OperandKind = "op"

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
    def span(self) -> str:
        """The range of the values, for a message: `range 0..1`, `all 0`, `range 0..1 and 2 NaN or Inf`."""
        low, high, bad = self.stats.minimum, self.stats.maximum, self.stats.nonfinite
        if low is None or high is None:
            return "none finite"
        span = f"range {number(low)}..{number(high)}" if low != high else f"all {number(low)}"
        return f"{span} and {bad:,} NaN or Inf" if bad else span

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
    fed this one: empty for a root. `after` are the origins whose NaN an op before this one swallowed (a comparison with
    NaN is False): what went wrong here may follow from them. `reaches` are the sinks that its values, passed on,
    arrived in; `absorbed_by` the op types that took a non-finite and gave only finite values. `selected_by` is the
    Select/Where op that the forward op's value flows into element by element, None without one. `readers` are the types
    of the ops that read the forward op's value, and after a slash of those that read theirs: `Sum`, `Sum/Log`.

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
    after: tuple[int, ...] = ()
    reaches: tuple[Sink, ...] = ()
    absorbed_by: tuple[str, ...] = ()
    selected_by: str | None = None
    readers: tuple[str, ...] = ()

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
        return f"{self.ran} in the gradient of {self.op_type}" if self.backward_op_type else self.ran

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

    def whence(self, operand: Operand) -> str:
        """Where an operand comes from, to follow its name in a message; empty where it is not known."""
        own = self._identity(operand)
        if own:
            return f" ({own})"
        if operand.layer is not None and operand.layer != self.layer:
            return f" from layer {operand.layer}"
        return f" from {operand.op}" if operand.op else ""

    def _identity(self, operand: Operand) -> str:
        """What an operand is, where that says more than the op that gave it: a variable, an input, a gradient."""
        name = operand.op or ""
        match operand.kind:
            case "gradient" if f"{self.op}_grad/" in name:
                return f"{operand.op_type} in the same gradient"
            case "gradient":
                return "the gradient that comes in"
            case "constant":
                return "a constant of the model"
            case "input" if name.startswith("labels "):
                return f"the {name}"
            case "input" | "variable":
                return f"the {operand.kind} {name}"
            case _:
                return f"what {self.op_type} gave" if name == self.op and self.phase == "backward" else ""

    def ordinal(self, operand: Operand) -> str:
        """`first operand`, `second operand`; `operand` where the op has one only."""
        if len(self.operands) == 1:
            return "operand"
        place = self.operands.index(operand)
        return f"{ORDINALS[place]} operand" if place < len(ORDINALS) else f"operand number {place + 1}"

    def called(self, operand: Operand) -> str:
        """An operand by its place and where it comes from: `the first operand from layer dense`."""
        return f"the {self.ordinal(operand)}{self.whence(operand)}"

    def measured(self, operand: Operand, noun: str) -> str:
        """An operand for a message: `3 of 8 values of the argument from layer dense (range 0..1)`."""
        count, bad, own = plural(operand.stats.count, "value"), operand.at_fault, self._identity(operand)
        told = f" ({own}, {operand.span})" if own else f"{self.whence(operand)} ({operand.span})"
        if bad is None:
            return f"{count} of the {noun}{told}"
        if operand.shape != self.output_shape:
            return f"the {noun} of {bad.count:,} of {plural(self.output.count, 'result')}, out of {count}{told}"
        return f"{bad.count:,} of {count} of the {noun}{told}"

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
    def zero_over_zero(self) -> bool:
        """Whether a NaN is the quotient of two zeros at the same place."""
        blamed = [operand.blamed for operand in self.floats]
        divides = self.ran in ("RealDiv", "Div")
        return divides and self.output.nan > 0 and len(blamed) == 2 and all(stats.zeros > 0 for stats in blamed)

    @property
    def about(self) -> str:
        """The key under which findings and ranking refer to this origin."""
        return f"origin:{self.id}"

    def location(self) -> Location:
        """The origin as a finding's location."""
        return replace(
            _at(self.source),
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
class Refusal:
    """An op that TensorFlow would not run on a batch: it raised an error (an id outside of its table, say).

    `said` is TensorFlow's own sentence, `batches` in how many batches it was raised, `batch` the first of them. `rows`
    are the rows of that batch that it is raised for and `dataset_rows` those of the data, None where they could not be
    found or it does not depend on them (`rows_note` says why).
    """

    op: str
    op_type: str
    layer: str | None
    phase: Phase
    said: str
    batch: int
    batches: int
    source: SourceLine | None = None
    rows: tuple[int, ...] | None = None
    dataset_rows: tuple[int, ...] | None = None
    rows_note: str | None = None

    def location(self) -> Location:
        """The refusal as a finding's location."""
        return replace(
            _at(self.source),
            layer=self.layer,
            op=self.op,
            op_type=self.op_type,
            phase=self.phase,
            batch=self.batch,
            rows=self.rows,
            dataset_rows=self.dataset_rows,
        )


def _at(source: SourceLine | None) -> Location:
    """The source line as a location, an empty one where it is not known."""
    return Location() if source is None else Location(source.file, source.line, source.function, source.code)
