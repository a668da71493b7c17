from __future__ import annotations

import numpy as np
import pytest

from nandoctor.facts import StepFacts
from nandoctor.rules.data.labels_out_of_range import LabelsOutOfRange

SPARSE = "sparse_categorical_crossentropy"


def ids(*strange, classes=3):
    values = np.arange(100) % classes
    values[: len(strange)] = strange
    return values


def test_a_class_id_beyond_the_units_is_an_error_at_its_rows(label, data, model):
    (finding,) = LabelsOutOfRange().check(data(label(ids(3, 0, 7))), model(SPARSE, 3, "softmax"))

    assert (finding.cause, finding.severity, finding.about) == ("labels-out-of-range", "error", "label:y")
    assert finding.evidence == {"outside": 2, "minimum": 0.0, "maximum": 7.0, "labels": 100, "loss": SPARSE}
    assert finding.limits == {"outside": 0, "low": 0.0, "high": 2.0}
    assert finding.location.dataset_rows == (0, 2)
    assert finding.location.phase == "data"


def test_a_negative_class_id_is_an_error(label, data, model):
    (finding,) = LabelsOutOfRange().check(data(label(ids(-1))), model(SPARSE, 3, "softmax"))

    assert (finding.severity, finding.evidence["minimum"]) == ("error", -1.0)


def test_many_are_counted_at_least(label, data, model):
    (finding,) = LabelsOutOfRange().check(data(label(ids(*[9] * 40))), model(SPARSE, 3, "softmax"))

    assert finding.evidence["outside"] == 16
    assert finding.message.startswith("at least 16 of 100")


def test_class_ids_that_the_loss_leaves_out_are_a_note(label, data, model):
    labels = data(label(ids(-1, -1)), batch_size=32, examined=((0, 32),))
    finite = StepFacts(1, 32, 10, (0.7,), (), ())
    poisoned = StepFacts(1, 32, 10, (float("nan"),), (), ())
    subject = model(SPARSE, 3, "softmax")

    assert [f.severity for f in LabelsOutOfRange().check(labels, subject, finite)] == ["note"]
    assert [f.severity for f in LabelsOutOfRange().check(labels, subject, poisoned)] == ["error"]


def test_class_ids_that_are_no_whole_numbers(label, data, model):
    labels = ids().astype(float)
    labels[4] = 0.5

    (finding,) = LabelsOutOfRange().check(data(label(labels)), model(SPARSE, 3, "softmax"))

    assert finding.evidence["fractional_columns"] == 1


def test_one_hot_rows_into_a_sparse_loss(label, data, model):
    (finding,) = LabelsOutOfRange().check(data(label(np.eye(3)[ids()])), model(SPARSE, 3, "softmax"))

    assert finding.evidence["width"] == 3
    assert "one-hot" in finding.message


@pytest.mark.parametrize("strange", [2.0, -1.0, 1.001])
def test_probability_targets_outside_0_to_1_are_an_error(label, data, model, strange):
    labels = (ids(classes=2)).astype(float)[:, None]
    labels[5] = strange

    (finding,) = LabelsOutOfRange().check(data(label(labels)), model("binary_crossentropy", 1, "sigmoid"))

    assert (finding.severity, finding.location.dataset_rows) == ("error", (5,))
    assert finding.limits == {"outside": 0, "low": 0.0, "high": 1.0}


def test_one_hot_labels_of_the_wrong_width(label, data, model):
    (finding,) = LabelsOutOfRange().check(
        data(label(np.eye(3)[ids()])), model("categorical_crossentropy", 4, "softmax")
    )

    assert (finding.evidence["width"], finding.limits["width"]) == (3, 4)


def test_negative_counts_for_poisson(label, data, model):
    (finding,) = LabelsOutOfRange().check(data(label(ids(-2))), model("poisson"))

    assert (finding.severity, finding.limits) == ("error", {"outside": 0, "low": 0.0})


def test_an_inferred_loss_lowers_the_confidence(label, data, model):
    (finding,) = LabelsOutOfRange().check(data(label(ids(7))), model(SPARSE, 3, "softmax", chosen="inferred"))

    assert finding.confidence == "medium"


@pytest.mark.parametrize(
    ("loss_and_units", "labels"),
    [
        ((SPARSE, 3), ids()),
        ((SPARSE, 3), ids().astype(np.float32)[:, None]),
        (("binary_crossentropy", 1), ids(classes=2)[:, None]),
        (("binary_crossentropy", 1), np.linspace(0, 1, 50)),
        (("categorical_crossentropy", 3), np.eye(3)[ids()]),
        (("poisson", 1), ids()),
        (("mean_squared_error", 1), ids(-5, 99)),
        (("my_loss", 1), ids(-5, 99)),
        ((SPARSE, None), ids(99)),
        ((SPARSE, 3), np.array([0.0, np.nan, 2.0])),
    ],
)
def test_silent_on_labels_that_fit(label, data, model, loss_and_units, labels):
    assert not list(LabelsOutOfRange().check(data(label(labels)), model(*loss_and_units)))
