"""Input pipelines: where values stop being finite, and which rows examples are made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow

X = np.arange(1, 31, dtype=np.float32).reshape(10, 3)
Y = np.arange(10)


def with_a_row_of_zeros() -> np.ndarray:
    x = X.copy()
    x[6] = 0
    return x


def facts(dataset):
    from nandoctor.probes.watch.pipeline import pipeline_facts
    from nandoctor.probes.watch.rebuilt import pipeline_of

    return pipeline_facts(pipeline_of(dataset))


def rows(dataset):
    from nandoctor.probes.watch.pipeline import rows_made
    from nandoctor.probes.watch.rebuilt import pipeline_of

    return rows_made(pipeline_of(dataset))


def share(x, y):
    import tensorflow as tf

    total = tf.reduce_sum(x)
    return x / total, y


def test_a_division_by_zero_in_a_map_function_has_its_line_and_row() -> None:
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((with_a_row_of_zeros(), Y)).shuffle(10)
    found = facts(data.map(lambda x, y: (x * 2, y)).map(share, num_parallel_calls=2).batch(4).repeat().prefetch(1))
    assert (found.source_finite, found.maker, found.row) == (True, 1, 6)
    assert (found.functions[1].function, found.functions[1].file) == ("share", __file__)
    origin = found.origin
    assert (origin.op_type, origin.phase, origin.dataset_rows) == ("RealDiv", "data", (6,))
    assert origin.source.code == "return x / total, y"


def test_a_map_over_batches() -> None:
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices(with_a_row_of_zeros()).batch(2)
    found = facts(data.map(lambda x: x / tf.reduce_sum(x, axis=1, keepdims=True)))
    assert (found.maker, found.row, found.origin.op_type) == (0, 6, "RealDiv")


def test_bad_values_in_the_source_are_the_source_s() -> None:
    import tensorflow as tf

    x = X.copy()
    x[3, 1] = np.inf
    found = facts(tf.data.Dataset.from_tensor_slices((x, Y)).map(share).batch(2))
    assert (found.source_finite, found.maker, found.source) == (False, None, "the arrays of the data set given to fit")


def test_python_code_is_named_but_not_run_again() -> None:
    import tensorflow as tf

    calls = []

    def normalize(x):
        calls.append(1)
        return x / x.sum()

    data = tf.data.Dataset.from_tensor_slices(with_a_row_of_zeros())
    found = facts(data.map(lambda x: tf.numpy_function(normalize, [x], tf.float32)).batch(2))
    assert (found.maker, found.origin, calls) == (0, None, [])
    assert "call Python" in found.not_examined
    assert found.functions[0].file == __file__


def test_a_generator_is_not_run_again() -> None:
    import tensorflow as tf

    calls = []

    def generate():
        calls.append(1)
        yield np.ones(3, np.float32)

    data = tf.data.Dataset.from_generator(generate, output_signature=tf.TensorSpec([3], tf.float32))
    found = facts(data.map(lambda x: x / 0).batch(2))
    assert (found.source, found.source_finite, found.maker, calls) == ("Python code", None, None, [])


def test_shuffles_of_the_user_s_own_data_set_are_not_moved_on() -> None:
    import tensorflow as tf

    def orders(look: bool):
        tf.random.set_seed(3)
        data = tf.data.Dataset.range(20).shuffle(20, seed=1)
        first = list(data.as_numpy_iterator())
        if look:
            rows(data.map(lambda x: tf.cast(x, tf.float32)))
        return first, list(data.as_numpy_iterator())

    assert orders(look=True) == orders(look=False)


def test_rows_are_numbered_as_in_the_source_through_maps_filters_and_batches() -> None:
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(10).filter(lambda x, y: y % 2 == 1)
    numbers, (x, y) = rows(data.map(lambda x, y: (x[:2] * 10, y)).batch(2).map(lambda x, y: (-x, y)))
    assert numbers.tolist() == y.tolist() == [1, 3, 5, 7, 9]
    np.testing.assert_array_equal(x, -10 * X[1::2, :2])


def test_rows_of_csv_files(tmp_path: Path) -> None:
    import tensorflow as tf

    path = tmp_path / "a.csv"
    path.write_text("p,q,r\n" + "".join(f"{n}.5,{n},{n % 2}\n" for n in range(20)))
    data = tf.data.experimental.make_csv_dataset(str(path), 4, label_name="r", num_epochs=1, shuffle_seed=3)
    numbers, (p, q, r) = rows(data)
    assert numbers.tolist() == q.tolist() == list(range(20))
    assert p.tolist() == [n + 0.5 for n in range(20)]
    assert r.tolist() == [n % 2 for n in range(20)]
    lines = (
        tf.data.TextLineDataset(str(path)).skip(1).map(lambda text: tf.strings.to_number(tf.strings.split(text, ",")))
    )
    numbers, (values,) = rows(lines.batch(3))
    assert numbers.tolist() == list(range(1, 21))
    assert values[:, 1].tolist() == list(range(20))


def test_a_nan_written_in_a_csv_file_is_the_source_s(tmp_path: Path) -> None:
    import tensorflow as tf

    path = tmp_path / "a.csv"
    path.write_text("1,2\n3,nan\n")
    found = facts(tf.data.experimental.CsvDataset(str(path), [0.0, 0.0]).map(lambda a, b: a / b).batch(2))
    assert (found.source, found.source_finite) == (str(path), False)


def test_several_data_sets_in_one_are_left_alone() -> None:
    import tensorflow as tf

    one = tf.data.Dataset.from_tensor_slices(X)
    data = tf.data.Dataset.zip((one, one)).map(lambda a, b: a / b)
    assert rows(data) is None
    assert facts(data).source_finite is None
