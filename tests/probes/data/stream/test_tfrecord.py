"""TFRecord files as TensorFlow writes them: features are columns or arrays, and what is damaged is told by record."""

from __future__ import annotations

import gzip
import math
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.stream import tf_block, tfrecord
from nandoctor.probes.data.stream.observe import fold_files, observe_data
from nandoctor.probes.data.stream.part import run_parts

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.tensorflow

Record = Mapping[str, Any]
ROWS = 40


def feature(values: Any) -> Any:
    """A value, or several, as the feature that tf.train makes of them."""
    several = list(np.atleast_1d(values)) if not isinstance(values, bytes) else [values]
    if isinstance(several[0], bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=several))
    if isinstance(several[0], (int, np.integer)):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=several))
    return tf.train.Feature(float_list=tf.train.FloatList(value=several))


def example(record: Record) -> bytes:
    found = {name: feature(values) for name, values in record.items() if values is not None}
    return tf.train.Example(features=tf.train.Features(feature=found)).SerializeToString()


def write(path: Path, records: Iterable[Record], compression: str = "") -> Path:
    with tf.io.TFRecordWriter(str(path), options=compression) as writer:
        for record in records:
            writer.write(example(record))
    return path


def table() -> list[dict[str, Any]]:
    """Rows of a number, a class and a text, with a NaN, an Inf, a missing class, and a class that no float64 holds."""
    rows = [{"width": row / 8, "class": row % 3, "kind": (b"a", b"b")[row % 2]} for row in range(ROWS)]
    rows[7]["width"] = math.nan
    rows[11]["width"] = -math.inf
    rows[13]["class"] = None
    rows[17]["class"] = 2**60 + 1
    return rows


def columns(facts: Any) -> dict[str, Any]:
    return {column.name: column for array in facts.arrays for column in array.columns}


def named(facts: Any) -> dict[str, Any]:
    return {array.name: array for array in facts.arrays}


@pytest.mark.parametrize(
    ("name", "compression"),
    [
        ("d.tfrecord", ""),
        ("d.tfrecords", "GZIP"),
        ("d.tfrecord.gz", "GZIP"),
        ("d.tfrecord", "ZLIB"),
        ("d.tfrecord-00000-of-00001", ""),
    ],
)
def test_features_of_one_value_are_a_table(tmp_path: Path, name: str, compression: str) -> None:
    path = write(tmp_path / name, table(), compression)

    facts = observe_data([str(path)], target="class")

    assert [(array.name, array.role, array.shape) for array in facts.arrays] == [
        ("table", "input", (ROWS, 2)),
        ("class", "label", (ROWS,)),
    ]
    found = columns(facts)
    assert [(cell.row, cell.value) for cell in found["width"].bad[1:]] == [(11, -math.inf)]
    assert (found["width"].bad[0].row, found["width"].stats.nan, found["width"].stats.missing) == (7, 1, 0)
    assert ([cell.row for cell in found["class"].bad], found["class"].stats.missing) == ([13], 1)
    assert [(cell.row, cell.text) for cell in found["class"].rounded_cells] == [(17, str(2**60 + 1))]
    assert (found["kind"].non_numeric, found["kind"].token_counts) == (ROWS, (("a", 20), ("b", 20)))


def test_a_bad_cell_has_the_byte_of_its_record(tmp_path: Path) -> None:
    path = write(tmp_path / "d.tfrecord", table())

    (nan, _) = columns(observe_data([str(path)]))["width"].bad

    before = list(tf.data.TFRecordDataset(str(path)).take(7).as_numpy_iterator())
    assert nan.byte == sum(len(record) + 16 for record in before)


def images() -> list[dict[str, Any]]:
    pixels = np.random.default_rng(0).normal(size=(ROWS, 6)).astype(np.float32)
    pixels[5, 4] = np.inf
    return [
        {"pixels": pixels[row], "label": row % 4, "raw": bytes([255, 216, row]), "tokens": list(range(row % 3 + 1))}
        for row in range(ROWS)
    ]


def test_features_of_several_values_are_arrays(tmp_path: Path) -> None:
    rows = images()
    path = write(tmp_path / "d.tfrecord", rows)

    facts = observe_data([str(path)], target="label")

    found = named(facts)
    assert {name: (array.role, array.shape, array.dtype) for name, array in found.items()} == {
        "pixels": ("input", (ROWS, 6), "float32"),
        "tokens": ("input", (ROWS, 3, 1), "int64"),
        "label": ("label", (ROWS,), "int64"),
        "raw": ("unused", (ROWS,), "bytes"),
    }
    (cell,) = found["pixels"].columns[4].bad
    assert (cell.row, cell.value) == (5, math.inf)
    assert found["tokens"].columns[0].stats.count == sum(len(row["tokens"]) for row in rows)
    assert found["tokens"].columns[0].highest[0].row == 2
    assert [notice.split("feature ")[1] for notice in facts.notices] == [
        "raw holds bytes that are no short text (such as an image) and was not examined.",
        "tokens has from 1 value to 3 a record; they were examined as one column.",
    ]


