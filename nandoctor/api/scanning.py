"""A model, saved or in memory, examined on data."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nandoctor.api.boarding import onto_board
from nandoctor.api.operating import operated_on
from nandoctor.api.writing import write_facts
from nandoctor.config import read_config
from nandoctor.errors import USAGE, NandoctorError
from nandoctor.finding import Report

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nandoctor.facts import Facts, StepFacts
    from nandoctor.probes.data.dataset import DataSet
    from nandoctor.probes.models.live_model import LiveModel
    from nandoctor.probes.models.subject import Subject
    from nandoctor.probes.trials.patient import Patient

Progress = Callable[[str, int, int], None]


def scan(
    model: Path | str | LiveModel,
    data: Path | str | Mapping[str, ArrayLike] | ArrayLike,
    *,
    labels: str | ArrayLike | None = None,
    loss: str | None = None,
    signature: str | None = None,
    batch_size: int = 32,
    max_batches: int = 8,
    backward: bool = True,
    check_numerics: bool = True,
    unsafe: bool = False,
    treat: bool = False,
    save_facts: Path | None = None,
    tensorboard: Path | str | None = None,
    notices: Sequence[str] = (),
    progress: Progress | None = None,
) -> Report:
    """Examine a model on data, forward and backward, and say what is wrong with its numbers, or that nothing is.

    `model` is a path or a model of Keras or tf-keras, `data` a path, an array, or arrays by name. `labels` are an
    array, or name the target in the data; `loss` names a Keras loss or `module:function`; `unsafe` lets a `.keras` file
    bring its own code. With `treat` the remedies that are an operation on one step are tried on it. `tensorboard` is a
    folder that what is seen and the report are written to for TensorBoard. `notices` are sentences that the report is
    to show before its own. `progress(what, done, total)` is called as the work goes on. NandoctorError where the model
    or the data cannot be examined, or the folder cannot be written. Neither the model nor the data is changed.
    """
    from nandoctor.diagnosis.diagnose import diagnose
    from nandoctor.probes.board.board import open_board

    policy = read_config().policy
    board = open_board(Path(tensorboard)) if tensorboard is not None else None
    progress = progress or _silent
    with _unchanged(model):
        observed = observe(
            model,
            data,
            labels=labels,
            loss=loss,
            signature=signature,
            batch_size=batch_size,
            max_batches=max_batches,
            backward=backward,
            check_numerics=check_numerics,
            unsafe=unsafe,
            notices=notices,
            progress=progress,
            histograms=board is not None,
        )
        if save_facts is not None:
            write_facts(observed.facts, save_facts)
        report = diagnose(observed.facts, policy)
        if treat:
            progress("trying the remedies", 0, 1)
            report = operated_on(report, observed.facts, observed.patient())
        if board is not None:
            onto_board(board, observed.facts, report)
        return report


@dataclass(frozen=True)
class Observed:
    """What a scan observed, and how to get its step as one to operate on (or why it cannot be)."""

    facts: Facts
    patient: Callable[[], Patient | str]


def observe(
    model: Any,
    data: Any,
    *,
    labels: Any,
    loss: str | None,
    signature: str | None,
    batch_size: int,
    max_batches: int,
    backward: bool,
    check_numerics: bool,
    unsafe: bool,
    notices: Sequence[str],
    progress: Progress,
    histograms: bool = False,
) -> Observed:
    """Everything that a scan observes, before any rule has looked at it; the arguments are those of `scan`.

    With `histograms` of it, if these are wanted.
    """
    from nandoctor.facts import Facts
    from nandoctor.probes.data.batches import choose_rows, telling_rows
    from nandoctor.probes.data.match import match
    from nandoctor.probes.data.matched import WantedInput
    from nandoctor.probes.data.profile import data_facts
    from nandoctor.probes.data.ragged import take

    progress("reading the data", 0, 1)
    data_set, target = _data(data, labels)
    progress("loading the model", 0, 1)
    from nandoctor.probes.models.versions import tool
    from nandoctor.probes.models.weights import weight_facts
    from nandoctor.probes.source.traced import source_at
    from nandoctor.probes.steps.examine import examine

    subject = _subject(model, signature, unsafe)
    wanted = [WantedInput(one.name, one.shape, one.dtype, one.ragged) for one in subject.inputs]
    matched = match(data_set, wanted, subject.outputs, target)
    profiled = replace(data_facts(data_set, matched), from_file=_is_path(data))
    batch_size = _fixed_batch(subject) or batch_size
    batches = choose_rows(matched.rows, batch_size, max_batches, telling_rows(profiled))
    examination = examine(
        subject,
        matched.inputs,
        matched.labels,
        batches,
        take=take,
        loss=loss,
        backward=backward,
        check_numerics=check_numerics,
        notices=(*notices, *matched.notes),
        progress=progress,
        histograms=histograms,
    )
    unavailable: Mapping[str, str] = {"check_numerics": "left out with --no-check-numerics"}

    def patient() -> Patient | str:
        from nandoctor.probes.trials.patient import patient_of

        return patient_of(subject, examination.training, examination.feeds, fixed=examination.fixed)

    facts = Facts(
        tool=tool(),
        subject=examination.subject,
        data=replace(profiled, batch_size=batch_size, examined_rows=tuple((rows.start, rows.stop) for rows in batches)),
        weights=weight_facts(subject),
        step=examination.step,
        hidden=examination.hidden,
        source=source_at(_lines(examination.step)),
        check_numerics=examination.check_numerics,
        unavailable={} if check_numerics else unavailable,
    )
    return Observed(facts, patient)


def _data(data: Any, labels: Any) -> tuple[DataSet, str | None]:
    """The data, and the name that the labels have in it."""
    if _is_path(data):
        from nandoctor.probes.data.read import read_data

        if labels is not None and not isinstance(labels, str):
            raise NandoctorError("labels that are an array go with data that are; name those in a file", USAGE)
        return read_data(Path(data)), labels
    from nandoctor.probes.data.given import LABELS, data_given

    if labels is None or isinstance(labels, str):
        return data_given(data), labels
    return data_given(data, labels), LABELS


def _is_path(given: Any) -> bool:
    return isinstance(given, str | os.PathLike)


def _subject(model: Any, signature: str | None, unsafe: bool) -> Subject:
    if _is_path(model):
        from nandoctor.probes.models.load import load_subject

        return load_subject(Path(model), signature=signature, unsafe=unsafe)
    from nandoctor.probes.models.live_model import subject_of_model

    return subject_of_model(model)


def _unchanged(model: Any) -> AbstractContextManager[None]:
    """A block after which a model in memory is what it was before."""
    if _is_path(model):
        return nullcontext()
    from nandoctor.probes.models.live_model import same_metrics

    return same_metrics(model)


def _lines(step: StepFacts | None) -> list[tuple[str, int]]:
    """The source lines of the operations that went wrong, as far as they are known."""
    if step is None:
        return []
    places = [*(one.source for one in step.origins), *(one.source for one in step.refusals)]
    return [(one.file, one.line) for one in places if one is not None]


def _fixed_batch(subject: Subject) -> int | None:
    """The batch size that the model insists on, None where it takes any."""
    for one in subject.inputs:
        if one.shape and one.shape[0] is not None:
            return one.shape[0]
    return None


def _silent(_what: str, _done: int, _total: int) -> None:
    """Nobody wants to know."""
