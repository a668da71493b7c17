"""Which finding follows from which: consequences are put under their root."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from nandoctor.facts import Facts, Origin
from nandoctor.finding import CONFIDENCES, SEVERITIES, Finding

SYMPTOMS = {"loss": "nonfinite-loss", "gradient": "nonfinite-gradients", "output": "nonfinite-outputs"}
ByAbout = Mapping[str, Sequence[Finding]]
TRAP = "where-gradient-trap"
NOT_FINITE = frozenset(
    {
        "nan-in-data",
        "inf-in-data",
        "missing-in-data",
        "non-numeric-data",
        "labels-out-of-range",
        "precision-loss",
        "nonfinite-from-pipeline",
    }
)
EXPLAINED_BY: Mapping[str, tuple[str, ...]] = {
    "dead-relu": ("constant-column", "bad-initialization"),
    "zero-gradient": (
        "constant-column",
        "bad-initialization",
        "dead-relu",
        "saturation",
        "loss-activation-mismatch",
        "no-gradient-path",
    ),
    "vanishing-gradient": ("bad-initialization", "dead-relu", "saturation"),
    "exploding-gradient": ("unbounded-recurrent-activation", "huge-weights"),
    "accumulation-overflow": ("huge-weights",),
    "exp-overflow": ("huge-weights",),
    "float16-overflow": ("huge-weights",),
    "bfloat16-overflow": ("huge-weights",),
    "hyperbolic-overflow": ("huge-weights",),
    "nonfinite-gradient": ("huge-weights",),
    "pow-overflow": ("huge-weights",),
    "target-outside-output-range": ("labels-out-of-range",),
    "op-raises-error": ("labels-out-of-range",),
    "loss-sign": ("labels-out-of-range", "loss-activation-mismatch"),
}


def folded(findings: Sequence[Finding], facts: Facts) -> tuple[Finding, ...]:
    """The findings that are roots, each with its consequences under it and its chain from symptom to root.

    Links between origins are measured (the values of one were seen to feed the other); the links of `EXPLAINED_BY`
    are between causes that imply each other.
    """
    kept = _one_each(findings)
    origins = facts.step.origins if facts.step else ()
    above = _above(kept, origins, facts)
    followers: dict[int, list[Finding]] = {}
    for finding, root in above.values():
        top = root
        while id(top) in above:
            top = above[id(top)][1]
        followers.setdefault(id(top), []).append(finding)
    return tuple(
        _with_consequences(finding, sorted(followers.get(id(finding), []), key=_execution), origins, facts)
        for finding in kept
        if id(finding) not in above
    )


def _above(kept: Sequence[Finding], origins: Sequence[Origin], facts: Facts) -> dict[int, tuple[Finding, Finding]]:
    """Each finding that follows from another one, by its identity, with the one that it follows from."""
    by_about = _by_about(kept, facts)
    found: dict[int, tuple[Finding, Finding]] = {}
    for origin in origins:
        finding = next(iter(by_about.get(origin.about, ())), None)
        root = _root(origin, origins, by_about, facts)
        if finding is not None and root is not None and root is not finding:
            found[id(finding)] = (finding, root)
    for finding in kept:
        root = _root_of_term(finding, origins, by_about, facts)
        if root is not None:
            found[id(finding)] = (finding, root)
    for finding in kept:
        explaining = next((one for one in kept if _explains(one, finding)), None)
        if explaining is not None and id(finding) not in found and not _below(explaining, finding, found):
            found[id(finding)] = (finding, explaining)
    return found


def _root_of_term(finding: Finding, origins: Sequence[Origin], by_about: ByAbout, facts: Facts) -> Finding | None:
    """The finding that a term of the loss follows from: that of the first origin whose values arrived in it."""
    terms = facts.step.terms if facts.step else ()
    arrived = {number for term in terms if finding.about == f"term:{term.op}" for number in term.origins}
    roots = (_root(origin, origins, by_about, facts) for origin in origins if origin.id in arrived)
    return next(filter(None, roots), None)


def _execution(finding: Finding) -> float:
    """When the origin that a finding explains was executed; what is about no origin comes last."""
    kind, _, place = (finding.about or "").partition(":")
    return float(place) if kind == "origin" else math.inf


def _below(finding: Finding, other: Finding, above: Mapping[int, tuple[Finding, Finding]]) -> bool:
    """Whether a finding is the other one or follows from it."""
    while finding is not other and id(finding) in above:
        finding = above[id(finding)][1]
    return finding is other


def _by_about(findings: Sequence[Finding], facts: Facts) -> ByAbout:
    """Findings by what they explain: several about an array, one about anything else.

    A finding about rows that did not go through the model explains nothing that was seen there, and is left out.
    """
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.about and _was_run(finding, facts):
            found.setdefault(finding.about, []).append(finding)
    return found


def _was_run(finding: Finding, facts: Facts) -> bool:
    rows = finding.location.dataset_rows
    if finding.location.phase != "data" or rows is None or facts.data is None or not facts.data.examined_rows:
        return True
    return any(first <= row < past for row in rows for first, past in facts.data.examined_rows)


def _explains(one: Finding, other: Finding) -> bool:
    """Whether the cause of one implies the other's, which must not be the more severe: it would be out of sight.

    An impossible variance explains the square root of it, in its own layer; inputs that are constant throughout a ReLU
    that is dead on the one row there is, and inputs of zeros that no gradient comes about.
    """
    implied = one.cause in EXPLAINED_BY.get(other.cause, ())
    if one.cause == "constant-column":
        implied = (
            implied and one.severity == "warning" and (other.cause == "dead-relu" or one.evidence["largest"] == 0.0)
        )
    if one.cause == "huge-weights":
        grows = other.cause == "exploding-gradient" and other.severity == "warning"
        implied = implied and (grows or (one.severity == "error" and other.severity != "note"))
    if one.cause == "bad-initialization" and other.cause == "dead-relu":
        implied = one.location.layer == other.location.layer
    if other.cause == "invalid-domain" and other.location.rows is None:
        implied = one.cause == "nonfinite-weights" and one.location.layer == other.location.layer is not None
    return implied and SEVERITIES.index(one.severity) <= SEVERITIES.index(other.severity)


def _one_each(findings: Sequence[Finding]) -> list[Finding]:
    """One finding for each origin: the surest, then the most severe, then the lowest code."""

    def order(finding: Finding) -> tuple[int, int, str]:
        return CONFIDENCES.index(finding.confidence), SEVERITIES.index(finding.severity), finding.rule

    best: dict[str, Finding] = {}
    for finding in sorted(findings, key=order):
        if finding.about and finding.about.startswith("origin:"):
            best.setdefault(finding.about, finding)
    return [one for one in findings if one.about is None or one.about not in best or best[one.about] is one]


def _root(origin: Origin, origins: Sequence[Origin], by_about: ByAbout, facts: Facts) -> Finding | None:
    """The finding that an origin ultimately follows from; its own where it is a root.

    Of origins that follow from each other in a circle it is the first that has one.
    """
    way: list[Origin] = []
    current: Origin | None = origin
    while current is not None and current not in way:
        way.append(current)
        current = _before(current, origins, by_about, facts)
    if current is not None:
        way = sorted(way[way.index(current) :], key=lambda one: -one.id)
    explained = [finding for one in way if (finding := _finding_of(one, by_about, facts, origin))]
    return explained[-1] if explained else None


def _before(origin: Origin, origins: Sequence[Origin], by_about: ByAbout, facts: Facts) -> Origin | None:
    """The origin that this one follows from; a constant (a mask) is never the cause of what was made of it.

    Of an op whose result and gradient both stopped being finite, the gradient follows from the result, be it squashed
    again or not; only where a Select leaves the result out on purpose, it is the gradient that matters.
    """
    parents = [one for one in origins if one.id in (*origin.parents, *origin.after) and one.kind != "constant"]
    own = _finding_of(origin, by_about, facts)
    if own is not None and own.cause == TRAP:
        parents = [one for one in parents if not (_left_out(one) and one.op == origin.op)]
    explained = [one for one in parents if _finding_of(one, by_about, facts)]
    if explained or parents:
        return (explained or parents)[0]
    twins = [one for one in origins if one.op == origin.op and one.layer == origin.layer and one.phase != origin.phase]
    for twin in twins:
        forward, backward = (twin, origin) if origin.phase == "backward" else (origin, twin)
        gradient = _finding_of(backward, by_about, facts)
        trapped = _left_out(forward) and gradient is not None and gradient.cause == TRAP
        if trapped is (twin is backward) and _finding_of(twin, by_about, facts):
            return twin
    return None


def _left_out(origin: Origin) -> bool:
    """Whether its values did no harm in the forward pass; the gradient of Exp takes up what Exp gave."""
    return set(origin.reaches) <= {"gradient"}


def _finding_of(origin: Origin, by_about: ByAbout, facts: Facts, seen_in: Origin | None = None) -> Finding | None:
    """The finding that explains an origin: of the data for a fed one, of the weights for a stored one.

    Of several findings about the data (a NaN in one row, an infinity in another) the one whose rows are those of
    `seen_in`, an origin that its values fed.
    """
    keys = [origin.about]
    if origin.kind == "variable":
        keys = [f"variable:{origin.op}", "variables", *keys]
    if origin.kind == "input" and facts.data is not None:
        name = origin.op.removeprefix("labels ")
        arrays = facts.data.labels if origin.op.startswith("labels ") else facts.data.inputs
        names = [array.name for array in arrays if name in (array.bound_to, array.name)]
        keys = [f"{kind}:{one}" for one in names for kind in ("input", "label")] + keys
    found = [finding for key in keys for finding in by_about.get(key, ())]
    if origin.kind == "input":
        found = [finding for finding in found if finding.cause in NOT_FINITE]
    rows = set(seen_in.dataset_rows or ()) if seen_in is not None else set()
    same_rows = [finding for finding in found if rows & set(finding.location.dataset_rows or ())]
    return next(iter(same_rows or found), None)


def _symptom_order(facts: Facts) -> tuple[str, ...]:
    """What the user would notice first: the loss, but the outputs where there is no loss of the user's."""
    stands_in = facts.subject is not None and any(loss.chosen == "outputs" for loss in facts.subject.losses)
    return ("output", "gradient", "loss") if stands_in else ("loss", "gradient", "output")


def _with_consequences(
    finding: Finding, followers: Sequence[Finding], origins: Sequence[Origin], facts: Facts
) -> Finding:
    sinks: dict[str, None] = {}
    by_about = _by_about((finding, *followers), facts)
    for origin in origins:
        if _finding_of(origin, by_about, facts) is not None:
            sinks.update(dict.fromkeys(origin.reaches))
    symptoms = [SYMPTOMS[sink] for sink in _symptom_order(facts) if sink in sinks]
    backward = symptoms[:1] == [SYMPTOMS["gradient"]]
    towards = [one for one in reversed(followers) if backward or one.location.phase != "backward"]
    between = [one.cause for one in towards if one.cause != finding.cause]
    chain = tuple(dict.fromkeys((*symptoms[:1], *between, finding.cause)))
    severity = min((finding.severity, *(one.severity for one in followers)), key=SEVERITIES.index)
    return replace(finding, severity=severity, consequences=tuple(followers), chain=chain)
