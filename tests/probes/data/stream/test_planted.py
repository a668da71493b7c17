"""Random tables with planted cells in every format: counts and places must be exactly those that numpy knows."""

import csv
import gzip
import json
import math
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nandoctor.facts import DataFacts
from nandoctor.probes.data.stream.observe import fold_files, observe_data
from nandoctor.probes.data.stream.part import run_parts
from nandoctor.probes.data.stream.partial import Partial

# Only what reads a table of text reads it in two ways.
by_both_readers = pytest.mark.usefixtures("text_reader")

PLANTED = {"missing": math.nan, "nan": math.nan, "positive_inf": math.inf, "negative_inf": -math.inf, "token": math.nan}
WRITTEN = {
    "missing": ["", " "],
    "nan": ["nan", "NaN", "-nan"],
    "positive_inf": ["inf", "1e400", "Infinity"],
    "negative_inf": ["-inf", "-1e999"],
    "token": ["NA", "None", "1,5", "1_000", 'a "quoted" one', "two\nlines", "ü", "0x10", "1e", "--1"],
}

tables = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 30), st.integers(2, 5)), elements=st.floats(-1e6, 1e6, allow_subnormal=False)
)


@st.composite
def planted_tables(draw, kinds=tuple(PLANTED)):
    """A table, and the kind of each planted cell by its row and column."""
    table = draw(tables)
    places = st.tuples(st.integers(0, table.shape[0] - 1), st.integers(0, table.shape[1] - 1))
    planted = draw(st.dictionaries(places, st.sampled_from(list(kinds)), max_size=12))
    for place, kind in planted.items():
        table[place] = PLANTED[kind]
    return table, planted


def check(facts: DataFacts, table, planted):
    (array,) = facts.arrays
    assert facts.rows == len(table)
    for place, column in enumerate(array.columns):
        here = {row: kind for (row, at), kind in planted.items() if at == place}
        assert [cell.row for cell in column.bad] == sorted(row for row, kind in here.items() if kind != "token")
        assert [cell.row for cell in column.tokens] == sorted(row for row, kind in here.items() if kind == "token")
        for cell in column.bad:
            np.testing.assert_equal(cell.value, PLANTED[here[cell.row]])
        for kind in ("missing", "nan", "positive_inf", "negative_inf"):
            assert getattr(column.stats, kind) == list(here.values()).count(kind)
        assert column.non_numeric == list(here.values()).count("token") == sum(dict(column.token_counts).values())
        assert column.stats.count == len(table) - column.non_numeric
        finite = table[np.isfinite(table[:, place]), place]
        assert column.stats.finite == len(finite)
        assert column.stats.zeros == np.count_nonzero(finite == 0)
        assert column.distinct == len(np.unique(finite))
        if len(finite):
            assert (column.stats.minimum, column.stats.maximum) == (finite.min(), finite.max())
            assert column.stats.mean == pytest.approx(finite.mean(), rel=1e-9, abs=1e-9)
            assert column.lowest[0].row == np.flatnonzero(table[:, place] == finite.min())[0]
            assert column.highest[0].row == np.flatnonzero(table[:, place] == finite.max())[0]
            assert (column.quantile(0.0), column.quantile(1.0)) == (finite.min(), finite.max())


def written_csv(path: Path, table, planted, data, delimiter=",") -> dict[tuple[int, int], str]:
    texts = {}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator=data.draw(st.sampled_from(["\n", "\r\n"])))
        writer.writerow(f"c{place}" for place in range(table.shape[1]))
        for row, values in enumerate(table.tolist()):
            cells = [repr(value) for value in values]
            for (at, column), kind in planted.items():
                if at == row:
                    # Among a few cells, between tabs, a comma may well be a decimal one.
                    known = [text for text in WRITTEN[kind] if delimiter == "," or text != "1,5"]
                    cells[column] = texts[row, column] = data.draw(st.sampled_from(known))
            writer.writerow(cells)
    return texts


PACKED = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}


@by_both_readers
@settings(max_examples=80)
@given(planted_tables(), st.data(), st.sampled_from([("csv", ","), ("tsv", "\t")]), st.sampled_from(list(PACKED)))
def test_csv(case, data, kind, suffix):
    table, planted = case
    name, delimiter = kind
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"d.{name}{suffix}"
        texts = written_csv(path, table, planted, data, delimiter)
        raw = path.read_bytes()
        path.write_bytes(PACKED[suffix](raw))
        facts = observe_data([str(path)])
    check(facts, table, planted)
    records = list(csv.reader(raw.decode().splitlines(keepends=True), delimiter=delimiter))
    for place, column in enumerate(facts.arrays[0].columns):
        for cell in (*column.bad, *column.tokens):
            assert cell.text.strip() == texts[cell.row, place].strip()
            assert cell.line == 1 + raw.count(b"\n", 0, cell.byte)
            rest = raw[cell.byte :].decode().splitlines(keepends=True)
            assert next(csv.reader(rest, delimiter=delimiter)) == records[cell.row + 1]


