from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from nandoctor.diagnosis.diagnose import diagnose
from nandoctor.facts import (
    Facts,
    GradientFacts,
    History,
    LayerFacts,
    OptimizerFacts,
    RunFacts,
    StepFacts,
    SubjectFacts,
    TripFacts,
)
from nandoctor.finding import Tool
from nandoctor.stats import TensorStats

TOOL = Tool("nandoctor", "0", None, None, "3")
STEP = StepFacts(batches=1, rows=4, executions=9, losses=(), origins=(), layers=())
SCRIPT = SubjectFacts("script", "train.py", "training script", None, ())


def test_a_scan_does_not_list_the_rules_about_training() -> None:
    report = diagnose(Facts(TOOL, step=STEP))

    assert not [skipped for skipped in report.skipped if skipped.rule.startswith("ND4")]
    assert report.run is None


def test_a_trip_that_could_not_be_replayed_is_told_with_its_moment() -> None:
    trip = TripFacts("loss", 37, epoch=1, batch=5, bad=("loss",), not_replayed="the batch was not kept")
    report = diagnose(Facts(TOOL, subject=SCRIPT, run=RunFacts("train.py", 38, (OptimizerFacts("Adam", 38),), trip)))

    (finding,) = report.findings
    assert (finding.cause, finding.severity) == ("unexplained-trip", "error")
    assert (finding.location.step, finding.location.epoch, finding.location.batch) == (37, 1, 5)
    assert report.summary.verdict == "sick"
    assert report.run is not None
    assert report.run.told == "Training tripped at step 37 (epoch 1, batch 5): the loss is not finite"


def test_a_run_in_which_nothing_was_looked_at_is_still_a_run() -> None:
    report = diagnose(Facts(TOOL, run=RunFacts("train.py", 12)))

    assert (report.subject.kind, report.subject.path) == ("script", "train.py")
    assert report.summary.verdict == "healthy"
    assert report.examined[0] == "training: 12 steps watched"


def test_divergence_without_a_trip_puts_the_run_at_risk() -> None:
    grows = tuple(3.0**step for step in range(30))
    history = History(0, grows, (0.5,) * 30, gradient_norms={"k": grows}, weight_norms={"k": grows})
    report = diagnose(
        Facts(TOOL, subject=SCRIPT, run=RunFacts("train.py", 30, (OptimizerFacts("SGD", 30, history=history),)))
    )

    assert [(one.cause, one.severity) for one in report.findings] == [("learning-rate-too-high", "warning")]
    assert report.summary.verdict == "at-risk"
    assert report.run is not None
    assert not math.isnan(report.run.recorded[-1].loss)


@pytest.mark.parametrize(
    ("values", "norm"), [((3.0, 4.0), 5.0), ((3.0, math.inf), math.inf), ((math.inf, math.nan), math.nan)]
)
def test_the_norm_of_a_gradient_is_told_as_what_it_is(values: tuple[float, ...], norm: float) -> None:
    layer = LayerFacts("dense", "dense/Relu", "Relu", "float32", TensorStats.of(np.ones(4)), rows=4)
    stats = TensorStats.of(np.array(values))
    gradient = GradientFacts("dense/kernel", "dense", (2,), "float32", stats, stats.norm, weight_norm=1.0)

    (row,) = diagnose(Facts(TOOL, step=replace(STEP, layers=(layer,), gradients=(gradient,)))).layers

    assert row.gradient_norm == pytest.approx(norm, nan_ok=True)
