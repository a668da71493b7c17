"""What follows from what in a watched run, beyond what the passes themselves show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nandoctor.facts import RunFacts, TripFacts
from nandoctor.finding import SEVERITIES, Finding
from nandoctor.wording import number

RATE = "learning-rate-too-high"
POISON = "update-poison"
COLLAPSE = "loss-scale-collapse"
HIDDEN = "hidden-nonfinite"
EVALUATION = "val-only-nonfinite"
LAST_RESORT = "unexplained-trip"
SENTINEL = "sentinel-in-data"
NOT_FINITE = frozenset({"nan-in-data", "inf-in-data", "missing-in-data", "nonfinite-from-pipeline"})
UNSCALED = frozenset({"unscaled-input", "unscaled-target"})
OVERFLOWS = frozenset(
    {
        "accumulation-overflow",
        "exp-overflow",
        "pow-overflow",
        "hyperbolic-overflow",
        "cast-overflow",
        "float16-overflow",
        "bfloat16-overflow",
        "unbounded-recurrent-activation",
        "exploding-gradient",
        "huge-weights",
        "bad-initialization",
        "inf-minus-inf",
        "inf-over-inf",
        "zero-times-inf",
        "nonfinite-operation",
        "nonfinite-gradient",
    }
)
OF_TRAINING = "4"
OF_DATA = "1"
SYMPTOMS = {
    "loss": "nonfinite-loss",
    "gradient": "nonfinite-gradients",
    "weights": "nonfinite-weights",
    "evaluation": "nonfinite-outputs",
}
ALL_SYMPTOMS = frozenset(SYMPTOMS.values())


def of_run(roots: Sequence[Finding], run: RunFacts) -> tuple[Finding, ...]:
    """The roots of a run: each with what follows from it, whether the passes or the training showed it.

    Each keeps its place in the order. A finding that nothing is known of but the trip stays only where no other one
    explains the trip.
    """
    trip = run.trip
    kept = [one for one in roots if one.cause != LAST_RESORT or not _explained(roots, trip)]
    above: dict[int, Finding] = {}
    for finding in kept:
        explaining = next((one for one in kept if one is not finding and _explains(one, finding, trip, kept)), None)
        if explaining is not None and not _below(explaining, finding, above):
            above[id(finding)] = explaining
    return tuple(_whole(one, kept, above, trip) for one in kept if id(one) not in above)


def of_the_trip_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The same findings; among equally severe ones those first that lead to what was seen."""
    return tuple(
        sorted(findings, key=lambda one: (SEVERITIES.index(one.severity), not ALL_SYMPTOMS.intersection(one.chain[:1])))
    )


def _explained(findings: Sequence[Finding], trip: TripFacts | None) -> bool:
    """Whether one of the errors says why the guard tripped."""
    if trip is None:
        return True
    errors = {one.cause for one in findings if one.severity == "error"} - {LAST_RESORT}
    match trip.kind:
        case "learning-rate":
            return "nonfinite-learning-rate" in errors
        case "weights":
            return POISON in errors
        case "evaluation":
            return EVALUATION in errors
        case "other-worker":
            return False
        case _ if trip.reproduced is False:
            return RATE in errors
        case _:
            return bool(errors - {EVALUATION})


def _explains(one: Finding, other: Finding, trip: TripFacts | None, every: Sequence[Finding]) -> bool:
    """Whether the cause of one implies the other's; `every` finding there is tells what else is unscaled."""
    if one.cause in UNSCALED:
        return other.cause == RATE and _scaling_would_do(one, other, every)
    if one.cause == SENTINEL:
        return one.severity != "note" and _spoils(one, other)
    if SEVERITIES.index(one.severity) > SEVERITIES.index(other.severity):
        return False
    family = other.rule[2:3]
    match one.cause:
        case "learning-rate-too-high":
            return other.cause in OVERFLOWS or one.evidence.get("drove") == other.location.op is not None
        case "nonfinite-learning-rate":
            return other.cause in (RATE, POISON)
        case "optimizer-epsilon":
            return other.cause == POISON
        case "update-poison":
            # What was replayed ran on the weights that the update had spoiled.
            return family not in (OF_DATA, OF_TRAINING)
        case "loss-scale-collapse":
            return other.location.phase == "backward"
    if other.cause == EVALUATION and trip is not None:
        # It is one evaluation that was replayed, and what it ran into is no error of the training's.
        return other.about == f"evaluation:{trip.way}" and one.severity == "error" and _led_to(one)
    if other.cause == HIDDEN:
        return _hides(other, one)
    if other.cause == COLLAPSE:
        return one.severity == "error" and one.location.phase in ("data", "forward")
    return other.cause == EVALUATION and one.severity == "error" and one.rule[2:3] == OF_DATA


