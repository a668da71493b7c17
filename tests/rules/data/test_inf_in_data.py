from __future__ import annotations

import numpy as np

from nandoctor.facts import Origin, StepFacts
from nandoctor.rules.data.inf_in_data import InfInData
from nandoctor.stats import TensorStats


def test_infinities_are_counted_by_sign(array, data, normal):
    values = normal()
    values[5, 0] = np.inf
    values[[9, 11], 1] = -np.inf

    (finding,) = InfInData().check(data(array(values)))

    assert (finding.cause, finding.severity, finding.about) == ("inf-in-data", "error", "input:x")
    assert finding.evidence["infinite"] == 3
    assert (finding.evidence["positive_inf"], finding.evidence["negative_inf"]) == (1, 2)
    assert finding.limits == {"infinite": 0}
    assert finding.location.dataset_rows == (5, 9, 11)
    assert finding.location.columns == ("1", "0")


def test_an_unused_array_is_a_note(array, data):
    (finding,) = InfInData().check(data(array(np.array([0.0, np.inf]), role="unused")))

    assert finding.severity == "note"


def test_an_infinity_that_the_model_clips_is_a_note(array, data):
    origin = Origin(
        0, "input", "forward", "x", "Placeholder", None, TensorStats.of(np.array([np.inf])), "float32", (1,),
        absorbed_by=("Minimum",),
    )  # fmt: skip
    step = StepFacts(1, 2, 10, (0.5,), (origin,), ())

    (finding,) = InfInData().check(data(array(np.array([0.0, np.inf]))), step=step)

    assert finding.severity == "note"


def test_silent_on_the_largest_number_and_on_nan(array, data):
    largest = np.finfo(np.float32).max

    assert not list(InfInData().check(data(array(np.array([largest, -largest, np.nan], np.float32)))))
