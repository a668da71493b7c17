from __future__ import annotations

import numpy as np

from nandoctor.rules.data.constant_column import ConstantColumn


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

    assert not list(rule.check(data(array(np.ones((200, 1))), batch_size=32)))
    assert not list(rule.check(data(array(rare), batch_size=8)))
    assert not list(rule.check(data(array(normal(1, 3)))))
    assert not list(rule.check(data(array(np.zeros((9, 2)), role="unused"))))
    assert not list(rule.check(data(label(one_hot))))
    assert not list(rule.check(data(array(normal()), batch_size=32)))


def test_silent_on_padding_of_ids_that_are_looked_up(array, data, model):
    ids = np.random.default_rng(0).integers(1, 50, (100, 4))
    ids[:, 3] = 0

    assert not list(ConstantColumn().check(data(array(ids)), model(embeds=True)))