def _led_to(finding: Finding) -> bool:
    """Whether what was replayed showed that the finding leads to values that are not finite."""
    return bool(ALL_SYMPTOMS.intersection(finding.chain[:1]))


def _hides(hidden: Finding, one: Finding) -> bool:
    """Whether what a compiled step hides is what the other finding tells of: the data that it comes from, or its op."""
    if hidden.location.phase == "data":
        return one.severity == "error" and one.cause in NOT_FINITE
    return one.location.op is not None and one.location.op == hidden.location.op


def _scaling_would_do(data: Finding, rate: Finding, every: Sequence[Finding]) -> bool:
    """Whether unscaled data alone account for a first update that is too long.

    With inputs of a magnitude m the first update is up to m * m times as long as with inputs of magnitude 1, with
    targets of that magnitude m times, with both as many times as their product. What is left when it is divided by that
    must not be longer than 1, about the norm of freshly initialized weights. Where the first update is not known, the
    data are taken for the cause.
    """
    magnitude, first = data.evidence.get("max_abs"), rate.evidence.get("first_update_norm")
    if not isinstance(magnitude, int | float) or not isinstance(first, int | float):
        return True
    others = [one.evidence.get("max_abs") for one in every if one.cause in UNSCALED - {data.cause}]
    together = magnitude * max((one for one in others if isinstance(one, int | float)), default=1.0)
    return bool(first <= max(together, magnitude**2 if data.cause == "unscaled-input" else magnitude))


def _spoils(sentinel: Finding, other: Finding) -> bool:
    """Whether all rows in which something overflowed hold the sentinel, or its columns are those that look unscaled."""
    if other.cause in UNSCALED:
        columns = set(other.location.columns or ())
        return other.about == sentinel.about and columns <= set(sentinel.location.columns or ())
    rows = set(other.location.dataset_rows or ())
    return other.cause in OVERFLOWS and bool(rows) and rows <= set(sentinel.location.dataset_rows or ())


def _below(finding: Finding, other: Finding, above: dict[int, Finding]) -> bool:
    """Whether a finding is the other one or follows from it."""
    while finding is not other and id(finding) in above:
        finding = above[id(finding)]
    return finding is other


def _whole(finding: Finding, kept: Sequence[Finding], above: dict[int, Finding], trip: TripFacts | None) -> Finding:
    """The finding with all that follows from it below it, and the chain from what was seen to it."""
    under = [_whole(one, kept, above, trip) for one in kept if above.get(id(one)) is finding]
    flat = [part for one in under for part in (replace(one, consequences=(), chain=()), *one.consequences)]
    severity = min((finding.severity, *(one.severity for one in under)), key=SEVERITIES.index)
    own = finding.chain or (finding.cause,)
    symptom = SYMPTOMS.get(trip.kind) if trip is not None else None
    chains = [one.chain or (one.cause,) for one in under if one.cause != HIDDEN]
    # Of several ways to the root the one from what tripped, else the longest.
    best = max(chains, key=lambda chain: (chain[0] == symptom, len(chain)), default=None)
    chain = own if best is None else (*best, finding.cause)
    if symptom == SYMPTOMS["weights"] and chain[0] in ALL_SYMPTOMS:
        # The loss was finite in the run: its replay is on the weights that the update spoiled.
        chain = chain[1:]
    if symptom == SYMPTOMS["gradient"] and chain[0] == SYMPTOMS["loss"]:
        # The compiled step hid it: the loss was finite in the run, and is not where each op runs by itself.
        chain = (symptom, *chain[1:])
    if symptom is not None and severity == "error" and _leads(finding, under) and chain[0] not in ALL_SYMPTOMS:
        chain = (symptom, *chain)
    return replace(
        finding,
        severity=severity,
        message=_with_rate(finding, under),
        consequences=(*finding.consequences, *flat),
        chain=tuple(dict.fromkeys(chain)),
    )


def _leads(finding: Finding, under: Sequence[Finding]) -> bool:
    """Whether a finding of the training leads to the trip: itself or what is below it."""
    return finding.rule[2:3] == OF_TRAINING or any(one.rule[2:3] == OF_TRAINING for one in under)


def _with_rate(finding: Finding, under: Sequence[Finding]) -> str:
    """The message of unscaled data with the rate that was too high for them."""
    rate = next((one.evidence.get("learning_rate") for one in under if one.cause == RATE), None)
    if finding.cause not in UNSCALED or not isinstance(rate, int | float):
        return finding.message
    return f"{finding.message} A learning rate of {number(rate)} is too high for that: the training diverged."
