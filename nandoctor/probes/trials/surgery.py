"""The remedies of findings, tried on the step that failed: what came of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from nandoctor.facts import Facts, Origin, Refusal
from nandoctor.facts.trial import Trial
from nandoctor.finding import Finding, Scalar
from nandoctor.probes.steps.interpreter import RefusedError
from nandoctor.probes.steps.program import Instruction
from nandoctor.probes.trials.control import TROUBLE, Control, change, control, first_line
from nandoctor.probes.trials.differentiation import Bad, Differentiated
from nandoctor.probes.trials.operations import NOT_ONE_OP, UNTRIED, Operation, operations, places_looked_at
from nandoctor.probes.trials.patient import Patient
from nandoctor.wording import plural

# A value that is computed another way may differ in its last six bits, of the few that half precision has in four.
ROUNDINGS = 64
ROUNDINGS_IN_HALF = 16
# A gradient that would not change the loss by a hundredth when the weight doubled is compared as if it did.
LEAST = 1e-2
RATE = 1e-3
NOT_COMPARED = "the rows that were fine could not be run with it"


def trials(
    patient: Patient | str, facts: Facts, findings: Sequence[Finding]
) -> Callable[[Finding], Mapping[str, Trial]]:
    """A function that tries the remedies of a finding on the step; trials by the remedy's id.

    Where there is no patient but a reason, it is why none is tried. `findings` are all of the report: they say what an
    op that is not finite with a remedy is a case of.
    """
    step = facts.step
    origins, refusals = (step.origins, step.refusals) if step is not None else ((), ())
    controls: dict[int, Control] = {}
    causes = dict(_causes(findings, origins))

    def attempt(finding: Finding) -> Mapping[str, Trial]:
        index = _batch(finding, origins, refusals)
        found: dict[str, Trial] = {}
        for remedy in finding.remedies:
            if isinstance(patient, str):
                found[remedy.id] = Trial(untried=UNTRIED.get(remedy.id, patient))
                continue
            ways = operations(patient.step, facts, finding, remedy.id)
            if not ways:
                found[remedy.id] = Trial(untried=UNTRIED.get(remedy.id, NOT_ONE_OP))
                continue
            if index not in controls:
                controls[index] = control(patient, index, origins, refusals)
            found[remedy.id] = _best(patient, controls[index], ways, causes)
        return found

    return attempt


def _batch(finding: Finding, origins: Sequence[Origin], refusals: Sequence[Refusal]) -> int:
    """The batch to try on: where the finding was seen, else the first in which anything failed."""
    own = [one.batch for one in origins if one.about == finding.about]
    reaching = [one.batch for one in origins if one.reaches]
    return next(iter([*own, *reaching, *(one.batch for one in refusals)]), 0)


def _causes(findings: Sequence[Finding], origins: Sequence[Origin]) -> Iterator[tuple[str, str]]:
    """The causes that were found, by the op."""
    by_about = {one.about: one.op for one in origins}
    for finding in findings:
        for one in (*finding.consequences, finding):
            if one.about in by_about:
                yield by_about[one.about], one.cause


def _best(patient: Patient, known: Control, ways: Sequence[Operation], causes: Mapping[str, str]) -> Trial:
    """The first way that is enough; the last one where none is."""
    if known.void is not None:
        return Trial(untried=known.void, reach=ways[0].reach)
    for way in ways:
        trial = _tried(patient, known, way, causes)
        if trial.failed is None and trial.untried is None:
            return trial
    return trial


def _tried(patient: Patient, known: Control, way: Operation, causes: Mapping[str, str]) -> Trial:
    figures: dict[str, Scalar] = {"tried": way.tried}
    batch = known.batch
    if way.without is not None:
        kept = [row for row in range(len(batch.rows)) if row not in way.without(batch)]
        if not 0 < len(kept) < len(batch.rows):
            return Trial(untried="no row is known that would do to leave out", reach=way.reach)
        batch = patient.part(batch, kept)
    try:
        batch = way.fed(batch) if way.fed is not None else batch
        after = patient.run(batch, known.losses, way.surgery)
    except RefusedError as refused:
        return Trial(figures, failed=refused.message, reach=way.reach)
    except TROUBLE as error:
        return Trial(untried=f"the operation does not fit here: {first_line(error)}", reach=way.reach)
    rate = RATE if patient.rate is None or not np.isfinite(patient.rate) else patient.rate
    figures |= _figures(patient, known, after, rate)
    if not after.finite and _of_narrow_weights(patient, way, after):
        return Trial(untried="the weights are in float16: it takes another run", reach=way.reach)
    if not after.finite and not way.keeps:
        return Trial(
            untried=f"on the weights of this step {_wrong(patient, after)}: it takes another run", reach=way.reach
        )
    if not after.finite:
        return Trial({**figures, **_next(after.bad, causes)}, failed=_wrong(patient, after), reach=way.reach)
    overflowing = _overflowing(patient, after, rate)
    if overflowing is not None:
        return Trial(figures, failed=f"the updated {overflowing} is not finite", reach=way.reach)
    if not way.keeps:
        return Trial(figures, reach=way.reach)
    try:
        unchanged, largest = _on_good_rows(patient, known, way)
    except (RefusedError, *TROUBLE) as error:
        return Trial(untried=f"{NOT_COMPARED}: {first_line(error)}", reach=way.reach)
    figures |= {"rows_unchanged": unchanged, "rows_compared": len(known.good), "largest_change": largest}
    failed = None
    if unchanged < len(known.good):
        failed = f"it changes {len(known.good) - unchanged:,} of the {plural(len(known.good), 'row')} that were fine"
    return Trial(figures, failed=failed, reach=way.reach)


def _figures(patient: Patient, known: Control, after: Differentiated, rate: float) -> dict[str, Scalar]:
    """What was measured with the operation: of loss and gradients, as far as the step has them."""
    figures: dict[str, Scalar] = {}
    if any(kind == "loss" for kind, _ in patient.step.results):
        figures |= {"loss_before": known.before.loss if known.before else "refused", "loss_after": after.loss}
    if patient.sources:
        figures |= {"gradient_norm": after.gradient_norm, "updated_with": f"w - {rate:g} g"}
    return figures


def _of_narrow_weights(patient: Patient, way: Operation, after: Differentiated) -> bool:
    """Whether float32 ended at the gradient of a weight in float16, which would be in float32 as well."""
    narrow = any(source.dtype.name == "float16" for source in patient.sources.values())
    return bool(way.surgery.widened) and narrow and after.bad is not None and after.bad.op_type == "Cast"


def _next(bad: Bad | None, causes: Mapping[str, str]) -> dict[str, Scalar]:
    """What went wrong next."""
    if bad is None or not bad.op:
        return {}
    return {"next_op": bad.op, **({"next_cause": causes[bad.op]} if bad.op in causes else {})}


def _wrong(patient: Patient, after: Differentiated) -> str:
    outcome = "the loss" if patient.sources else "a result"
    what = outcome if not np.isfinite(after.loss) else "a gradient"
    if after.bad is None:
        return f"{what} is not finite"
    made = "NaN" if after.bad.nan else "Inf"
    if not after.bad.backward and not after.bad.op:
        return f"{what} is not finite: {made} comes with what is fed"
    name = patient.step.own_name(after.bad.op)
    where = f"{name} ({after.bad.op_type})" if name else after.bad.op_type
    return f"{what} is not finite: {made} in {'the gradient of ' if after.bad.backward else ''}{where}"


def _overflowing(patient: Patient, after: Differentiated, rate: float) -> str | None:
    """A variable that is not finite after a step of plain gradient descent, None where all are."""
    for name, gradient in after.gradients.items():
        before = np.asarray(patient.sources[name])
        with np.errstate(all="ignore"):
            updated = before if gradient is None else (before - rate * gradient).astype(before.dtype)
        if not np.isfinite(updated.astype(np.float64)).all():
            return name
    return None


def _on_good_rows(patient: Patient, known: Control, way: Operation) -> tuple[int, float]:
    """How many of the rows that were fine are as they were, and the largest relative change on them alone.

    Loss and gradients of these rows are compared, with the operation and without; where they differ, what the replaced
    ops gave, row by row.
    """
    if not known.good or way.without is not None:
        # What is left out leaves the others as they are.
        return len(known.good), 0.0
    part = patient.part(known.batch, known.good)
    look = places_looked_at(way)
    before = patient.run(part, known.losses, look=look)
    after = patient.run(way.fed(part) if way.fed is not None else part, known.losses, way.surgery, look)
    changes = [change(np.array([after.loss]), np.array([before.loss]))]
    for name, found in after.gradients.items():
        known_gradient = before.gradients[name]
        if found is not None and known_gradient is not None:
            reach = float(np.abs(np.asarray(patient.sources[name], np.float64)).max(initial=0.0)) or 1.0
            changes.append(change(found, known_gradient, LEAST * abs(before.loss) / reach))
    largest = max(changes)
    tolerance = _tolerance(patient, way)
    if largest <= tolerance:
        return len(known.good), largest
    changed = np.zeros(len(part.rows) if patient.fixed else len(known.good), bool)
    for place in look:
        for one, other in zip(before.looked_at.get(place, ()), after.looked_at.get(place, ()), strict=True):
            if one.shape != other.shape or not one.ndim or len(one) != len(changed):
                return 0, largest
            changed |= ~np.isclose(one, other, rtol=tolerance, atol=0.0).reshape(len(one), -1).all(axis=1)
    rows = [known.good[place] for place in range(len(known.good))] if not patient.fixed else list(range(len(changed)))
    moved = {row for row, one in zip(rows, changed, strict=True) if one} & set(known.good)
    return (len(known.good) - len(moved) if moved else 0), largest


def _tolerance(patient: Patient, way: Operation) -> float:
    """How far what was rounded otherwise may lie apart, in the coarsest dtype that the step computes in."""
    if way.surgery.in_bfloat16:
        return ROUNDINGS_IN_HALF * 2.0**-8
    if any(_computes_in_half(node.instruction) for node in patient.step.flow.nodes.values()):
        return ROUNDINGS_IN_HALF * float(np.finfo(np.float16).eps)
    return ROUNDINGS * float(np.finfo(np.float32).eps)


def _computes_in_half(instruction: Instruction) -> bool:
    half = (tf.float16.as_datatype_enum, tf.bfloat16.as_datatype_enum)
    given = zip(instruction.attrs[::2], instruction.attrs[1::2], strict=True)
    return any(name in ("T", "dtype", "SrcT", "DstT") and value in half for name, value in given)
