"""The examination of a subject on batches of data: from a Subject and arrays to facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nandoctor.errors import NandoctorError
from nandoctor.facts import (
    CheckNumericsFacts,
    HeadFacts,
    HiddenFacts,
    InputFacts,
    LossFacts,
    Origin,
    Refusal,
    StepFacts,
    SubjectFacts,
)
from nandoctor.finding import Phase
from nandoctor.probes.models.subject import Subject
from nandoctor.probes.steps.check_numerics import check_numerics_pass
from nandoctor.probes.steps.hidden import disagreements
from nandoctor.probes.steps.interpreter import RefusedError
from nandoctor.probes.steps.loss import ChosenLoss, choose_loss
from nandoctor.probes.steps.naming import forward_name, is_gradient
from nandoctor.probes.steps.observation import Key, Look, Observations
from nandoctor.probes.steps.origins import Reached, origins_of, with_rows
from nandoctor.probes.steps.profile import (
    GradientProfile,
    gradient_facts,
    layer_facts,
    loop_facts,
    nearest_limits,
    watch_list,
)
from nandoctor.probes.steps.rows import culprit_rows
from nandoctor.probes.steps.run import Ran, handle_names, run_batch
from nandoctor.probes.steps.source import source_lines
from nandoctor.probes.steps.structure import head_facts, input_facts
from nandoctor.probes.steps.trace import Batch, Step, tensors, trace_inference, trace_training
from nandoctor.stats import Array

Progress = Callable[[str, int, int], None]
MOST_NARROWED = 6


@dataclass(frozen=True)
class Examination:
    """What the passes gave: facts of the subject, the step, the compiled run and TensorFlow's own instrument."""

    subject: SubjectFacts
    step: StepFacts
    hidden: HiddenFacts
    check_numerics: CheckNumericsFacts | None


@dataclass
class _Pass:
    """One traced step run over all batches."""

    step: Step
    watch: dict[Key, Look]
    observations: Observations = field(default_factory=Observations)
    reached: Reached = field(default_factory=Reached)
    disagreements: list[Any] = field(default_factory=list)
    gradients: GradientProfile = field(default_factory=GradientProfile)
    losses: list[float] = field(default_factory=list)
    executions: int = 0
    compared: int = 0
    refused: list[tuple[int, RefusedError]] = field(default_factory=list)


def examine(
    subject: Subject,
    inputs: Mapping[str, Any],
    labels: Mapping[str, Array],
    batches: Sequence[range],
    *,
    take: Callable[[Any, range], Any],
    loss: str | None,
    backward: bool,
    check_numerics: bool,
    notices: Sequence[str],
    progress: Progress,
) -> Examination:
    """Run the subject over the batches (ranges of rows) and gather what was observed.

    `take(array, rows)` picks rows, `inputs` are arrays by input name, `labels` by output name (empty for none),
    `notices` what the report must say of
    how they were made. NandoctorError where the model cannot
    be run on the data or the loss cannot be made.
    """
    feed_of = _Feeds(subject, inputs, labels, batches, take)
    first = feed_of.batch(0)
    inference = _Pass(trace_inference(subject, first), {})
    inference.watch = watch_list(inference.step)
    shapes = _output_shapes(inference.step)
    preliminary = head_facts(inference.step, shapes, {})
    chosen = choose_loss(subject, preliminary, labels, loss)
    skipped = subject.no_gradients if backward else "left out with --no-backward"
    training = _training_pass(subject, chosen, first, skipped is None)
    names = handle_names(subject)
    passes = [inference, training]
    total = len(passes) * len(batches)
    for index in range(len(batches)):
        batch = feed_of.batch(index)
        for place, one in enumerate(passes):
            progress("running the model op by op", index * len(passes) + place, total)
            _run(subject, one, batch if one is training else batch.without_labels(), names)
    progress("looking for the rows", total, total)
    fixed = any(spec.shape and spec.shape[0] is not None for spec in subject.inputs)
    origins = _origins(subject, passes, feed_of, fixed)
    facts = StepFacts(
        batches=len(batches),
        rows=sum(len(rows) for rows in batches),
        executions=sum(one.executions for one in passes),
        losses=tuple(training.losses),
        origins=origins,
        layers=layer_facts(inference.step, inference.observations, inference=True),
        gradients=gradient_facts(training.step, training.gradients, subject),
        loops=loop_facts(inference.step, inference.observations, source_lines(inference.step, subject.debug_info)),
        refusals=_refusals(subject, passes),
        near_limits=nearest_limits(training.step, training.observations),
        backward=skipped is None,
        backward_skipped=skipped,
    )
    said = None
    if check_numerics:
        batch = feed_of.batch(_first_bad(origins))
        said = check_numerics_pass(subject, _forward(subject, chosen, batch), batch.feeds)
    seen = inference.observations.watched
    heads = head_facts(inference.step, shapes, seen)
    return Examination(
        subject=_subject_facts(
            subject,
            heads,
            input_facts(inference.step, subject.inputs, seen),
            chosen.facts,
            [*subject.notices, *notices, *_remarks(subject, skipped)],
        ),
        step=facts,
        hidden=_hidden(passes),
        check_numerics=said,
    )


