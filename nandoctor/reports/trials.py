"""The trial of a remedy in one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nandoctor.finding import Remedy, Scalar
from nandoctor.wording import number, plural

VERDICTS = {"verified": "verified", "not-enough": "tried, not enough", "untried": "not tried"}


def told_trial(remedy: Remedy) -> str:
    """The remedy's verdict with the figures of its trial.

    `verified: loss NaN -> 0.693, gradients finite; 61 of 61 good rows unchanged to 1e-07`
    """
    verdict = VERDICTS[remedy.verdict]
    if remedy.verdict == "untried":
        return f"{verdict}: {remedy.trial['why']}" if "why" in remedy.trial else verdict
    figures = "; ".join(_figures(remedy))
    return f"{verdict}: {figures}" if figures else verdict


def _figures(remedy: Remedy) -> Iterator[str]:
    trial = remedy.trial
    if "tried" in trial:
        yield str(trial["tried"])
    told = []
    if "loss_before" in trial and "loss_after" in trial:
        told.append(f"loss {_value(trial['loss_before'])} -> {_value(trial['loss_after'])}")
    if remedy.verdict == "verified":
        told.append(_finite(trial))
    if told:
        yield ", ".join(told)
    if "steps_passed" in trial:
        of = f" (failed at step {_value(trial['failing_step'])} without)" if "failing_step" in trial else ""
        yield f"{plural(int(trial['steps_passed']), 'step')} passed{of}"
    if "rows_compared" in trial:
        yield _rows(trial["rows_unchanged"], trial["rows_compared"], trial.get("largest_change"))
    if remedy.verdict == "not-enough" and "why" in trial:
        yield str(trial["why"])


def _finite(trial: Mapping[str, Scalar]) -> str:
    """What is finite: a trial on one step has a norm of gradients where there are any, and says how it updated."""
    if "updated_with" in trial:
        return "gradients and updated weights finite"
    return "results finite" if "rows_compared" in trial and "gradient_norm" not in trial else "gradients finite"


def _rows(unchanged: Scalar, compared: Scalar, change: Scalar | None) -> str:
    if not compared:
        return "no row was fine before"
    of = f" (largest change {_value(change)})" if change else ""
    return f"{_value(unchanged)} of {plural(int(compared), 'good row')} unchanged{of}"


def _value(value: Scalar) -> str:
    return value if isinstance(value, str) else number(value)