def test_an_array_that_some_records_lack_has_missing_cells(tmp_path: Path) -> None:
    rows = images()
    rows[3]["pixels"] = rows[9]["pixels"] = rows[9]["label"] = None
    path = write(tmp_path / "d.tfrecord", rows)

    found = named(observe_data([str(path)]))

    assert [[cell.row for cell in column.bad] for column in found["pixels"].columns] == [
        [3, 5, 9] if place == 4 else [3, 9] for place in range(6)
    ]
    assert (found["pixels"].stats.missing, found["label"].stats.missing) == (12, 1)


def test_shards_are_one_set(tmp_path: Path) -> None:
    rows = table()
    for shard in range(2):
        write(
            tmp_path / f"train.tfrecord-0000{shard}-of-00002",
            rows[shard * 10 : (shard + 1) * 10 if not shard else None],
        )

    facts = observe_data([str(tmp_path)])

    assert (facts.rows, [count for _, count in facts.files]) == (ROWS, [10, 30])
    nan, infinite = columns(facts)["width"].bad
    assert (nan.row, infinite.row) == (7, 11)
    assert infinite.file == str(tmp_path / "train.tfrecord-00001-of-00002")


def test_it_is_the_same_however_it_is_cut_and_where_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []

    def elsewhere(parts: Any, fold: Any, progress: Any) -> Any:
        sent = [pickle.loads(pickle.dumps(part)) for part in parts]
        counts.append(len(sent))
        return run_parts(sent, pickle.loads(pickle.dumps(fold)), progress)

    for rows in (table(), images()):
        path = write(tmp_path / "d.tfrecord", rows)
        whole = observe_data([str(path)])
        with monkeypatch.context() as small:
            small.setattr(tfrecord, "PART_BYTES", 300)
            small.setattr(tf_block, "BATCH_RECORDS", 3)
            cut = fold_files([str(path)], None, (), None, None, run=elsewhere)
        assert repr(cut.sample) == repr(whole.sample)
        for one, other in zip(whole.arrays, cut.arrays, strict=True):
            assert [repr((a.bad, a.lowest, a.tokens, a.repeated, a.quantiles)) for a in one.columns] == [
                repr((a.bad, a.lowest, a.tokens, a.repeated, a.quantiles)) for a in other.columns
            ]
    assert min(counts) > 3


def test_on_a_dask_scheduler(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    from nandoctor.probes.data.stream.dask import running_on

    for shard in range(3):
        write(tmp_path / f"{shard}.tfrecord", table())

    with running_on("local") as run:
        there = observe_data([str(tmp_path)], run=run)

    assert repr(there) == repr(observe_data([str(tmp_path)]))
    assert [cell.row for cell in columns(there)["width"].bad if math.isnan(cell.value)] == [7, 47, 87]


PLANTED = (math.nan, math.inf, -math.inf)


@settings(max_examples=20)
@given(
    arrays.arrays("f4", st.tuples(st.integers(1, 30), st.integers(1, 5)), elements=st.floats(-100, 100, width=32)),
    st.data(),
    st.sampled_from(["", "GZIP"]),
)
def test_planted_cells_are_those_that_numpy_knows(values: Any, data: Any, compression: str) -> None:
    places = st.tuples(st.integers(0, values.shape[0] - 1), st.integers(0, values.shape[1] - 1))
    for place, value in data.draw(st.dictionaries(places, st.sampled_from(PLANTED), max_size=8)).items():
        values[place] = value
    absent = data.draw(st.sets(st.integers(1, max(1, len(values) - 1)), max_size=4)) - {len(values)}
    as_array = data.draw(st.booleans())
    rows: list[Record] = [
        {"x": None if row in absent else cells}
        if as_array
        else {f"c{at}": None if at == 0 and row in absent else float(cell) for at, cell in enumerate(cells)}
        for row, cells in enumerate(values)
    ]
    with tempfile.TemporaryDirectory() as folder:
        facts = observe_data([str(write(Path(folder) / "d.tfrecord", rows, compression))])

    (array,) = facts.arrays
    assert facts.rows == len(values)
    assert len(array.columns) == values.shape[1]
    for at, column in enumerate(array.columns):
        missing = sorted(absent) if as_array or at == 0 else []
        known = np.delete(values[:, at], missing)
        assert [cell.row for cell in column.bad] == sorted(
            {*missing, *(row for row in np.flatnonzero(~np.isfinite(values[:, at])).tolist())}
        )
        assert column.stats.missing == len(missing)
        assert column.stats.nan == np.isnan(known).sum()
        assert column.stats.positive_inf == (known == np.inf).sum()
        assert column.stats.negative_inf == (known == -np.inf).sum()
        finite = known[np.isfinite(known)]
        assert column.distinct == len(np.unique(finite))
        if len(finite):
            assert (column.stats.minimum, column.stats.maximum) == (finite.min(), finite.max())
            assert column.stats.mean == pytest.approx(finite.mean(dtype=np.float64), rel=1e-6, abs=1e-6)


def damaged(path: Path, place: int, how: str) -> bytes:
    """The file's bytes with one bit of the record at `place` turned over in its length or its data."""
    raw = bytearray(path.read_bytes())
    start = sum(len(one) + 16 for one in tf.data.TFRecordDataset(str(path)).take(place).as_numpy_iterator())
    raw[start + (0 if how == "length" else 20)] ^= 4
    return bytes(raw)


def no_example(path: Path, records: Sequence[bytes]) -> None:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)


