from __future__ import annotations

import numpy as np
import pytest

from nandoctor.rules.data.class_imbalance import ClassImbalance


def sized(*sizes):
    return np.repeat(np.arange(len(sizes)), sizes)


def test_class_ids_of_very_different_size_are_a_note(label, data, model):
    (finding,) = ClassImbalance().check(
        data(label(sized(900, 300, 4))), model("sparse_categorical_crossentropy", 3, "softmax")
    )

    assert (finding.cause, finding.severity, finding.about) == ("class-imbalance", "note", "label:y")
    assert finding.evidence == {"ratio": 225.0, "largest": 900, "smallest": 4, "classes": 3}
    assert finding.limits["ratio"] == 100.0


def test_one_hot_labels_count_by_column_and_an_absent_class_does_not(label, data, model):
    labels = np.eye(4)[sized(900, 300, 4)]

    (finding,) = ClassImbalance().check(data(label(labels)), model("categorical_crossentropy", 4, "softmax"))

    assert finding.evidence["ratio"] == 225.0
    assert finding.evidence["classes"] == 3


def test_beyond_eight_classes_the_ratio_is_a_lower_bound(label, data, model):
    labels = sized(5000, *[100] * 7, 60, 20)

    (finding,) = ClassImbalance().check(data(label(labels)), model("sparse_categorical_crossentropy", 10, "softmax"))

    assert finding.evidence["ratio"] == 5000 / 40
    assert "at least 125 to 1" in finding.message


def test_a_class_with_a_single_row(label, data, model):
    (finding,) = ClassImbalance().check(data(label(sized(500, 1))), model("binary_crossentropy", 1, "sigmoid"))

    assert finding.evidence["smallest"] == 1
    assert "the rarest class has 1" in finding.message


@pytest.mark.parametrize("labels", [sized(400, 4), sized(50, 50), np.zeros(100, int), np.linspace(0, 1, 500)])
def test_silent_up_to_a_hundred_to_one_and_on_what_is_no_class(label, data, model, labels):
    assert not list(ClassImbalance().check(data(label(labels)), model("binary_crossentropy", 1, "sigmoid")))


def test_silent_on_regression_and_without_a_model_on_many_values(label, data, model):
    counts = np.concatenate([np.zeros(5000, int), np.arange(1, 60)])

    assert not list(ClassImbalance().check(data(label(sized(900, 4))), model("mean_squared_error")))
    assert not list(ClassImbalance().check(data(label(counts))))
    assert list(ClassImbalance().check(data(label(sized(900, 4)))))


def test_a_mislabelled_row_is_no_class(label, data, model):
    labels = np.concatenate([sized(500, 400, 300), [7]])
    many = np.concatenate([sized(*[500] * 12), [40]])

    assert not list(ClassImbalance().check(data(label(labels)), model("sparse_categorical_crossentropy", 3, "softmax")))
    assert not list(ClassImbalance().check(data(label(many)), model("sparse_categorical_crossentropy", 12, "softmax")))
    (seven,) = ClassImbalance().check(data(label(labels)), model("sparse_categorical_crossentropy", 8, "softmax"))
    assert seven.evidence["classes"] == 4