@dataclass(frozen=True)
class _Feeds:
    """The data, to be fed batch by batch."""

    subject: Subject
    inputs: Mapping[str, Any]
    labels: Mapping[str, Array]
    batches: Sequence[range]
    take: Callable[[Any, range], Any]

    def batch(self, index: int) -> Batch:
        """One batch as tensors."""
        rows = self.batches[index]
        feeds = tensors({name: self.take(array, rows) for name, array in self.inputs.items()}, self.subject.inputs)
        return Batch(index, rows, feeds, tensors({name: self.take(array, rows) for name, array in self.labels.items()}))


def _training_pass(subject: Subject, chosen: ChosenLoss, batch: Batch, backward: bool) -> _Pass:
    try:
        step = trace_training(subject, chosen.compute, batch, backward=backward)
    except (ValueError, TypeError, LookupError) as error:
        said = str(error).strip().splitlines()
        what = f"the loss ({chosen.facts[0].name})" if chosen.facts else "the loss"
        message = f"{what} cannot be computed on this model and these labels: {said[0][:200] if said else error!r}"
        raise NandoctorError(message) from error
    return _Pass(step, watch_list(step))


def _run(subject: Subject, one: _Pass, batch: Batch, names: dict[int, str]) -> None:
    try:
        ran = run_batch(one.step, batch, one.observations, one.watch, names)
    except RefusedError as refused:
        one.refused.append((batch.index, refused))
        return
    one.executions += ran.executions
    one.reached = one.reached.with_marks(one.step, ran.marks)
    one.gradients.add(one.step, ran)
    one.losses += _loss_values(one.step, ran)
    one.disagreements += disagreements(subject, one.step, ran, batch)
    one.compared += 1


def _loss_values(step: Step, ran: Ran) -> list[float]:
    return [float(value) for (kind, _), value in zip(step.results, ran.values, strict=True) if kind == "loss"]


def _origins(subject: Subject, passes: Sequence[_Pass], feed_of: _Feeds, fixed: bool) -> tuple[Origin, ...]:
    """Origins of all passes, those that a later pass saw again only once, with the rows of the roots narrowed down."""
    kept: list[Origin] = []
    known: dict[tuple[str | int | None, ...], int] = {}
    narrowed = 0
    for one in passes:
        numbers: dict[int, int] = {}
        alike: Counter[tuple[str | None, ...]] = Counter()
        keys = list(one.observations.births)
        lines = source_lines(one.step, subject.debug_info)
        for origin in origins_of(one.step, one.observations, one.reached, lines, feed_of.batches):
            name = origin.op.rpartition("/")[2]
            likeness = (origin.kind, origin.phase, origin.layer, origin.op_type, name, origin.backward_op_type)
            same = (*likeness, alike[likeness])
            alike[likeness] += 1
            if same in known:
                place = numbers[origin.id] = known[same]
                reaches = tuple(dict.fromkeys((*kept[place].reaches, *origin.reaches)))
                kept[place] = replace(kept[place], reaches=reaches, source=kept[place].source or origin.source)
                continue
            found = origin
            if _is_root(origin) and narrowed < MOST_NARROWED:
                narrowed += 1
                found = _narrowed(one, origin, keys[origin.id], feed_of, fixed)
            numbers[origin.id] = known[same] = len(kept)
            parents = tuple(sorted({numbers[parent] for parent in origin.parents if parent in numbers}))
            kept.append(replace(found, id=len(kept), parents=parents))
    return tuple(kept)