def case_truncated(path: Path) -> str:
    path.write_bytes(write(path, table()).read_bytes()[:-5])
    return f"record {ROWS - 1} (from 0, at byte "


def case_cut_off_header(path: Path) -> str:
    path.write_bytes(write(path, table()).read_bytes() + b"abc")
    return f"record {ROWS} (from 0, at byte "


def case_damaged_data(path: Path) -> str:
    path.write_bytes(damaged(write(path, table()), 23, "data"))
    return "record 23 (from 0, at byte "


def case_damaged_length(path: Path) -> str:
    path.write_bytes(damaged(write(path, table()), 23, "length"))
    return "is damaged (its length)"


def case_truncated_gzip(path: Path) -> str:
    path.write_bytes(write(path, table(), "GZIP").read_bytes()[:-30])
    return "not a whole compressed file"


def case_no_tfrecord(path: Path) -> str:
    path.write_text("a,b\n1,2\n3,4\n5,6\n")
    return "is no TFRecord"


def case_no_records(path: Path) -> str:
    path.write_bytes(gzip.compress(b""))
    return "no records in it"


def case_no_example(path: Path) -> str:
    no_example(path, [example(table()[0]), b"\xff\xff\xff"])
    return "record 1 (from 0, at byte "


def case_other_messages(path: Path) -> str:
    no_example(path, [tf.io.serialize_tensor(tf.zeros(3)).numpy()])
    return "record 0"


def case_sequence_example(path: Path) -> str:
    steps = tf.train.FeatureLists(feature_list={"x": tf.train.FeatureList(feature=[feature([1.0])])})
    no_example(path, [tf.train.SequenceExample(feature_lists=steps).SerializeToString()])
    return "tf.train.SequenceExample"


def case_mixed_kinds(path: Path) -> str:
    write(path, [{"x": 1.0}, {"x": 1}])
    return "feature x is of int64_list, before it was of float_list"


def case_no_features(path: Path) -> str:
    write(path, [{}, {}])
    return "hold no features"


CASES = {name.removeprefix("case_"): value for name, value in list(globals().items()) if name.startswith("case_")}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_is_refused_in_one_line(tmp_path: Path, case: Any) -> None:
    says = case(tmp_path / "d.tfrecord")

    with pytest.raises(NandoctorError) as error:
        observe_data([str(tmp_path / "d.tfrecord")])

    assert says in error.value.message
    assert "\n" not in error.value.message
    assert error.value.exit_code == UNEXAMINABLE


def test_what_inflates_past_the_limit_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "d.tfrecord", [{"x": [0.0] * 1000} for _ in range(300)], "GZIP")

    with pytest.raises(NandoctorError, match="--max-bytes"):
        observe_data([str(path)], max_bytes=1_000_000)

    assert observe_data([str(path)], max_bytes=10_000_000).rows == 300


def test_tensorflow_is_not_loaded(tmp_path: Path) -> None:
    path = write(tmp_path / "d.tfrecord", table())
    program = f"""
import sys
from nandoctor.probes.data.stream.observe import observe_data
assert observe_data([{str(path)!r}]).rows == {ROWS}
assert not {{"tensorflow", "keras", "pandas"}} & set(sys.modules)
"""

    subprocess.run([sys.executable, "-c", program], check=True)
