"""What data sets are made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow


def test_the_parts_of_a_pipeline_from_its_source() -> None:
    import tensorflow as tf

    from nandoctor.probes.compat import datasets as compat

    data = tf.data.Dataset.from_tensor_slices((np.ones((4, 2)), np.arange(4))).shuffle(4)
    data = data.filter(lambda _x, y: y > 0).map(lambda x, y: (x * 2, y)).batch(2).skip(1).take(5).prefetch(1)
    source, shuffle, filtered, mapped, batched, skipped, taken, prefetched = compat.from_source(data)

    assert [one.numpy().shape for one in compat.sliced_tensors(source)] == [(4, 2), (4,)]
    assert compat.is_source(source)
    assert not compat.is_source(shuffle)
    assert compat.shuffles(shuffle)
    assert compat.passes_on(shuffle)
    assert compat.passes_on(prefetched)
    assert not compat.passes_on(mapped)
    assert compat.filtered_by(filtered) is not None
    assert [op.type for op in compat.mapped_by(mapped).graph.get_operations()].count("Mul") == 1
    assert compat.opened_function(mapped) is compat.mapped_by(mapped)
    assert compat.batched_by(batched) == 2
    assert (compat.cut_by(skipped), compat.cut_by(taken)) == (("skip", 1), ("take", 5))
    for one in (shuffle, filtered, mapped, skipped):
        assert compat.batched_by(one) is None


def test_the_files_of_a_source_and_how_they_are_read(tmp_path: Path) -> None:
    import tensorflow as tf

    from nandoctor.probes.compat import datasets as compat

    names = [str(tmp_path / name) for name in ("a.csv", "b.csv")]
    for place, name in enumerate(names):
        Path(name).write_text(f"p;q\n{place};0.5\n{place};missing\n")
    assert compat.files_of(compat.from_source(tf.data.TextLineDataset(names))[0]) == names
    assert compat.files_of(tf.data.Dataset.range(3)) == []

    data = tf.data.experimental.make_csv_dataset(
        names, 2, field_delim=";", na_value="missing", num_epochs=1, shuffle=False, column_defaults=[tf.int32, [7.0]]
    )
    readers = [compat.csv_reader(one, names) for one in compat.from_source(data)]
    (reader,) = [one for one in readers if one is not None]
    assert [(p, q) for p, q in reader.as_numpy_iterator()] == [(0, 0.5), (0, 7.0), (1, 0.5), (1, 7.0)]


def test_several_data_sets_in_one_end_the_chain() -> None:
    import tensorflow as tf

    from nandoctor.probes.compat import datasets as compat

    one = tf.data.Dataset.range(3)
    chain = compat.from_source(tf.data.Dataset.zip((one, one)).batch(2))
    assert len(chain) == 2
    assert not compat.is_source(chain[0])


def test_how_rows_stand_in_text_files(tmp_path: Path) -> None:
    import tensorflow as tf

    from nandoctor.probes.compat import datasets as compat

    file = tmp_path / "a.csv"
    file.write_text("a\n1\n")
    for data, layout in (
        (tf.data.TextLineDataset(str(file)), "lines"),
        (tf.data.TextLineDataset(str(file), compression_type="GZIP"), None),
        (tf.data.experimental.CsvDataset(str(file), [0.0]), "records"),
        (tf.data.experimental.CsvDataset(str(file), [0.0], header=True), "records below a header"),
        (tf.data.TFRecordDataset(str(file)), None),
    ):
        assert compat.layout_of(compat.from_source(data)[0]) == layout
