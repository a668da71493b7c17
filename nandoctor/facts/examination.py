"""All the facts of one examination, and what the other instruments said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from nandoctor.facts.data import DataFacts
from nandoctor.facts.run import RunFacts
from nandoctor.facts.source import SourceFacts
from nandoctor.facts.step import StepFacts
from nandoctor.facts.subject import SubjectFacts
from nandoctor.facts.weights import WeightFacts
from nandoctor.finding import Tool


@dataclass(frozen=True)
class Disagreement:
    """A result that TensorFlow's compiled step and the op-by-op step do not agree on.

    `what` is the output's name, "loss", or the variable whose gradient it is. The counts are of non-finite
    elements in each.
    """

    kind: Literal["output", "loss", "gradient"]
    what: str
    batch: int
    elements: int
    interpreted_nonfinite: int
    compiled_nonfinite: int


@dataclass(frozen=True)
class HiddenFacts:
    """The model as TensorFlow itself runs it, beside the op-by-op run.

    `absorbers` are ops that took a non-finite value and gave only finite ones in the op-by-op run
    itself (MaxPool, ArgMax, a comparison), as (op name, op type, layer).
    """

    batches: int
    disagreements: tuple[Disagreement, ...] = ()
    absorbers: tuple[tuple[str, str, str | None], ...] = ()


@dataclass(frozen=True)
class CheckNumericsFacts:
    """What a pass under `tf.debugging.enable_check_numerics` said.

    `tripped` with TensorFlow's own `message`, the `op_type` and `tensor` it names; `sees_inside` is False for a
    restored function, whose ops it cannot instrument.
    """

    ran: bool
    tripped: bool = False
    sees_inside: bool = True
    message: str | None = None
    op_type: str | None = None
    tensor: str | None = None


@dataclass(frozen=True)
class Facts:
    """Everything observed; a part that was not observed is None and `unavailable` says why.

    A rule receives the parts that its `check` names as parameters.
    """

    tool: Tool
    subject: SubjectFacts | None = None
    data: DataFacts | None = None
    weights: WeightFacts | None = None
    step: StepFacts | None = None
    hidden: HiddenFacts | None = None
    check_numerics: CheckNumericsFacts | None = None
    run: RunFacts | None = None
    source: SourceFacts | None = None
    unavailable: Mapping[str, str] = field(default_factory=dict)
    schema_version: int = 1
