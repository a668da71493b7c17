"""Facts of the data behind a failing step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nandoctor.probes.watch import batch_data
from nandoctor.probes.watch.batch_data import batch_facts, given_facts, told_apart
from nandoctor.probes.watch.capture import Fed, StepCapture
from nandoctor.probes.watch.given import given_data
from nandoctor.rules.data.nan_in_data import NanInData
from nandoctor.stats import Array

PATH = "the arrays given to fit"


def step(x: Array, y: Array) -> StepCapture:
    """A step that was fed these."""
    return StepCapture(b"", (Fed("x", "x:0", "input", x), Fed("y", "y:0", "label", y)), (), ())


def data(rows: int) -> tuple[Array, Array]:
    x = np.random.default_rng(1).normal(size=(rows, 3)).astype(np.float32)
    x[17, 1] = np.nan
    return x, np.arange(rows)


def test_a_nan_in_a_shuffled_batch_is_named_by_its_row_in_the_data() -> None:
    x, y = data(40)
    order = np.array([30, 17, 5, 8])
    facts = given_facts(step(x[order], y[order]), given_data(x, y), PATH)
    (finding,) = NanInData().check(facts)
    assert (finding.location.dataset_rows, finding.location.rows, finding.location.columns) == ((17,), (1,), ("1",))
    assert finding.location.file is None
    assert facts.rows_of_batch([0, 3]) == (30, 8)
    assert facts.examined_rows == ((5, 6), (8, 9), (17, 18), (30, 31))


def test_without_the_arrays_the_row_is_that_of_the_batch() -> None:
    x, y = data(40)
    facts = batch_facts(step(x[10:20], y[10:20]))
    (finding,) = NanInData().check(facts)
    assert (finding.location.dataset_rows, finding.location.rows, finding.location.columns) == (None, (7,), ("1",))


def test_columns_of_a_frame_have_their_names() -> None:
    pandas = pytest.importorskip("pandas")
    x, y = data(40)
    frame = pandas.DataFrame(x.astype(np.float64), columns=["age", "height", "weight"])
    frame["weight"] = frame["weight"] > 0
    x[:, 2] = frame["weight"]
    facts = given_facts(step(x[16:18], y[16:18]), given_data(frame, pandas.Series(y)), PATH)
    (finding,) = NanInData().check(facts)
    assert (finding.location.dataset_rows, finding.location.columns) == ((17,), ("height",))


def test_several_inputs_by_name() -> None:
    x, y = data(40)
    capture = StepCapture(
        b"",
        (Fed("b", "b:0", "input", x[[17, 3], 1:2]), Fed("a", "a:0", "input", x[[17, 3], 0:1])),
        (),
        (),
    )
    facts = given_facts(capture, given_data({"a": x[:, 0], "b": x[:, 1]}, y), PATH)
    assert facts.batch_rows == (17, 3)
    assert [(one.name, one.bound_to) for one in facts.inputs] == [("b", "b"), ("a", "a")]


def test_of_much_data_a_part_is_profiled_with_all_that_matters(monkeypatch) -> None:
    monkeypatch.setattr(batch_data, "PROFILED_BYTES", 10_000)
    x, y = data(5000)
    x[4321, 2] = np.inf
    facts = given_facts(step(x[[4, 2, 17]], y[[4, 2, 17]]), given_data(x, y), PATH)
    assert facts.rows < 1000
    assert facts.notices[0].startswith(f"Of the 5,000 rows in the arrays given to fit, {facts.rows} were profiled")
    bad = {cell.row for column in facts.inputs[0].columns for cell in column.bad}
    assert bad == {17, 4321}
    assert facts.batch_rows == (4, 2, 17)


def test_rows_that_stand_in_several_places_are_told() -> None:
    x = np.ones((10, 2), np.float32)
    facts = given_facts(step(x[:1], np.array([1.0])), given_data(x, np.ones(10)), PATH)
    assert facts.repeated == (0,)


def test_a_nan_among_sample_weights_is_named_by_its_row_in_the_data() -> None:
    x, y = data(40)
    weights = np.ones(4, np.float32)
    weights[2] = np.nan
    rows = np.array([30, 3, 5, 8])
    capture = step(x[rows], y[rows])
    fed = (*capture.fed, Fed("sample_weight", "w:0", "input", weights))
    facts = given_facts(replace(capture, fed=fed), given_data(x, y), PATH)
    found = {one.about: one.location for one in NanInData().check(facts)}
    assert (found["input:sample_weight"].dataset_rows, found["input:sample_weight"].rows) == ((5,), (2,))


def test_what_is_no_array_is_not_taken_for_one() -> None:
    assert given_data(iter([1, 2]), None) is None
    assert given_data({"a": np.ones(3), "b": np.ones(4)}, None) is None
    assert given_data([np.ones(3), lambda: 1], None) is None
    assert batch_facts(StepCapture(b"", (), (), ())) is None


def test_lists_are_named_by_their_place() -> None:
    given = given_data([np.ones((3, 1)), np.ones((3, 2))], {"out": np.ones(3)})
    assert [one.name for one in (*given.inputs, *given.labels)] == ["x[0]", "x[1]", "out"]


def test_arguments_without_a_role_are_told_apart_by_their_values() -> None:
    x, y = data(40)
    order = [30, 17, 5]
    fed = (
        Fed("287", "287:0", "input", x[order]),
        Fed("300", "300:0", "input", np.array([7.0, 7.0, 7.0])),
        Fed("303", "303:0", "input", y[order].astype(np.float32).reshape(3, 1)),
    )
    capture = told_apart(StepCapture(b"", fed, (), ()), given_data(x, y))
    assert [(one.name, one.role) for one in capture.fed] == [("x", "input"), ("300", "input"), ("y", "label")]
    facts = given_facts(capture, given_data(x, y), PATH)
    assert ([one.name for one in facts.labels], facts.batch_rows) == (["y"], (30, 17, 5))


def test_what_is_told_apart_already_stays_as_it_is() -> None:
    x, y = data(40)
    capture = step(x[:3], y[:3])
    assert told_apart(capture, given_data(x, y)) is capture
