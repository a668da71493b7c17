"""What Python source says, without running it. Nothing here was measured: a range is what the text alone guarantees."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from nandoctor.finding import Location, Phase, Severity

SourceContext = Literal["loss", "layer", "train-step", "other"]
OperationKind = Literal["log", "division", "sqrt", "norm", "exp", "pow"]


@dataclass(frozen=True)
class SourcePlace:
    """A piece of source: file, first and last line from 1, the function around it, and its text."""

    file: str
    line: int
    end_line: int
    function: str | None
    code: str

    @property
    def about(self) -> str:
        """The key under which findings refer to this place, in the order of the lines: `source:losses.py:000012`."""
        return f"source:{self.file}:{self.line:06}"

    @property
    def lines(self) -> range:
        """The numbers of its lines."""
        return range(self.line, self.end_line + 1)

    def location(self, phase: Phase | None = None) -> Location:
        """The place as a finding's location."""
        return Location(file=self.file, line=self.line, function=self.function, code=self.code, phase=phase)


@dataclass(frozen=True)
class SourceOperand:
    """What the source says of a value: its `text`, and the range `low`..`high` (infinite where nothing bounds it).

    `reaches` are single values that it is known to take, each with the reason ("a softmax rounds to 0"). `made_by` is
    what computed it: the bare name of a function ("reduce_sum"), "difference", "prediction" (the second argument of
    a loss), None for what is only a name.
    """

    text: str
    low: float = -math.inf
    high: float = math.inf
    reaches: tuple[tuple[float, str], ...] = ()
    made_by: str | None = None

    def why(self, point: float) -> str | None:
        """Why the value is known to take `point`; None where that is not known."""
        return next((reason for value, reason in self.reaches if value == point), None)


@dataclass(frozen=True)
class SourceOperation:
    """A call or an operator that is singular or overflows somewhere, as it stands in the source.

    `function` is its name as resolved (`tensorflow.math.log`), or the operator (`/`). `operand` is what must stay away
    from the singular value: the argument, the divisor, the base. `exponent` is that of a power, None where it is no
    constant. `differentiated` says that a gradient is taken through it. `chosen` is the `where` that picks its
    result or another one, `by_hand` the function that it is written in place of ("softmax"), `feeds` the kind of
    operation whose operand it is.
    """

    kind: OperationKind
    function: str
    place: SourcePlace
    context: SourceContext
    operand: SourceOperand
    exponent: float | None = None
    differentiated: bool = True
    per_row: bool = True
    chosen: SourcePlace | None = None
    by_hand: str | None = None
    feeds: OperationKind | None = None

    @property
    def of_training(self) -> bool:
        """Whether it is part of a loss, of a layer or of a training step."""
        return self.context != "other"

    def where(self) -> str:
        """Where it stands, for a message: `in the loss negative_log_likelihood`."""
        layer = "the layer's" if self.place.function else "the layer"
        what = {"loss": "the loss", "layer": layer, "train-step": "the training step"}.get(self.context, "")
        named = " ".join(filter(None, (what, self.place.function)))
        return f" in {named}" if named else ""

    def severity(self, *, known: bool) -> Severity | None:
        """How grave it is where the harmful value is `known` to be taken, and where only nothing excludes it.

        A warning for what is known in a loss, a layer or a training step, a note for what is not excluded there or is
        known elsewhere, None for what is neither.
        """
        if known:
            return "warning" if self.of_training else "note"
        return "note" if self.of_training else None


@dataclass(frozen=True)
class SourceHead:
    """The last layer of a model as written: its units and activation, None where the source does not say."""

    place: SourcePlace
    units: int | None
    activation: str | None


@dataclass(frozen=True)
class SourceLoss:
    """A loss as written: Keras' snake-case name, `from_logits` (None where the loss has no such option)."""

    place: SourcePlace
    name: str
    from_logits: bool | None


@dataclass(frozen=True)
class SourcePair:
    """A head and the loss that is taken of it, both visible in the same file."""

    head: SourceHead
    loss: SourceLoss


@dataclass(frozen=True)
class SingleSoftmax:
    """A softmax along an axis of size 1: `how` says by which layers or calls."""

    place: SourcePlace
    how: str


@dataclass(frozen=True)
class DiscardedResult:
    """A call whose result nobody uses: `function` is its resolved name, `name` the variable that is never read."""

    place: SourcePlace
    function: str
    name: str | None = None


@dataclass(frozen=True)
class SourceRate:
    """A learning rate that the source gives as a number, and the optimizer (or schedule) that gets it."""

    place: SourcePlace
    optimizer: str
    value: float


@dataclass(frozen=True)
class SourceFit:
    """A call of `fit`, and what its file says about the data.

    `texts` are the short texts in the file (names of files and of columns), `dropped` those of them that are taken out
    of a table, `selected` those that are picked out of one, `cares_for` what is done to the data: "scales", "fills".
    """

    place: SourcePlace
    texts: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    selected: tuple[str, ...] = ()
    cares_for: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceFile:
    """One Python file. `ignored` are the lines that a comment is about, with the codes in it (none: all are meant)."""

    path: str
    operations: tuple[SourceOperation, ...] = ()
    pairs: tuple[SourcePair, ...] = ()
    single_softmaxes: tuple[SingleSoftmax, ...] = ()
    discarded: tuple[DiscardedResult, ...] = ()
    rates: tuple[SourceRate, ...] = ()
    fits: tuple[SourceFit, ...] = ()
    ignored: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    def ignores(self, line: int, rule: str) -> bool:
        """Whether a comment says to ignore the rule in that line."""
        return line in self.ignored and rule in (self.ignored[line] or (rule,))


@dataclass(frozen=True)
class FlaggedColumn:
    """A column that a look at the data found fault with: the finding's rule, cause and message."""

    column: str
    rule: str
    cause: str
    message: str


@dataclass(frozen=True)
class FlaggedData:
    """What a look at the data came to: its path, its columns' faults (errors and warnings alone)."""

    path: str
    columns: tuple[FlaggedColumn, ...] = ()


@dataclass(frozen=True)
class SourceFacts:
    """The files that were read, in order; `unreadable` are (path, reason) of those that could not be."""

    paths: tuple[str, ...]
    files: tuple[SourceFile, ...]
    unreadable: tuple[tuple[str, str], ...] = ()
    data: FlaggedData | None = None

    def operations(self, kind: OperationKind) -> Iterator[SourceOperation]:
        """The operations of that kind in all files whose result is taken as it is, not picked by a `where`."""
        for file in self.files:
            yield from (one for one in file.operations if one.kind == kind and one.chosen is None)
