"""Data alone, examined without TensorFlow."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nandoctor import __version__
from nandoctor.api.writing import write_facts
from nandoctor.config import read_config
from nandoctor.errors import USAGE, NandoctorError
from nandoctor.finding import Report, Tool

if TYPE_CHECKING:
    from nandoctor.probes.data.stream.part import Run


def check_data(
    *paths: Path | str,
    target: str | None = None,
    loss: str | None = None,
    head: str | None = None,
    dtype: str | None = None,
    splits: Mapping[str, str] | None = None,
    batch_size: int = 32,
    exclude: Sequence[str] = (),
    max_bytes: int | None = None,
    dask: str | None = None,
    save_facts: Path | None = None,
    scaler: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Examine data alone, to the cell, and say what would make a training non-finite or hard, and what to do about it.

    `target` names the label, `loss` and `head` (`UNITS:ACTIVATION`) what the labels are judged by, `dtype` what the
    values are to be fed as. With `splits` (name to path) the first is the one to train on. `dask` is a scheduler's
    address, or "local" for worker processes on this machine. `scaler` is where the means and variances of the columns
    go. `progress(rows, bytes)` is told what was read so far. TensorFlow is not loaded,
    but for .tfrecord. NandoctorError where the data cannot be examined.
    """
    from nandoctor.diagnosis.diagnose import diagnose
    from nandoctor.diagnosis.scaler import write_scaler
    from nandoctor.facts import Facts
    from nandoctor.probes.data.expected_model import expected_model
    from nandoctor.probes.data.stream.observe import observe_data

    policy = read_config().policy
    if not paths and not splits:
        raise NandoctorError("name a file, or the splits, to check", USAGE)
    subject = expected_model(str(paths[0] if paths else next(iter((splits or {}).values()))), loss, head)
    with _where(dask) as run:
        data = observe_data(
            [str(path) for path in paths],
            target=target,
            exclude=exclude,
            splits=splits or {},
            max_bytes=max_bytes,
            progress=progress,
            run=run,
        )
    facts = Facts(
        tool=Tool("nandoctor", __version__, None, None, platform.python_version()),
        subject=subject,
        data=replace(data, batch_size=batch_size, fed_as=dtype),
        unavailable={"subject": "neither --loss nor --head was given"},
    )
    if save_facts is not None:
        write_facts(facts, save_facts)
    if scaler is not None:
        write_scaler(data, scaler)
    return diagnose(facts, policy)


def _where(dask: str | None) -> AbstractContextManager[Run]:
    """What runs the parts of the data: threads of this process, or the workers of a Dask scheduler."""
    from nandoctor.probes.data.stream.part import run_parts

    if dask is None:
        return nullcontext(run_parts)
    from nandoctor.probes.data.stream.dask import running_on

    return running_on(dask)