def _is_root(origin: Origin) -> bool:
    return origin.kind == "op" and not origin.parents and not origin.contained


def _narrowed(one: _Pass, origin: Origin, key: tuple[Any, ...], feed_of: _Feeds, fixed: bool) -> Origin:
    batch = feed_of.batch(origin.batch)
    takes_labels = any(name.startswith("labels ") for name in one.step.fed)
    culprits = culprit_rows(
        one.step, key, origin.rows, batch if takes_labels else batch.without_labels(), fixed_batch=fixed
    )
    return with_rows(origin, culprits.rows, culprits.note, feed_of.batches)


def _first_bad(origins: Sequence[Origin]) -> int:
    return next((origin.batch for origin in origins if origin.reaches), 0)


def _forward(subject: Subject, chosen: ChosenLoss, batch: Batch) -> Callable[[Mapping[str, Any]], Any]:
    forward = subject.train or subject.infer

    def run(feeds: Mapping[str, Any]) -> Any:
        return chosen.compute(feeds, batch.labels, forward(feeds), subject.train is not None)

    return run


def _output_shapes(step: Step) -> dict[str, tuple[tuple[int | None, ...], str]]:
    found: dict[str, tuple[tuple[int | None, ...], str]] = {}
    for (_, name), tensor in zip(step.results, step.concrete.graph.outputs, strict=True):
        shape = tuple(tensor.shape.as_list()) if tensor.shape.rank is not None else ()
        found[name] = (shape, tensor.dtype.name)
    return found


def _refusals(subject: Subject, passes: Sequence[_Pass]) -> tuple[Refusal, ...]:
    """The ops that raised an error, each once, in order of the passes and batches."""
    found: dict[str, tuple[Refusal, set[int]]] = {}
    for one in passes:
        lines = source_lines(one.step, subject.debug_info) if one.refused else {}
        for batch, refused in one.refused:
            name = forward_name(refused.instruction.name)
            phase: Phase = "backward" if is_gradient(refused.instruction.name) else "forward"
            layer, op_type = one.step.names.layer(name), refused.instruction.op_type
            first = Refusal(name, op_type, layer, phase, refused.said, batch, 1, lines.get(name))
            found.setdefault(name, (first, set()))[1].add(batch)
    return tuple(replace(first, batches=len(batches)) for first, batches in found.values())


def _hidden(passes: Sequence[_Pass]) -> HiddenFacts:
    absorbers: list[tuple[str, str, str | None]] = []
    for one in passes:
        for absorber in one.observations.absorbers.values():
            name = absorber.instruction.name
            if absorber.nan:
                absorbers.append((name, absorber.instruction.op_type, one.step.names.layer(name)))
    found = [item for one in passes for item in one.disagreements]
    return HiddenFacts(min(one.compared for one in passes), tuple(found), tuple(dict.fromkeys(absorbers)))


def _remarks(subject: Subject, skipped: str | None) -> list[str]:
    """What the reader must know about how the gradients were taken."""
    if skipped is not None:
        return [f"scanned forward only: {skipped}"]
    if subject.train is None:
        return ["the artefact does not hold training behaviour: gradients were taken with inference behaviour"]
    return []


def _subject_facts(
    subject: Subject,
    heads: tuple[HeadFacts, ...],
    inputs: tuple[InputFacts, ...],
    losses: tuple[LossFacts, ...],
    notices: Sequence[str],
) -> SubjectFacts:
    return SubjectFacts(
        kind=subject.kind,
        path=subject.path,
        format=subject.format,
        signature=subject.signature,
        inputs=inputs,
        heads=heads,
        losses=losses,
        training_behaviour=subject.train is not None,
        notices=tuple(notices),
    )
