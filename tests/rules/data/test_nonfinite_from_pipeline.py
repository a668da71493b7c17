from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nandoctor.facts import PipelineFacts, RunFacts, SourceLine, TripFacts
from nandoctor.rules.data.inf_in_data import InfInData
from nandoctor.rules.data.nan_in_data import NanInData
from nandoctor.rules.data.nonfinite_from_pipeline import NonfiniteFromPipeline

SHARE = SourceLine("train.py", 9, "share", "total = tf.reduce_sum(x)")
DIVISION = SourceLine("train.py", 10, "share", "return x / total")


@pytest.fixture
def pipeline(origin_of):
    origin = origin_of("RealDiv", [0.0, 0.0], [0.0, 0.0], result=[np.nan, np.nan], phase="data", source=DIVISION)
    origin = replace(
        origin, operands=tuple(replace(one, values_at_fault=(0.0,)) for one in origin.operands), dataset_rows=(231,)
    )
    return PipelineFacts("the arrays", True, (SourceLine("train.py", 3, "double"), SHARE), 1, origin, 231)


def run(pipeline):
    return RunFacts("train.py", 8, trip=TripFacts("loss", 7, epoch=0, batch=7, pipeline=pipeline))


@pytest.fixture
def bad(array, data):
    values = np.ones((4, 2), np.float32)
    values[2] = np.nan
    return replace(data(array(values)), only_batch=True, from_file=False)


def test_the_line_of_the_map_function_the_op_and_the_row(pipeline, bad):
    (finding,) = NonfiniteFromPipeline().check(run(pipeline), bad)
    assert (finding.cause, finding.severity, finding.confidence) == ("nonfinite-from-pipeline", "error", "high")
    assert "all values looked at there are finite" in finding.message
    assert "share, given to map, makes them: of its RealDiv 2 of 2 results are NaN (operands 0, 0)" in finding.message
    place = finding.location
    assert (place.file, place.line, place.function, place.code) == ("train.py", 10, "share", "return x / total")
    assert (place.phase, place.step, place.rows, place.dataset_rows) == ("data", 7, (2,), (231,))
    assert finding.about == "input:x"


def test_a_function_that_was_not_run_again_is_named_with_less_confidence(pipeline, bad):
    unseen = replace(pipeline, origin=None, row=None, not_examined="its functions call Python")
    (finding,) = NonfiniteFromPipeline().check(run(unseen), bad)
    assert finding.confidence == "medium"
    assert "there is no other function that could (its functions call Python)" in finding.message
    assert (finding.location.line, finding.location.dataset_rows) == (9, None)


def test_without_facts_of_the_batch_it_is_said_all_the_same(pipeline):
    (finding,) = NonfiniteFromPipeline().check(run(pipeline))
    assert "The batch left the input pipeline" in finding.message
    assert finding.about == "pipeline"


@pytest.mark.parametrize("rule", [NanInData(), InfInData()])
def test_the_data_is_not_blamed_for_what_the_pipeline_made(rule, pipeline, bad):
    assert list(rule.check(bad, run=run(pipeline))) == []


def test_nan_that_the_source_holds_is_the_data_s(pipeline, bad):
    holed = replace(pipeline, source_finite=False, maker=None, origin=None)
    assert list(NonfiniteFromPipeline().check(run(holed), bad)) == []
    assert [one.cause for one in NanInData().check(bad, run=run(holed))] == ["nan-in-data"]


def test_no_trip_no_finding():
    assert list(NonfiniteFromPipeline().check(RunFacts("train.py", 8))) == []
