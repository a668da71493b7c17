"""From facts to a report: rules, consequences under their roots, order, verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from nandoctor.diagnosis.applying import applied, rule_pages
from nandoctor.diagnosis.bands import band, column_rows
from nandoctor.diagnosis.cited import cited
from nandoctor.diagnosis.folding import folded
from nandoctor.diagnosis.links import with_links
from nandoctor.diagnosis.moment import at_the_end, at_the_trip, in_the_files, repeated_rows
from nandoctor.diagnosis.prescription import prescription
from nandoctor.diagnosis.ranking import ranked
from nandoctor.diagnosis.recording import run_examined, run_report
from nandoctor.diagnosis.watched import of_run, of_the_trip_first
from nandoctor.facts import DataFacts, Facts, GradientFacts, StepFacts
from nandoctor.finding import Band, Finding, LayerRow, Report, ReportSubject, Summary
from nandoctor.policy import Policy
from nandoctor.rule import apply_rules, load_rules, needs
from nandoctor.stats import merged
from nandoctor.wording import number, plural

OF_DATA = "1"
OF_DATA_ALONE = {"data", "subject"}
OF_WHAT_RAN = ("data", "forward", "backward", "training", "head", "weights")
OF_CELLS = frozenset(
    {"nan-in-data", "inf-in-data", "missing-in-data", "non-numeric-data", "labels-out-of-range", "precision-loss"}
)


def diagnose(facts: Facts, policy: Policy | None = None) -> Report:
    """The report on these facts, by the rules as the project wants them: the same facts give the same report."""
    policy = policy or Policy()
    run = facts.run
    alone = facts.step is None and facts.weights is None and run is None
    rules = load_rules("data", "head") if alone else load_rules(*OF_WHAT_RAN)
    if run is None:
        # They concern a training, which a scan has not seen.
        rules = tuple(rule for rule in rules if "run" not in needs(rule))
    if alone:
        rules = tuple(rule for rule in rules if set(needs(rule)) <= OF_DATA_ALONE)
    if run is not None and run.trip is not None and run.trip.kind == "evaluation":
        # The data are those of the evaluation: their spread is nothing that a training would suffer from.
        rules = tuple(rule for rule in rules if rule.code[2:3] != OF_DATA or rule.cause in OF_CELLS)
    findings, skipped = applied(rules, facts, policy)
    roots = ranked((*folded(findings, facts), *_of_other_splits(facts, policy)))
    if run is not None:
        roots = of_the_trip_first(ranked(of_run(roots, run)))
        trip = run.trip
        roots = tuple(at_the_end(one) if trip is None else at_the_trip(one, trip) for one in roots)
        roots = tuple(in_the_files(one, facts.data) for one in roots)
    roots = cited([with_links(one, facts) for one in roots if not policy.hides(one)], facts, policy)
    columns, left_out = column_rows(facts.data) if facts.data else ((), 0)
    return Report(
        tool=facts.tool,
        subject=_subject(facts),
        summary=Summary.of(roots),
        findings=roots,
        examined=tuple(_examined(facts)),
        notices=(
            *(facts.subject.notices if facts.subject else ()),
            *(facts.data.notices if facts.data else ()),
            *repeated_rows(roots, facts.data),
        ),
        skipped=skipped,
        layers=tuple(_layer_rows(facts.step)) if facts.step else (),
        check_numerics=asdict(facts.check_numerics) if facts.check_numerics else None,
        prescription=prescription(facts.data) if alone and facts.data else (),
        run=run_report(run, _nearest_limit(facts.step) if facts.step else None) if run is not None else None,
        pages=rule_pages(rules, roots),
        columns=columns,
        columns_left_out=left_out,
    )


def _of_other_splits(facts: Facts, policy: Policy) -> tuple[Finding, ...]:
    """What makes the cells of the other splits unfit: what concerns their spread is judged on the first alone."""
    if facts.data is None:
        return ()
    found: list[Finding] = []
    for split in facts.data.splits:
        data = DataFacts(
            split.path,
            split.rows,
            split.arrays,
            rejected_rows=split.rejected_rows,
            rejected=split.rejected,
            fed_as=facts.data.fed_as,
        )
        kinds = [rule for rule in load_rules("data", "head") if rule.cause in OF_CELLS]
        rules = tuple(policy.rule(rule) for rule in kinds if policy.refusal(rule) is None)
        findings, _ = apply_rules(rules, replace(facts, data=data))
        found += [
            replace(one, message=f"Split {split.name}: {one.message}")
            for one in map(policy.severe, findings)
            if one.severity != "note"
        ]
    return tuple(found)


def _subject(facts: Facts) -> ReportSubject:
    if facts.subject is not None:
        return ReportSubject(facts.subject.kind, facts.subject.path)
    if facts.run is not None:
        return ReportSubject("script", facts.run.script)
    return ReportSubject("data", facts.data.path if facts.data else "")


def _examined(facts: Facts) -> Iterator[str]:
    if facts.run is not None:
        yield from run_examined(facts.run)
    elif facts.subject is not None and facts.subject.kind == "data":
        yield facts.subject.format
    elif facts.subject is not None:
        signature = f", signature {facts.subject.signature}" if facts.subject.signature else ""
        yield f"model: {facts.subject.format}{signature}"
    if facts.data is not None:
        yield from _data_examined(facts.data)
    step = facts.step
    if step is not None:
        passes = "forward and backward" if step.backward else f"forward only ({step.backward_skipped})"
        batches = "batch" if step.batches == 1 else "batches"
        yield (
            f"passes: {plural(step.rows, 'row')} in {step.batches:,} {batches}, {passes}, "
            f"{plural(step.executions, 'op execution')} looked at one by one"
        )
        yield from filter(None, [_nearest_limit(step)])
    if facts.subject is not None:
        yield from (f"loss: {loss.reason}" for loss in facts.subject.losses)
    if facts.weights is not None:
        yield f"weights: {plural(len(facts.weights.variables), 'variable')} audited"
    if facts.hidden is not None and facts.hidden.batches:
        found = len(facts.hidden.disagreements)
        agreement = f"disagrees on {plural(found, 'result')}" if found else "agrees on what is finite"
        yield f"compiled run: {agreement}"
    if facts.check_numerics is not None and facts.check_numerics.ran:
        blind = "" if facts.check_numerics.sees_inside else " (it cannot see inside a restored function)"
        said = "tripped" if facts.check_numerics.tripped else "did not trip"
        yield f"tf.debugging.enable_check_numerics: {said}{blind}"


def _data_examined(data: DataFacts) -> Iterator[str]:
    if data.dialect is None and not data.rejected_rows:
        yield f"data: {plural(data.rows, 'row')} profiled in {data.path}"
    else:
        whole = data.rows + data.rejected_rows
        yield f"data: {data.rows:,} rows read + {data.rejected_rows:,} rejected = {whole:,} in {data.path}"
    if data.dialect is not None:
        one = data.dialect
        header = "a header" if one.header else "no header"
        yield (
            f"dialect: cells separated by {one.delimiter!r}, quoted by {one.quote!r}, decimal {one.decimal!r}, "
            f"{one.encoding}, {header}"
        )
    for split in data.splits:
        whole = split.rows + split.rejected_rows
        yield f"split {split.name}: {split.rows:,} rows read + {split.rejected_rows:,} rejected = {whole:,}"


def _nearest_limit(step: StepFacts) -> str | None:
    """What came nearest to the largest number of its dtype; None where no layer's range was measured."""
    if step.near_limits:
        near = step.near_limits[0]
        return (
            f"nearest limit: {near.op} ({near.op_type}) reaches {number(near.magnitude)}, "
            f"2^{math.floor(near.headroom)} below the largest {near.dtype}"
        )
    rooms = [(layer.activation.headroom(layer.dtype), layer) for layer in step.layers]
    known = [(room, layer) for room, layer in rooms if room is not None]
    if not known:
        return None
    room, layer = min(known, key=lambda pair: pair[0])
    return (
        f"nearest limit: layer {layer.layer} reaches {number(layer.activation.max_abs)}, "
        f"2^{math.floor(room)} below the largest {layer.dtype}"
    )


