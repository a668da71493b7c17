from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nandoctor.probes.source import rows
from nandoctor.probes.source.text import Edit, Source, UnwritableError

X = np.array([[1.0, 2.0], [np.nan, 4.0], [5.0, 6.0], [-99.0, 8.0]])
Y = np.array([1, 2, 3, 1])


class Model:
    """Keeps what it is given."""

    def fit(self, x: Any, y: Any = None, **given: Any) -> None:
        self.fitted = {"x": x, "y": y, **given}

    train_on_batch = fit


def fitted(line: str, write: Callable[[Source], list[Edit]], **data: Any) -> dict[str, Any]:
    """What the model is given when the changed script runs."""
    source = Source(f"import numpy as np\n{line}\n")
    names = {"model": Model(), "x": X, "y": Y, **data}
    exec(source.changed(write(source)), names)
    found: dict[str, Any] = names["model"].fitted
    return found


def finite(source: Source) -> list[Edit]:
    return rows.finite_rows_only(source, "input", "x")


def test_rows_that_are_not_finite_are_left_out_of_all_arrays() -> None:
    weighted = fitted("model.fit(x, y, sample_weight=w, epochs=2)", finite, w=np.arange(4))

    assert weighted["x"].tolist() == [[1.0, 2.0], [5.0, 6.0], [-99.0, 8.0]]
    assert weighted["y"].tolist() == [1, 3, 1]
    assert weighted["sample_weight"].tolist() == [0, 2, 3]


def test_the_array_of_a_name_and_slices_of_a_loop() -> None:
    by_name = fitted(
        "model.fit({'shop': s, 'price': x}, y)", lambda source: rows.finite_rows_only(source, "input", "price"), s=Y
    )
    loop = "for first in range(0, len(x), 2):\n    model.train_on_batch(x[first : first + 2], y[first : first + 2])"

    assert by_name["x"]["shop"].tolist() == [1, 3, 1]
    assert fitted(loop, finite)["x"].tolist() == [[-99.0, 8.0]]


def test_other_rows_to_leave_out() -> None:
    sentinel = fitted("model.fit(x, y)", lambda source: rows.rows_without(source, "input", "x", -99.0))
    numbers = fitted("model.fit(x, y)", lambda source: rows.rows_left_out(source, (0, 2)))
    within = fitted("model.fit(x, y)", lambda source: rows.labels_within(source, 2, 3))

    assert len(sentinel["x"]) == len(sentinel["y"]) == 3
    assert numbers["y"].tolist() == [2, 1]
    assert within["y"].tolist() == [2, 3]


def test_what_is_computed_of_all_rows() -> None:
    renumbered = fitted("model.fit(x, y)", rows.labels_from_zero)
    scaled = fitted("model.fit(x, y)", lambda source: rows.standardized(source, "label", None))

    assert renumbered["y"].tolist() == [0, 1, 2, 0]
    assert scaled["y"].mean() == pytest.approx(0.0)
    assert scaled["y"].std() == pytest.approx(1.0)


def test_the_arrays_of_a_data_set() -> None:
    class Data:
        from_tensor_slices = staticmethod(lambda arrays: arrays)

    line = "dataset = tf.data.Dataset.from_tensor_slices((x, y))\nmodel.fit(dataset, epochs=2)"
    tf = SimpleNamespace(data=SimpleNamespace(Dataset=Data))

    inputs, labels = fitted(line, finite, tf=tf)["x"]

    assert len(inputs) == 3
    assert labels.tolist() == [1, 3, 1]


GENERATOR = """def batches():
    for first in range(0, 4, 2):
        yield x[first : first + 2], y[first : first + 2]
model.fit(batches(), epochs=2)"""


def test_batches_of_a_generator() -> None:
    found = fitted(GENERATOR, rows.finite_batches_only)

    assert [(len(inputs), labels.tolist()) for inputs, labels in found["x"]] == [(1, [1]), (2, [3, 1])]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("model.fit(load('a.csv'))", "shows no calls that are given the data as variables"),
        ("model.fit(x, y); model.fit(x, y)", "shows 2 calls that are given the data as variables"),
        ("model.fit([x, z], y)", "it is not clear which variable holds b"),
    ],
)
def test_data_that_is_not_shown_is_left_alone(line: str, reason: str) -> None:
    with pytest.raises(UnwritableError, match=reason):
        fitted(line, lambda source: rows.finite_rows_only(source, "input", "b"), z=X)
