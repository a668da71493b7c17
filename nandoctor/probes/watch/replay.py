"""A captured step, made to run again: op by op, on the values that it failed on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.facts import SubjectFacts
from nandoctor.facts.examination import HiddenFacts
from nandoctor.facts.step import StepFacts
from nandoctor.probes.compat.watching import own_variable, restored_function
from nandoctor.probes.models.subject import InputSpec, NamedVariable, Subject
from nandoctor.probes.models.unique_names import unique_names
from nandoctor.probes.steps.gathering import gathered_hidden, gathered_origins, gathered_refusals
from nandoctor.probes.steps.hidden import compiled_counts
from nandoctor.probes.steps.loss_terms import possible_terms, term_facts
from nandoctor.probes.steps.observation import Key
from nandoctor.probes.steps.passes import Feeds, Pass, run_pass
from nandoctor.probes.steps.profile import (
    GradientProfile,
    absorbed_facts,
    gradient_facts,
    layer_facts,
    loop_facts,
    nearest_limits,
    watch_list,
)
from nandoctor.probes.steps.source import source_lines
from nandoctor.probes.steps.structure import head_facts, head_nodes, input_facts
from nandoctor.probes.steps.trace import Result, Step, handle_names, step_of
from nandoctor.probes.steps.watched import Look, Watched
from nandoctor.probes.watch.capture import Fed, StepCapture, fed_batch
from nandoctor.probes.watch.drawn import with_drawn
from nandoctor.probes.watch.needed import needed_graph


@dataclass(frozen=True)
class Function:
    """What stands for the traced function of the script: its graph, and what it takes after the batch."""

    graph: Any
    captured_inputs: list[Any]
    name: Any
    run: Any

    def __call__(self, *batch: Any) -> Any:
        """The results as TensorFlow runs the step."""
        return self.run(*batch, *self.captured_inputs)


@dataclass(frozen=True)
class Replayed:
    """What a replay observed."""

    subject: SubjectFacts
    step: StepFacts
    hidden: HiddenFacts
    model: Subject


def replay(
    capture: StepCapture, path: str, meanwhile: Callable[[], object] | None = None, *, histograms: bool = False
) -> Replayed:
    """Run the captured step once, op by op, and gather what was observed.

    TensorFlow's own run of it comes first: `meanwhile` is called while that is under way. With `histograms` those of
    the layers' outputs and of the gradients are taken.
    """
    subject, step, feeds, fixed = restore(capture, path)
    watch = {**dict.fromkeys(possible_terms(step), Look()), **watch_list(step, histograms=histograms)}
    one = Pass(step, watch, gradients=GradientProfile(histograms))
    batch = feeds.batch(0)
    with ThreadPoolExecutor(1) as beside:
        compiled = beside.submit(compiled_counts, subject, step, batch)
        if meanwhile is not None:
            meanwhile()
    run_pass(subject, one, batch, handle_names(subject), compiled.result)
    passes = [one]
    gathered = gathered_origins(subject, passes, feeds, fixed)
    lines = source_lines(step, None)
    facts = StepFacts(
        batches=1,
        rows=len(feeds.batches[0]),
        executions=one.executions,
        losses=tuple(one.losses),
        origins=gathered.origins,
        layers=layer_facts(step, one.observations, inference=capture.evaluation),
        gradients=gradient_facts(step, one.gradients, subject),
        loops=loop_facts(step, one.observations, lines),
        refusals=gathered_refusals(subject, passes, feeds, fixed),
        near_limits=nearest_limits(step, one.observations),
        terms=term_facts(step, one.observations, gathered.by_birth[0], lines),
        absorbed=absorbed_facts(step, one.observations),
        backward=not capture.evaluation,
        backward_skipped="an evaluation takes no gradients" if capture.evaluation else None,
    )
    seen = one.observations.watched
    about = SubjectFacts(
        kind="script",
        path=path,
        format="training script",
        signature=None,
        inputs=input_facts(step, subject.inputs, seen),
        heads=head_facts(step, _output_shapes(step, seen), seen),
        training_behaviour=not capture.evaluation,
    )
    return Replayed(about, facts, gathered_hidden(passes), subject)


def _output_shapes(step: Step, seen: Mapping[Key, Watched]) -> dict[str, tuple[tuple[int | None, ...], str]]:
    """Shape and dtype of each output; what the graph does not tell (it forgets those of variables) as it was seen."""
    nodes = head_nodes(step)
    found: dict[str, tuple[tuple[int | None, ...], str]] = {}
    for (kind, name), tensor in zip(step.results, step.concrete.graph.outputs, strict=True):
        if kind != "output":
            continue
        shape = tuple(tensor.shape.as_list()) if tensor.shape.rank is not None else ()
        watched = seen.get(nodes[name].key) if name in nodes else None
        if watched is not None and watched.shape and tensor.shape.rank in (None, len(watched.shape)):
            shape = (*shape[:1], *watched.shape[1:]) if shape else (None, *watched.shape[1:])
        found[name] = (shape, tensor.dtype.name)
    return found


def restore(capture: StepCapture, path: str) -> tuple[Subject, Step, Feeds, bool]:
    """The captured step as a Step on copies of its variables, its batch, and whether it fixes the batch's size."""
    capture = with_drawn(capture)
    batch = fed_batch(capture)
    fed = (*batch.inputs, *batch.noise, *batch.labels)
    names = unique_names(one.name for one in capture.held)
    variables = [own_variable(one.value) for one in capture.held]
    needed = needed_graph(capture)
    taken = [*(one.tensor for one in fed), *(one.tensor for one in capture.held), *(one.tensor for one in batch.others)]
    function = restored_function(
        needed.graph,
        [needed.given[tensor] for tensor in taken],
        [needed.given.get(tensor, tensor) for _, _, tensor in capture.results],
    )
    held = [variable.handle for variable in variables] + [tf.constant(one.value) for one in batch.others]
    subject = Subject(
        kind="script",
        path=path,
        format="training script",
        signature=None,
        inputs=tuple(_spec(one) for one in batch.inputs),
        outputs=tuple(name for kind, name, _ in capture.results if kind == "output"),
        infer=_not_traced,
        train=None,
        compiled_loss=None,
        variables=tuple(
            NamedVariable(name, variable, one.trainable)
            for name, variable, one in zip(names, variables, capture.held, strict=True)
        ),
        layers=capture.layers,
        root=capture.root,
    )
    renamed = {one.name: name for one, name in zip(capture.held, names, strict=True)}
    results: tuple[Result, ...] = tuple(
        (kind, renamed.get(name, name) if kind == "gradient" else name) for kind, name, _ in capture.results
    )
    step = step_of(
        subject,
        Function(function.graph, held, function.name, function),
        (*(one.name for one in (*batch.inputs, *batch.noise)), *(f"labels {one.name}" for one in batch.labels)),
        results,
        (),
        lines=capture.lines,
    )
    feeds = Feeds(
        subject,
        {one.name: one.value for one in (*batch.inputs, *batch.noise)},
        {one.name: one.value for one in batch.labels},
        [range(batch.rows)],
        lambda array, wanted: array[wanted.start : wanted.stop],
    )
    fixed = any(tensor.shape.rank and tensor.shape[0] is not None for tensor in function.graph.inputs[: len(fed)])
    return subject, step, feeds, fixed


def _spec(one: Fed) -> InputSpec:
    return InputSpec(one.name, (None, *np.shape(one.value)[1:]), tf.as_dtype(one.value.dtype).name)


def _not_traced(_tensors: Any) -> Any:
    raise NotImplementedError("a captured step is run as it was traced")
