"""The data behind a failing step, by what fit was given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nandoctor.probes.watch.capture import Fed, StepCapture

pytestmark = pytest.mark.tensorflow

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = np.arange(40)


def step(*inputs, label=None) -> StepCapture:
    """A step that was fed these; an input is an array, or (name, array)."""
    named = [one if isinstance(one, tuple) else ("x", one) for one in inputs]
    fed = [Fed(name, f"IteratorGetNext:{n}", "input", one) for n, (name, one) in enumerate(named)]
    fed += [Fed("dense", "IteratorGetNext:9", "label", label)] if label is not None else []
    return StepCapture(b"", tuple(fed), (), ())


def behind(capture, x, y=None, python=False):
    from nandoctor.probes.watch.data_behind import GivenTo, data_behind

    return data_behind(capture, GivenTo(x, y, python=python))


def test_arrays() -> None:
    data, pipeline = behind(step(X[[5, 3]], label=Y[[5, 3]]), X, Y)
    assert (data.path, data.rows, data.batch_rows, pipeline) == ("the arrays given to fit", 40, (5, 3), None)


def test_sample_weights_are_not_in_the_way() -> None:
    import tensorflow as tf

    weights = np.ones(40, np.float32)
    capture = step(X[[5, 3]], ("IteratorGetNext", weights[:2]), label=Y[[5, 3]])
    data, _ = behind(capture, X, Y)
    assert data.batch_rows == (5, 3)
    data, _ = behind(capture, tf.data.Dataset.from_tensor_slices((X, Y, weights)).batch(2))
    assert (data.rows, data.batch_rows) == (40, (5, 3))
    mapped = tf.data.Dataset.from_tensor_slices(({"x": X}, {"dense": Y}, weights)).map(lambda *parts: parts)
    data, _ = behind(capture, mapped.batch(2))
    assert (data.only_batch, data.batch_rows) == (True, (5, 3))


def test_a_data_set_of_slices_is_profiled_as_a_whole() -> None:
    import tensorflow as tf

    data, pipeline = behind(step(X[[5, 3]], label=Y[[5, 3]]), tf.data.Dataset.from_tensor_slices((X, Y)).batch(2))
    assert (data.rows, data.batch_rows, data.only_batch, pipeline) == (40, (5, 3), False, None)


def test_rows_are_found_through_a_map_function() -> None:
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(40).map(lambda x, y: (x * 2, y)).batch(2)
    data, pipeline = behind(step(2 * X[[5, 3]], label=Y[[5, 3]]), dataset)
    assert (data.rows, data.batch_rows, data.only_batch, pipeline) == (2, (5, 3), True, None)


def test_a_batch_that_a_map_function_made_nan_has_its_rows_and_its_maker() -> None:
    import tensorflow as tf

    x = X.copy()
    x[7] = 0
    dataset = tf.data.Dataset.from_tensor_slices(x).map(lambda x: x / tf.reduce_sum(x)).batch(2)
    fed = np.stack([x[2] / x[2].sum(), np.full(3, np.nan)]).astype(np.float32)
    made = next(iter(dataset.skip(1)))
    fed[0] = made.numpy()[0]
    data, pipeline = behind(step(fed), dataset)
    assert (pipeline.maker, pipeline.row, pipeline.source_finite) == (0, 7, True)
    assert data.batch_rows == (2, 7)


def test_rows_of_a_csv_file(tmp_path: Path) -> None:
    import tensorflow as tf

    path = tmp_path / "a.csv"
    path.write_text("p,q,r\n" + "".join(f"{n}.5,{n * n},{n % 2}\n" for n in range(20)))
    dataset = tf.data.experimental.make_csv_dataset(str(path), 4, label_name="r", num_epochs=1)
    p, q = np.array([3.5, 17.5], np.float32), np.array([9, 289], np.int32)
    data, _ = behind(step(("p", p), ("q", q), label=np.array([1, 1], np.int32)), dataset)
    assert (data.path, data.from_file, data.batch_rows) == (str(path), True, (3, 17))
    assert data.location((), [one.lowest[1] for one in data.inputs[0].columns]).dataset_rows == (17,)


def test_random_augmentation_leaves_the_rows_unknown() -> None:
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices(X).map(lambda x: x + tf.random.normal([3])).batch(2)
    data, pipeline = behind(step(X[:2] + 0.1), dataset)
    assert (data.only_batch, data.batch_rows, pipeline) == (True, (), None)


def test_what_is_not_known_gives_the_batch_alone() -> None:
    data, pipeline = behind(step(X[:2]), iter([1]), None)
    assert (data.only_batch, data.rows_of_batch([0]), pipeline) == (True, None, None)


def test_the_batch_of_a_script_s_own_loop_is_found_in_the_set_that_it_came_from() -> None:
    import tensorflow as tf

    from nandoctor.probes.watch.data_behind import GivenTo, data_behind, looped_over, told_by_data

    train, other = tf.data.Dataset.from_tensor_slices((X, Y)).batch(2), tf.data.Dataset.from_tensor_slices((X + 9, Y))
    names = ("181", "182")
    fed = [Fed(name, f"{name}:0", "input", one) for name, one in zip(names, (X[[5, 3]], Y[[5, 3]]), strict=True)]
    capture = StepCapture(b"", tuple(fed), (), ())

    to = looped_over(capture, GivenTo(None, None, loops=(other.batch(2), train)))
    told = told_by_data(capture, to)
    data, _ = data_behind(told, to)

    assert to.x is train
    assert [(one.name, one.role) for one in told.fed] == [("x", "input"), ("y", "label")]
    assert (data.path, data.batch_rows) == ("the arrays of the data set looped over", (5, 3))


def test_a_batch_that_no_loop_gave_is_told_of_none() -> None:
    import tensorflow as tf

    from nandoctor.probes.watch.data_behind import GivenTo, looped_over

    both = tuple(tf.data.Dataset.from_tensor_slices(X + shift).batch(2) for shift in (5, 7))
    given = GivenTo(X, Y, loops=both)
    assert looped_over(step(X[:2]), given) is given
    given = replace(given, loops=both[:1])
    assert looped_over(step(X[:2].astype(np.float64)), given) is given


def test_rows_of_a_text_file_have_their_lines(tmp_path: Path) -> None:
    import tensorflow as tf

    path = tmp_path / "a.csv"
    path.write_text("p,q\n" + "".join(f"{n}.5,{n * n}\n" for n in range(20)))
    lines = tf.data.TextLineDataset(str(path)).skip(1).map(lambda line: tf.stack(tf.io.decode_csv(line, [0.0, 0.0])))
    made = tf.data.experimental.make_csv_dataset(str(path), 4, num_epochs=1)
    fed = np.array([[3.5, 9.0], [17.5, 289.0]], np.float32)

    data, _ = behind(step(fed), lines.shuffle(20).batch(2))
    assert data.lines_of(data.batch_rows) == (f"{path}:5", f"{path}:19")
    data, _ = behind(step(("p", fed[:, 0]), ("q", fed[:, 1].astype(np.int32))), made)
    assert data.lines_of(data.batch_rows) == (f"{path}:5", f"{path}:19")


def test_a_python_function_is_called_again_only_where_that_is_allowed() -> None:
    import tensorflow as tf

    x = np.ones((40, 3), np.float32)
    x[7] = 0

    def share(row):
        with np.errstate(invalid="ignore"):
            return row / row.sum()

    data = tf.data.Dataset.from_tensor_slices(x).map(lambda row: tf.numpy_function(share, [row], tf.float32)).batch(2)
    fed = np.full((2, 3), np.nan, np.float32)
    fed[0] = 1 / np.float32(3)

    _, seen = behind(step(fed), data, python=True)
    _, unseen = behind(step(fed), data)

    assert (seen.maker, seen.row, seen.origin.source.function) == (0, 7, "share")
    assert (unseen.maker, unseen.row) == (0, None)
    assert "not called again" in unseen.not_examined
