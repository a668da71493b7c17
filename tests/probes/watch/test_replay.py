"""A captured step, run again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nandoctor.diagnosis.diagnose import diagnose
from nandoctor.facts import DataFacts, Facts, RunFacts, TripFacts
from nandoctor.finding import Tool
from nandoctor.probes.watch.capsule import read_capsule, write_capsule
from nandoctor.probes.watch.failure import facts_of, minimal_rows

pytestmark = pytest.mark.tensorflow

LINE = ("/home/somebody/train.py", 12, "my_loss", "return tf.reduce_mean(tf.math.log(x @ w))")
X = np.array([[1.0, 2.0], [3.0, 4.0], [-1.0, -9.0], [5.0, 6.0]], np.float32)
Y = np.array([0, 1, 0, 1])
RUN = RunFacts("train.py", 4, trip=TripFacts("loss", 3))
KNOWN = Facts(Tool("nandoctor", "1", "2", "3", "3.11"), run=RUN)


def loss(weight, x, _y):
    import tensorflow as tf

    return tf.reduce_mean(tf.math.log(tf.linalg.matvec(x, weight)))


@pytest.fixture
def capture(captured):
    return captured(loss, X, Y, np.ones(2, np.float32), LINE)


def test_the_origin_has_its_line_rows_and_kind_and_no_rows_of_an_unknown_data_set(capture) -> None:
    facts = facts_of(capture, KNOWN)
    (origin, *_) = [one for one in facts.step.origins if one.kind == "op"]
    assert (origin.op_type, origin.rows, origin.dataset_rows) == ("Log", (2,), None)
    assert (origin.source.file, origin.source.line, origin.source.code) == (LINE[0], 12, LINE[3])
    assert facts.run.trip.reproduced is True
    assert list(minimal_rows(facts)) == [2]
    assert [one.name for one in facts.weights.variables] == ["weight"]


def test_rows_of_the_data_set_are_those_that_the_data_facts_know(capture) -> None:
    data = DataFacts("arrays", 100, (), batch_rows=(70, 71, 7, None), from_file=False)
    facts = facts_of(capture, Facts(KNOWN.tool, run=RUN, data=data))
    assert facts.step.origins[0].dataset_rows == (7,)


def test_from_its_capsule_the_step_has_the_same_diagnosis(capture, tmp_path: Path) -> None:
    capsule = read_capsule(write_capsule(tmp_path / "capsule", capture, KNOWN))
    before, after = diagnose(facts_of(capture, KNOWN)), diagnose(facts_of(capsule.capture, capsule.facts))
    assert after.findings == before.findings
    assert [one.cause for one in after.findings][:1] == ["log-of-negative"]


def test_the_code_of_a_line_comes_from_the_capsule_not_from_the_file(captured, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the secret\n")
    facts = facts_of(captured(loss, X, Y, np.ones(2, np.float32), (str(secret), 1, "f", "")), KNOWN)
    assert facts.step.origins[0].source.code is None


def test_a_step_that_cannot_be_replayed_leaves_what_was_known(captured) -> None:
    broken = replace(captured(loss, X, Y, np.ones(2, np.float32), LINE), graph=b"no graph")
    facts = facts_of(broken, KNOWN)
    assert facts.step is None
    assert "damaged" in facts.run.trip.not_replayed
    assert facts.run.trip.step == 3


def test_a_head_has_as_many_units_as_were_seen(captured) -> None:
    import tensorflow as tf

    def squared(weight, x, y):
        return tf.reduce_sum(tf.square(tf.nn.softmax(tf.matmul(x, weight, name="logits"), name="chances")))

    capture = captured(squared, X, Y, np.ones((2, 3), np.float32), LINE)
    step = facts_of(replace(capture, results=(("output", "chances", "chances:0"), *capture.results)), KNOWN)
    (head,) = step.subject.heads
    assert (head.output, head.units, head.shape, head.activation) == ("chances", 3, (None, 3), "softmax")
    assert step.run.trip.reproduced is False


def test_an_op_that_refuses_says_nothing_of_whether_the_trip_was_reproduced(captured) -> None:
    import tensorflow as tf

    def looked_up(weight, x, y):
        return tf.reduce_sum(tf.gather(weight, y)) + tf.reduce_sum(x)

    facts = facts_of(captured(looked_up, X, np.array([0, 1, 7, 1]), np.ones(2, np.float32), LINE), KNOWN)
    assert [one.op_type for one in facts.step.refusals] == ["ResourceGather"]
    assert facts.run.trip.reproduced is None
