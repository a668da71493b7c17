"""What nandoctor says: findings, and the report that carries them (contract version 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1

Severity = Literal["error", "warning", "note"]
Confidence = Literal["high", "medium", "low"]
Phase = Literal["data", "forward", "backward", "update"]
Verdict = Literal["sick", "at-risk", "healthy"]
Scalar = int | float | str

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
CONFIDENCES: tuple[Confidence, ...] = ("high", "medium", "low")


@dataclass(frozen=True)
class Location:
    """Where something was observed. What is not known is None, never guessed.

    `rows` are places in the batch and `dataset_rows` in the user's file, `step`, `epoch`, `batch` and
    `loop_iteration` count from 0; `line` counts from 1. `columns` are names, or the index as text. `dataset_lines` are
    the lines that the `dataset_rows` were read from, each as `file:line`.
    """

    file: str | None = None
    line: int | None = None
    function: str | None = None
    code: str | None = None
    layer: str | None = None
    op: str | None = None
    op_type: str | None = None
    phase: Phase | None = None
    loop_iteration: int | None = None
    step: int | None = None
    epoch: int | None = None
    batch: int | None = None
    rows: tuple[int, ...] | None = None
    dataset_rows: tuple[int, ...] | None = None
    columns: tuple[str, ...] | None = None
    dataset_lines: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Remedy:
    """Something that may help; `trial` holds the figures of the attempt, empty while `verdict` is untried."""

    id: str
    title: str
    patch: str | None = None
    verdict: Literal["verified", "not-enough", "untried"] = "untried"
    trial: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True)
class Link:
    """One link of the chain from symptom to root: what it says in one clause, and the figures behind it.

    That it follows from the next link was "measured" (values were seen to go from there to here, or it is a property of
    the same values), or is "inferred" from figures that fit; `against` is what speaks against an inference, None where
    nothing that was measured does.
    """

    cause: str
    told: str
    basis: Literal["measured", "inferred"] = "measured"
    evidence: Mapping[str, Scalar] = field(default_factory=dict)
    against: str | None = None


@dataclass(frozen=True)
class Finding:
    """One diagnosis.

    `message` states what was measured, the value and the limit. `evidence` are the measured values and
    `limits` the thresholds they were compared with. `chain` runs from symptom to root cause, `links` say the same with
    the figures of each. `consequences` are findings that follow from this one. `about` names the observation that the
    finding explains (for example `origin:0`, `variable:dense/kernel`): ranking uses it, reports do not show it.
    """

    rule: str
    cause: str
    severity: Severity
    title: str
    message: str
    confidence: Confidence = "high"
    location: Location = field(default_factory=Location)
    evidence: Mapping[str, Scalar] = field(default_factory=dict)
    limits: Mapping[str, int | float] = field(default_factory=dict)
    chain: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    consequences: tuple[Finding, ...] = ()
    about: str | None = None


@dataclass(frozen=True)
class Skipped:
    """A rule that could not be applied, and why."""

    rule: str
    cause: str
    reason: str


@dataclass(frozen=True)
class RulePage:
    """What `nandoctor explain` says of a rule: its page by heading; the first paragraph is under the empty one."""

    code: str
    cause: str
    title: str
    sections: Mapping[str, str]


@dataclass(frozen=True)
class Tool:
    """The programs that made the report; None for what was not loaded."""

    name: str
    version: str
    tensorflow: str | None
    keras: str | None
    python: str


@dataclass(frozen=True)
class Summary:
    """How many findings of each severity there are, and the verdict they amount to."""

    error: int
    warning: int
    note: int
    verdict: Verdict

    @classmethod
    def of(cls, findings: Sequence[Finding]) -> Summary:
        """Counts by severity and the verdict: sick with an error, at-risk with a warning, else healthy."""
        counts = {severity: sum(one.severity == severity for one in findings) for severity in SEVERITIES}
        verdict: Verdict = "sick" if counts["error"] else "at-risk" if counts["warning"] else "healthy"
        return cls(counts["error"], counts["warning"], counts["note"], verdict)


@dataclass(frozen=True)
class ReportSubject:
    """What was examined."""

    kind: Literal["saved_model", "keras", "script", "data"]
    path: str


@dataclass(frozen=True)
class Band:
    """Where the magnitudes of some values lie: `count` of them, of which `zeros` are 0, `nan` NaN, `infinite` infinite.

    `largest` is exact. `smallest` (of those that are not 0) and `low`, `median`, `high` (the 1st, 50th and 99th
    percentile of the same) are powers of two, at most a factor of two too low; of a layer they are those of a sample.
    None where no value is finite and not 0, or no such figures were taken.
    """

    count: int
    zeros: int
    nan: int
    infinite: int
    smallest: float | None
    low: float | None
    median: float | None
    high: float | None
    largest: float | None


@dataclass(frozen=True)
class LayerRow:
    """One line of the layer table: the extremes of the finite values of its output, and how far they are from a limit.

    `headroom` is in powers of two below the largest number of the dtype. `gradient_norm` is that of its variables'
    gradients together, NaN or infinite where they hold such values; `gradient_to_weight` is the largest ratio of norms
    among the layer's variables. `activation` and `gradient` are the bands of its output and of its variables'
    gradients. None where nothing was measured.
    """

    layer: str
    op_type: str
    dtype: str
    minimum: float | None
    maximum: float | None
    nonfinite: int
    zero_share: float | None
    saturated_share: float | None
    headroom: float | None
    gradient_norm: float | None
    gradient_to_weight: float | None
    activation: Band | None = None
    gradient: Band | None = None


@dataclass(frozen=True)
class BadCell:
    """A cell that is no finite number: its data row (from 0), what it holds, and the line it was read from.

    `holds` is the text as written where there is one, else NaN, Inf, -Inf or missing.
    """

    row: int
    holds: str
    line: int | None = None
    file: str | None = None


@dataclass(frozen=True)
class ColumnRow:
    """One column of the data: the band of its magnitudes, its range, and the cells that are no finite number.

    `low`, `median` and `high` are its 1st, 50th and 99th percentile, None without finite values. `cells` are the first
    bad ones, at most 4; the band has the counts of NaN and infinities, `missing` those of empty cells and `text` those
    of cells that hold no number.
    """

    array: str
    column: str
    role: Literal["input", "label", "unused"]
    minimum: float | None
    low: float | None
    median: float | None
    high: float | None
    maximum: float | None
    missing: int
    text: int
    band: Band
    cells: tuple[BadCell, ...] = ()

    @property
    def bad(self) -> int:
        """How many cells are NaN, infinite, missing or text."""
        return self.band.nan + self.band.infinite + self.missing + self.text


@dataclass(frozen=True)
class ColumnPrescription:
    """What to do with one column before it is fed: `actions` in order, and the figures that call for them.

    An action is drop, cast, impute, one-hot, log1p, standardize, `clip at NUMBER` or `rescale by 1 / NUMBER`.
    """

    array: str
    column: str
    actions: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class RecordedStep:
    """One step of training, as the flight recorder has it; a NaN is what was measured."""

    step: int
    loss: float
    gradient_norm: float
    learning_rate: float


@dataclass(frozen=True)
class RunReport:
    """A watched run: how many `steps` were watched, what the run came to in sentences, and the last recorded steps.

    `told` says what tripped and where, or that nothing did; `before` what the steps before it were like, None without a
    trip. `trip` is what is known of it, None without one. `nearest_limit` says what came nearest to its dtype's limit,
    `cost` is the share of the time that the watch took; None where that was not measured. `recorded` are the last
    steps, `history` all that the flight recorder has, for pictures: YAML and JSON leave them out.
    """

    steps: int
    told: str
    before: str | None = None
    trip: Mapping[str, Any] | None = None
    nearest_limit: str | None = None
    cost: float | None = None
    recorded: tuple[RecordedStep, ...] = ()
    history: tuple[RecordedStep, ...] = ()


@dataclass(frozen=True)
class Report:
    """Everything a report format needs; `findings[0]` is the root cause.

    `examined` are sentences that say what was looked at (rows, passes, loss, instruments), `skipped` the
    rules that could not be applied, `notices` what the reader must know about how the examination was made,
    `check_numerics` what TensorFlow's own instrument said. `prescription` is what data that was examined alone
    needs, column by column. `run` is about a watched training. `pages` are those of the rules that found something.
    `columns` are those of the data, the worst first, and `columns_left_out` how many more there are.
    As text it is the table that the commands print, in a notebook the core of the HTML page.
    """

    tool: Tool
    subject: ReportSubject
    summary: Summary
    findings: tuple[Finding, ...]
    examined: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    layers: tuple[LayerRow, ...] = ()
    check_numerics: Mapping[str, Any] | None = None
    prescription: tuple[ColumnPrescription, ...] = ()
    run: RunReport | None = None
    pages: tuple[RulePage, ...] = ()
    columns: tuple[ColumnRow, ...] = ()
    columns_left_out: int = 0
    schema_version: int = SCHEMA_VERSION

    def __str__(self) -> str:
        from nandoctor.reports.formats import ReportFormat, render

        return render(self, ReportFormat.TABLE).rstrip("\n")

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from nandoctor.reports.html import fragment

        return fragment(self)

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        """What IPython shows in a terminal."""
        printer.text(str(self))

    def to_frame(self) -> pd.DataFrame:
        """The findings and their consequences as a pandas DataFrame, one row each; NandoctorError without pandas."""
        from nandoctor.reports.frame import frame

        return frame(self)
