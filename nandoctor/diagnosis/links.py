"""The chain from symptom to root with what was measured at each link."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from nandoctor.diagnosis.folding import EXPLAINED_BY
from nandoctor.diagnosis.watched import ALL_SYMPTOMS, RATE, SENTINEL, UNSCALED
from nandoctor.facts import Facts, TripFacts
from nandoctor.finding import Finding, Link
from nandoctor.stats import DTYPE_LIMITS
from nandoctor.wording import listing, number, plural

SATURATION = "saturation"
OF_TRAINING = "4"
# Steps that are too long spoil most rows of a batch, not one in ten.
_FEW_ROWS = 0.1
# Seldom used with any data: Keras' defaults are 0.001 (Adam) and 0.01 (SGD).
_LARGE_RATE = 0.1


def with_links(finding: Finding, facts: Facts) -> Finding:
    """The finding with a link for each cause of its chain, and one for the activation that rounded to a zero in it.

    A finding that nothing was seen to follow from has none.
    """
    if len(finding.chain) < 2:
        return finding
    parts = {one.cause: one for one in (*reversed(finding.consequences), finding)}
    links = [_link(cause, parts.get(cause), facts) for cause in finding.chain]
    links = [_inferred(link, below, parts, facts) for link, below in pairwise(links)] + links[-1:]
    links = list(_with_saturation(links, parts, facts))
    return replace(finding, chain=tuple(link.cause for link in links), links=tuple(links))


def _link(cause: str, part: Finding | None, facts: Facts) -> Link:
    if part is None:
        return Link(cause, _symptom(cause, facts))
    sentence = part.message.partition(". ")[0].removesuffix(".")
    where = ", ".join(_where(part, facts))
    return Link(cause, f"{sentence} ({where})" if where else sentence, evidence=part.evidence)


def _where(part: Finding, facts: Facts) -> Iterator[str]:
    location = part.location
    if location.file is not None:
        yield f"{Path(location.file).name}:{location.line}"
    if location.rows:
        rows = len(location.rows)
        one_batch = facts.step is not None and facts.step.batches == 1
        yield f"{rows:,} of {facts.step.rows:,} rows" if facts.step and one_batch else plural(rows, "row")


def _symptom(cause: str, facts: Facts) -> str:
    """What was seen, with when it was and the value."""
    trip = facts.run.trip if facts.run is not None else None
    when = f" at step {trip.step:,}" if trip is not None else ""
    if trip is not None and trip.kind == "evaluation":
        when = f" in batch {trip.batch:,} of {'the validation' if trip.way == 'validation' else trip.way}"
    what = {
        "nonfinite-loss": f"the loss is {_loss(facts, trip)}",
        "nonfinite-gradients": _gradients(facts),
        "nonfinite-weights": "the weights are not finite after the update",
        "nonfinite-outputs": "the outputs are not finite",
    }.get(cause, cause.replace("-", " "))
    return f"{what}{when}"


def _loss(facts: Facts, trip: TripFacts | None) -> str:
    optimizer = facts.run.tripped_optimizer if facts.run is not None else None
    history = optimizer.history if optimizer is not None else None
    recorded = history.loss[trip.step - history.first_step :][:1] if history is not None and trip is not None else ()
    seen = (*recorded, *(facts.step.losses if facts.step is not None else ()))
    return next((number(loss) for loss in seen if not math.isfinite(loss)), "not finite")


def _gradients(facts: Facts) -> str:
    known = [one for one in facts.step.gradients if one.stats is not None] if facts.step is not None else []
    bad = [one.variable for one in known if one.stats is not None and one.stats.nonfinite]
    if not bad:
        return "gradients are not finite"
    whose = "the gradient" if len(known) == 1 else f"{len(bad):,} of {len(known):,} gradients"
    return f"{whose} {'is' if len(bad) == 1 else 'are'} not finite ({listing(bad, 3)})"


def _inferred(link: Link, below: Link, parts: dict[str, Finding], facts: Facts) -> Link:
    """The link, marked where that it follows from the one below it was not seen, with what speaks against it."""
    part, deeper = parts.get(link.cause), parts.get(below.cause)
    if deeper is None or part is None or link.cause in ALL_SYMPTOMS:
        return link
    of_training = OF_TRAINING in (deeper.rule[2:3], part.rule[2:3])
    implied = deeper.cause in EXPLAINED_BY.get(part.cause, ())
    if not (of_training or implied or deeper.cause in UNSCALED or deeper.cause == SENTINEL):
        return link
    return replace(link, basis="inferred", against="; ".join(_against(part, deeper, facts)) or None)


def _against(part: Finding, deeper: Finding, facts: Facts) -> Iterator[str]:
    """What was measured that does not fit the inference."""
    optimizer = facts.run.tripped_optimizer if facts.run is not None else None
    rows = len(part.location.rows or ())
    whole = facts.step.rows if facts.step is not None else 0
    if deeper.cause == RATE:
        if 0 < rows <= _FEW_ROWS * whole:
            yield f"only {rows:,} of {whole:,} rows failed, where too long steps spoil most"
        if optimizer is not None and optimizer.clip:
            yield f"the gradients were clipped ({optimizer.clip})"
    rate = part.evidence.get("learning_rate")
    if deeper.cause in UNSCALED and isinstance(rate, int | float) and rate > _LARGE_RATE:
        yield f"the learning rate of {number(rate)} is large with scaled data, too (limit {number(_LARGE_RATE)})"


def _with_saturation(links: list[Link], parts: dict[str, Finding], facts: Facts) -> Iterator[Link]:
    """The links, with the activation that rounded to 0 behind the finding about the place that failed on that zero.

    What the first of the two is inferred from is what the second is inferred from: the former is measured.
    """
    rounded = facts.step.rounded_to_zero() if facts.step is not None else None
    for link in links:
        part = parts.get(link.cause)
        if rounded is None or part is None or part.about != rounded[0].about:
            yield link
            continue
        layer = rounded[1]
        margin, limit = layer.margin or 0.0, -math.log(DTYPE_LIMITS[layer.dtype].normal)
        yield replace(link, basis="measured", against=None)
        yield Link(
            SATURATION,
            f"the {layer.op_type} of {layer.layer} rounds to 0: its logits differ by up to {number(margin)} (limit of "
            f"{layer.dtype} {number(limit)})",
            link.basis,
            {"margin": margin, "limit": limit},
            link.against,
        )