def _layer_rows(step: StepFacts) -> Iterator[LayerRow]:
    names = {layer.layer for layer in step.layers}
    owned: dict[str | None, list[GradientFacts]] = {}
    for one in step.gradients:
        if one.stats:
            owned.setdefault(_owner(one.layer, names), []).append(one)
    for layer in step.layers:
        gradients = owned.get(layer.layer, [])
        ratios = [one.ratio for one in gradients if one.ratio is not None]
        shares = [share for share in (layer.low_share, layer.high_share) if share is not None]
        yield LayerRow(
            layer=layer.layer,
            op_type=layer.op_type,
            dtype=layer.dtype,
            minimum=layer.activation.minimum,
            maximum=layer.activation.maximum,
            nonfinite=layer.activation.nonfinite,
            zero_share=layer.activation.zero_share,
            saturated_share=sum(shares) if shares else None,
            headroom=layer.activation.headroom(layer.dtype),
            gradient_norm=_norm(gradients) if gradients else None,
            gradient_to_weight=max(ratios) if ratios else None,
            activation=band(layer.activation, layer.sample),
            gradient=_gradient_band(gradients),
        )


def _gradient_band(gradients: Sequence[GradientFacts]) -> Band | None:
    """The band of the gradients of all variables of a layer together."""
    if not gradients:
        return None
    samples = [one.sample for one in gradients if one.sample is not None]
    return band(merged([one.stats for one in gradients if one.stats is not None]), merged(samples) if samples else None)


def _norm(gradients: list[GradientFacts]) -> float:
    """The norm of all of them; what was added up are their finite values."""
    stats = [one.stats for one in gradients if one.stats is not None]
    if any(one.nan for one in stats):
        return math.nan
    if any(one.nonfinite for one in stats):
        return math.inf
    return math.sqrt(sum(one.norm**2 for one in gradients))


def _owner(layer: str | None, rows: set[str]) -> str | None:
    """The row of the table that a variable's layer belongs to: itself, or the closest layer around it."""
    while layer and layer not in rows:
        layer = layer.rpartition("/")[0]
    return layer or None
