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
class LayerRow:
    """One line of the layer table: extremes of |activation|, and how far they are from the dtype's limit.

    `headroom` is in powers of two; `gradient_to_weight` is the largest ratio of norms among the layer's
    variables. None where nothing was measured.
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
    `cost` is the share of the time that the watch took; None where that was not measured.
    """

    steps: int
    told: str
    before: str | None = None
    trip: Mapping[str, Any] | None = None
    nearest_limit: str | None = None
    cost: float | None = None
    recorded: tuple[RecordedStep, ...] = ()


@dataclass(frozen=True)
class Report:
    """Everything a report format needs; `findings[0]` is the root cause.

    `examined` are sentences that say what was looked at (rows, passes, loss, instruments), `skipped` the
    rules that could not be applied, `notices` what the reader must know about how the examination was made,
    `check_numerics` what TensorFlow's own instrument said. `prescription` is what data that was examined alone
    needs, column by column. `run` is about a watched training. `pages` are those of the rules that found something.
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
