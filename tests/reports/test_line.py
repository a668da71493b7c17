from __future__ import annotations

from nandoctor.finding import Report
from nandoctor.reports.line import one_line


def test_a_healthy_run(healthy_run_report: Report) -> None:
    assert one_line(healthy_run_report) == (
        "1,204 steps watched, nothing tripped; no error and no warning; nearest limit: layer dense reaches 812.4, "
        "2^118 below the largest float32; the watch took 1.3% of the time"
    )


def test_a_sick_run(sick_run_report: Report) -> None:
    assert one_line(sick_run_report) == (
        "Training tripped at step 37 (epoch 1, batch 5): the loss is Inf; 1 error: learning-rate-too-high"
    )
