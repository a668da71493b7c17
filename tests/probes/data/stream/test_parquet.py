"""Parquet's types: what is a number, a text, several columns, or not examined, and said to be."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from nandoctor.api import check_data
from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.stream.observe import observe_data
from nandoctor.probes.data.stream.part import run_parts


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """Writes the columns of a query to a file, and gives its path."""

    def write(select: str) -> str:
        path = str(tmp_path / "d.parquet")
        duckdb.connect().execute(f"COPY (SELECT {select}) TO '{path}'")
        return path

    return write


def columns(facts: Any) -> dict[str, Any]:
    return {column.name: column for array in facts.arrays for column in array.columns}


def test_lists_of_one_length_are_columns(written: Any) -> None:
    path = written(
        "range AS id, CASE range WHEN 5 THEN NULL WHEN 7 THEN [1, 'nan'::FLOAT, 3] WHEN 8 THEN "
        "[1, NULL, '-inf'::FLOAT] ELSE [range::FLOAT, 2, 3] END AS position FROM range(3000)"
    )

    facts = observe_data([path])

    found = columns(facts)
    assert list(found) == ["id", "position[0]", "position[1]", "position[2]"]
    assert [[cell.row for cell in column.bad] for column in found.values()] == [[], [5], [5, 7, 8], [5, 8]]
    assert (found["position[1]"].stats.nan, found["position[1]"].stats.missing) == (1, 2)
    assert found["position[2]"].bad[1].value == -math.inf
    assert found["position[0]"].highest[0].row == 2999
    assert facts.notices == (f"{path}: column position holds lists of 3 numbers, a column each.",)


def test_files_whose_lists_differ_in_length_are_no_one_table(tmp_path: Path) -> None:
    for length in (2, 3):
        duckdb.execute(f"COPY (SELECT [1.5, 2, 3][:{length}] AS x) TO '{tmp_path}/{length}.parquet'")

    with pytest.raises(NandoctorError, match=r"x\[2\]"):
        observe_data([str(tmp_path)])


@pytest.mark.parametrize("name", ["d[1]", "d*", "d?"])
def test_a_name_is_no_pattern(tmp_path: Path, name: str) -> None:
    duckdb.execute(f"COPY (SELECT 1 AS other) TO '{tmp_path}/d1.parquet'")
    duckdb.execute(f"COPY (SELECT 2.5 AS own) TO '{tmp_path}/e.parquet'")
    (tmp_path / "e.parquet").rename(tmp_path / f"{name}.parquet")

    assert list(columns(observe_data([str(tmp_path / f"{name}.parquet")]))) == ["own"]


def test_dates_are_texts_and_named_as_dates(written: Any) -> None:
    path = written(
        "DATE '2024-02-28' + range::INT AS day, CASE WHEN range = 1 THEN NULL ELSE TIMESTAMP '2024-01-01 10:00:00' END "
        "AS at, range / 4 AS x FROM range(3)"
    )

    facts = observe_data([path])
    prescribed = {one.column: one for one in check_data(path).prescription}

    day, at, x = columns(facts).values()
    assert [cell.text for cell in day.tokens] == ["2024-02-28", "2024-02-29", "2024-03-01"]
    assert (at.non_numeric, at.stats.missing, [cell.row for cell in at.bad]) == (2, 1, [1])
    assert (x.non_numeric, x.stats.maximum) == (0, 0.5)
    assert facts.notices == (
        f"{path}: column day holds dates or times (DATE), read as their texts.",
        f"{path}: column at holds dates or times (TIMESTAMP), read as their texts.",
    )
    assert prescribed["day"].actions == ("cast",)
    assert "dates such as 2024-02-28" in prescribed["day"].reason


def test_what_is_neither_number_nor_text_is_said_not_to_be_examined(written: Any) -> None:
    path = written("range AS x, 'raw'::BLOB AS image, [1, 2][:range] AS words, {'a': 1.5} AS both FROM range(1, 3)")

    facts = observe_data([path])

    assert list(columns(facts)) == ["x"]
    assert [notice.split("column ")[1].split(" of ")[0] for notice in facts.notices] == ["image", "words", "both"]
    assert all(notice.endswith("not examined.") for notice in facts.notices)


def test_wide_whole_numbers_keep_their_digits(written: Any) -> None:
    path = written("CASE range WHEN 1 THEN NULL WHEN 2 THEN 9007199254740993 ELSE range END AS id FROM range(5)")

    (column,) = columns(observe_data([path])).values()

    assert [(cell.row, cell.text) for cell in column.rounded_cells] == [(2, "9007199254740993")]
    assert ([cell.row for cell in column.bad], column.stats.missing, column.non_numeric) == ([1], 1, 0)


def test_it_is_the_same_however_it_is_cut(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written("range AS id, [range, sin(range)] AS x, 'text ' || (range % 7) AS t FROM range(5000)")
    counts = []

    def run(parts: Any, fold: Any, progress: Any) -> Any:
        kept = list(parts)
        counts.append(len(kept))
        return run_parts(kept, fold, progress)

    whole = observe_data([path], run=run)
    monkeypatch.setattr("nandoctor.probes.data.stream.parquet.PART_BYTES", 1)
    cut = observe_data([path], run=run)

    assert counts == [1, 5]
    np.testing.assert_array_equal(cut.sample.values, whole.sample.values)
    for one, other in zip(columns(whole).values(), columns(cut).values(), strict=True):
        assert repr((one.bad, one.tokens, one.lowest, one.quantiles)) == repr(
            (other.bad, other.tokens, other.lowest, other.quantiles)
        )


@pytest.mark.parametrize(
    ("select", "says"),
    [
        ("range(100000) AS x", "more than 10,000 columns"),
        ("'raw'::BLOB AS image", "no column of numbers or texts"),
        ("1 AS x WHERE false", "no rows"),
    ],
)
def test_it_is_refused_in_one_line(written: Any, select: str, says: str) -> None:
    path = written(select)

    with pytest.raises(NandoctorError, match=r"^[^\n]*$") as error:
        observe_data([path])

    assert says in error.value.message
    assert error.value.exit_code == UNEXAMINABLE