@by_both_readers
@settings(max_examples=40)
@given(planted_tables(), st.data(), st.integers(20, 400))
def test_csv_is_the_same_however_it_is_cut(case, data, chunk_bytes):
    table, planted = case
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "d.csv"
        written_csv(path, table, planted, data)
        whole = fold_files([str(path)], None, (), None, None)
        cut = fold_files([str(path)], None, (), None, None, chunk_bytes=chunk_bytes)
    check(cut, table, planted)
    assert repr(cut.sample) == repr(whole.sample)
    for one, other in zip(whole.arrays[0].columns, cut.arrays[0].columns, strict=True):
        assert repr((one.bad, one.tokens, one.lowest, one.highest)) == repr(
            (other.bad, other.tokens, other.lowest, other.highest)
        )
        assert (one.repeated, one.distinct, one.quantiles) == (other.repeated, other.distinct, other.quantiles)
        assert one.stats.histogram == other.stats.histogram


@settings(max_examples=60)
@given(
    planted_tables(kinds=("nan", "positive_inf", "negative_inf")),
    st.sampled_from([np.save, np.savez, np.savez_compressed]),
    st.sampled_from("CF"),
    st.booleans(),
)
def test_npz_and_npy(case, save, order, cut):
    table, planted = case
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / ("d.npy" if save is np.save else "d.npz")
        save(path, np.asarray(table, order=order))
        if cut:
            patch.setattr("nandoctor.probes.data.stream.arrays.BLOCK_CELLS", 9)
            patch.setattr("nandoctor.probes.data.stream.arrays.BLOCK_ROWS", 2)
            patch.setattr("nandoctor.probes.data.stream.arrays.PART_CELLS", 20)
        check(observe_data([str(path)]), table, planted)


@settings(max_examples=30)
@given(planted_tables(kinds=("missing", "nan", "positive_inf", "negative_inf")), st.booleans())
def test_parquet(case, as_list):
    table, planted = case
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "d.parquet"
        rows = [
            tuple(None if planted.get((row, at)) == "missing" else value for at, value in enumerate(values))
            for row, values in enumerate(table.tolist())
        ]
        connection = duckdb.connect()
        typed = ", ".join(f"c{place} DOUBLE" for place in range(table.shape[1]))
        connection.execute(f"CREATE TABLE t ({typed})")
        connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * table.shape[1])})", rows)
        names = [f"c{place}" for place in range(table.shape[1])]
        columns = f"[{', '.join(names)}] AS c" if as_list else "*"
        connection.execute(f"COPY (SELECT {columns} FROM t) TO '{path}'")
        facts = observe_data([str(path)])
    check(facts, table, planted)


@settings(max_examples=30)
@given(planted_tables(), st.booleans(), st.sampled_from(list(PACKED)))
def test_json_lines(case, absent, suffix):
    table, planted = case
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"d.jsonl{suffix}"
        lines = []
        for row, values in enumerate(table.tolist()):
            cells = dict(enumerate(values))
            for (at, column), kind in planted.items():
                if at == row and kind == "token":
                    cells[column] = "1_000"
                elif at == row and kind == "missing":
                    cells[column] = None
            lines.append(json.dumps({f"c{at}": cell for at, cell in cells.items() if row == 0 or cell is not None}))
        path.write_bytes(PACKED[suffix](("\n".join(lines) + "\n" * absent).encode()))
        facts = observe_data([str(path)])
    check(facts, table, planted)


@by_both_readers
@settings(max_examples=20)
@given(planted_tables(kinds=("nan", "positive_inf", "negative_inf")))
def test_csv_and_npz_of_the_same_numbers_have_the_same_facts(case):
    table, _ = case
    with tempfile.TemporaryDirectory() as folder:
        text, binary = Path(folder) / "d.csv", Path(folder) / "d.npz"
        np.savetxt(text, table, fmt="%.17g", delimiter=",", header=",".join("abcde"[: table.shape[1]]), comments="")
        np.savez(binary, x=table)
        one, other = observe_data([str(text)]).arrays[0], observe_data([str(binary)]).arrays[0]
    assert one.stats == other.stats
    for a, b in zip(one.columns, other.columns, strict=True):
        assert (a.stats, a.quantiles, a.repeated, a.distinct, a.integral) == (
            b.stats,
            b.quantiles,
            b.repeated,
            b.distinct,
            b.integral,
        )
        assert [cell.row for cell in (*a.bad, *a.lowest)] == [cell.row for cell in (*b.bad, *b.lowest)]


@by_both_readers
def test_partial_facts_are_a_monoid(tmp_path):
    table = np.random.default_rng(3).normal(size=(3000, 3)).round(2)
    table[5, 1] = np.nan
    path = tmp_path / "d.csv"
    np.savetxt(path, table, fmt="%.17g", delimiter=",", header="a,b,c", comments="")
    kept: list[Partial] = []

    def run(parts, fold, progress):
        kept.extend(map(fold, parts))
        return run_parts(parts, fold, progress)

    with pytest.raises(Exception, match="no rows"):
        fold_files([str(path)], None, (), None, None, chunk_bytes=5000, run=run)
    a, b, c, *_ = kept
    left, right = (a + b) + c, a + (b + c)
    assert len(kept) > 3
    assert left.rows == right.rows == a.rows + b.rows + c.rows
    np.testing.assert_array_equal(left.arrays[""].sample.rows, right.arrays[""].sample.rows)
    for one, other in zip(left.arrays[""].columns, right.arrays[""].columns, strict=True):
        assert (one.distinct, repr(one.lowest), repr(one.nan)) == (other.distinct, repr(other.lowest), repr(other.nan))
        assert one.stats.m2 == pytest.approx(other.stats.m2)
    assert (Partial() + a).rows == (a + Partial()).rows == a.rows
