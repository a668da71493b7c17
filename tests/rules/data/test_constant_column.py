from __future__ import annotations

from dataclasses import replace

import numpy as np

from nandoctor.facts import LayerFacts, StepFacts
from nandoctor.rules.data.constant_column import ConstantColumn
from nandoctor.stats import TensorStats


def test_a_constant_column_is_a_note(array, data, normal):
    values = normal(200, 3)
    values[:, 1] = 0.5

    (finding,) = ConstantColumn().check(data(array(values)))

    assert (finding.cause, finding.severity, finding.about) == ("constant-column", "note", "input:x")
    assert finding.evidence["constant_columns"] == 1
    assert finding.limits["constant_columns"] == 0
    assert finding.location.columns == ("1",)
    assert "1 of 3 columns" in finding.message


def test_a_label_that_never_changes(array, label, data, normal):
    (finding,) = ConstantColumn().check(data(array(normal()), label(np.zeros((200, 1)))))

    assert finding.about == "label:y"


def test_silent_on_ones_indicators_single_rows_and_unused_arrays(array, label, data, normal):
    rare = np.zeros((200, 1), np.float32)
    rare[:2] = 1
    one_hot = np.eye(3)[np.zeros(200, int)]
    rule = ConstantColumn()

    assert not list(rule.check(data(array(np.ones((200, 1)), name="mask"), array(normal()), batch_size=32)))
    assert not list(rule.check(data(array(rare), batch_size=8)))
    assert not list(rule.check(data(array(normal(1, 3)))))
    assert not list(rule.check(data(array(np.zeros((9, 2)), role="unused"))))
    assert not list(rule.check(data(label(one_hot))))
    assert not list(rule.check(data(array(normal()), batch_size=32)))


def test_silent_on_padding_of_ids_that_are_looked_up(array, data, model):
    ids = np.random.default_rng(0).integers(1, 50, (100, 4))
    ids[:, 3] = 0

    assert not list(ConstantColumn().check(data(array(ids)), model(embeds=True)))


def test_inputs_that_are_constant_throughout_are_a_warning(array, data):
    left, right = array(np.zeros((64, 2)), name="left"), array(np.full((64, 3), 0.5), name="right")

    (finding,) = ConstantColumn().check(data(left, right))

    assert (finding.severity, finding.about) == ("warning", "input:left")
    assert finding.evidence == {"constant_columns": 5, "columns": 5, "largest": 0.5}
    assert "all 64 rows are one and the same" in finding.message


def test_constant_inputs_that_do_the_model_no_harm_are_a_note(array, data):
    ones = data(array(np.ones((64, 3))))
    well = StepFacts(1, 64, 10, (0.5,), (), ())
    dead = LayerFacts("dense", "dense/Relu", "Relu", "float32", TensorStats.of(np.zeros(3)), 64, units=3, dead_units=3)

    (note,) = ConstantColumn().check(ones, step=well)
    (warning,) = ConstantColumn().check(ones, step=replace(well, layers=(dead,)))

    assert (note.severity, warning.severity) == ("note", "warning")


def test_one_input_that_varies_makes_a_constant_one_a_note(array, data, normal):
    (finding,) = ConstantColumn().check(data(array(np.zeros((200, 1)), name="mask"), array(normal())))

    assert (finding.severity, finding.about) == ("note", "input:mask")


def test_padding_ids_of_an_embedding_are_not_spoken_of(array, data, model):
    ids = np.random.default_rng(0).integers(1, 50, (64, 4))
    ids[:, 2:] = 0

    assert not list(ConstantColumn().check(data(array(ids)), model(consumers=("GatherV2",), embeds=True)))


def test_the_rows_that_hold_no_number_are_not_counted(array, label, data, normal):
    targets = np.zeros((200, 1))
    targets[7] = np.inf

    (finding,) = ConstantColumn().check(data(array(normal()), label(targets)))

    assert "it is 0 in all 199 rows that hold a number" in finding.message
