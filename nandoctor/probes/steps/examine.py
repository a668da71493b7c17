"""The examination of a subject on batches of data: from a Subject and arrays to facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nandoctor.facts import (
    CheckNumericsFacts,
    HeadFacts,
    HiddenFacts,
    InputFacts,
    LossFacts,
    Origin,
    StepFacts,
    SubjectFacts,
)
from nandoctor.probes.models.subject import Subject
from nandoctor.probes.steps.check_numerics import check_numerics_pass
from nandoctor.probes.steps.gathering import gathered_hidden, gathered_origins, gathered_refusals
from nandoctor.probes.steps.loss import ChosenLoss, choose_loss
from nandoctor.probes.steps.loss_terms import term_facts
from nandoctor.probes.steps.passes import Feeds, Pass, run_pass, training_pass
from nandoctor.probes.steps.profile import (
    absorbed_facts,
    gradient_facts,
    layer_facts,
    loop_facts,
    nearest_limits,
    watch_list,
)
from nandoctor.probes.steps.source import source_lines
from nandoctor.probes.steps.structure import head_facts, input_facts
from nandoctor.probes.steps.trace import Batch, Step, handle_names, trace_inference
from nandoctor.stats import Array

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Examination:
    """What the passes gave: facts of the subject, the step, the compiled run and TensorFlow's own instrument.

    `training` is the step with loss and gradients, `feeds` what it was run on, `fixed` whether it takes no other number
    of rows.
    """

    subject: SubjectFacts
    step: StepFacts
    hidden: HiddenFacts
    check_numerics: CheckNumericsFacts | None
    training: Step
    feeds: Feeds
    fixed: bool


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
    histograms: bool = False,
) -> Examination:
    """Run the subject over the batches (ranges of rows) and gather what was observed.

    `take(array, rows)` picks rows, `inputs` are arrays by input name, `labels` by output name (empty for none),
    `notices` what the report must say of
    how they were made. With `histograms` those of the layers' outputs and of the gradients are taken. NandoctorError
    where the model cannot be run on the data or the loss cannot be made.
    """
    feed_of = Feeds(subject, inputs, labels, batches, take)
    first = feed_of.batch(0)
    inference = Pass(trace_inference(subject, first), {})
    inference.watch = watch_list(inference.step, histograms=histograms)
    shapes = _output_shapes(inference.step)
    preliminary = head_facts(inference.step, shapes, {})
    chosen = choose_loss(subject, preliminary, labels, loss)
    skipped = subject.no_gradients if backward else "left out with --no-backward"
    training = training_pass(subject, chosen, first, skipped is None, histograms=histograms)
    names = handle_names(subject)
    passes = [inference, training]
    total = len(passes) * len(batches)
    for index in range(len(batches)):
        batch = feed_of.batch(index)
        for place, one in enumerate(passes):
            progress("running the model op by op", index * len(passes) + place, total)
            run_pass(subject, one, batch if one is training else batch.without_labels(), names)
    progress("looking for the rows", total, total)
    fixed = any(spec.shape and spec.shape[0] is not None for spec in subject.inputs)
    gathered = gathered_origins(subject, passes, feed_of, fixed)
    origins = gathered.origins
    facts = StepFacts(
        batches=len(batches),
        rows=sum(len(rows) for rows in batches),
        executions=sum(one.executions for one in passes),
        losses=tuple(training.losses),
        origins=origins,
        layers=layer_facts(inference.step, inference.observations, inference=True),
        gradients=gradient_facts(training.step, training.gradients, subject),
        loops=loop_facts(inference.step, inference.observations, source_lines(inference.step, subject.debug_info)),
        refusals=gathered_refusals(subject, passes, feed_of, fixed),
        near_limits=nearest_limits(training.step, training.observations),
        terms=term_facts(
            training.step,
            training.observations,
            gathered.by_birth[1],
            source_lines(training.step, subject.debug_info),
        ),
        absorbed=absorbed_facts(inference.step, inference.observations),
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
            [*subject.notices, *notices, *_remarks(subject, skipped), *_about_loss(subject, chosen.facts)],
        ),
        step=facts,
        hidden=gathered_hidden(passes),
        check_numerics=said,
        training=training.step,
        feeds=feed_of,
        fixed=fixed,
    )


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


def _remarks(subject: Subject, skipped: str | None) -> list[str]:
    """What the reader must know about how the gradients were taken."""
    if skipped is not None:
        return [f"scanned forward only: {skipped}"]
    if subject.train is None:
        return ["the artefact does not hold training behaviour: gradients were taken with inference behaviour"]
    return []


def _about_loss(subject: Subject, losses: Sequence[LossFacts]) -> list[str]:
    """What the reader must know about a loss that is not the user's own."""
    said = [loss.reason for loss in losses if loss.chosen == "inferred"]
    if subject.compiled_loss is not None and any(loss.chosen == "outputs" for loss in losses):
        names = ", ".join(dict.fromkeys(subject.compiled_loss.names.values()))
        said.append(f"the model's own loss ({names}) was not run, for want of labels: name them with --labels")
    return said


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
