"""The lines of text tables that rows of the data came from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nandoctor.facts import DataFacts
from nandoctor.probes.data.dataset import DataSet
from nandoctor.probes.data.matched import Binding, Matched
from nandoctor.probes.data.profile import data_facts
from nandoctor.probes.watch.given import Given, GivenData
from nandoctor.probes.watch.table_lines import lines_by_count, read_table, with_table_lines
from nandoctor.stats import Array

RANDOM = np.random.default_rng(5)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A file of 30 houses below a header, with a blank line before the tenth and a missing area in the last."""
    rows = [f"{n % 4},{0.5 + n / 7:.3f},{10 - n / 3:.3f}" for n in range(29)] + ["2,,0.125"]
    rows.insert(10, "")
    path = tmp_path / "houses.csv"
    path.write_text("rooms,area,lot\n" + "\n".join(rows) + "\n")
    return path


def given(table: Path, order: Array, names: tuple[str, ...] = ("area", "lot")) -> GivenData:
    """Some columns of the table in another order of rows, as a script would give them."""
    read = read_table(table)
    assert read is not None
    columns = [read.numbers(read.names.index(name)) for name in names]
    return GivenData((Given("x", np.stack(columns, 1)[order], names),), ())


def facts(data: GivenData, batch: tuple[int | None, ...]) -> DataFacts:
    """What is known of it, with the rows of a batch."""
    one = data.inputs[0]
    matched = Matched(len(one.values), (Binding("x", "x", one.values, one.values, one.columns),), ())
    return replace(data_facts(DataSet(Path(), {}), matched), batch_rows=batch, from_file=False)


def test_rows_are_told_by_their_lines_however_they_were_shuffled(table: Path) -> None:
    data = given(table, np.random.default_rng(1).permutation(30))
    (nan,) = np.flatnonzero(np.isnan(data.inputs[0].values[:, 0]))
    batch = (3, 8, int(nan), 12, 0)

    found = with_table_lines(facts(data, batch), data, [table])

    lines = table.read_text().splitlines()
    for row, file, line in found.lines:
        area, lot = data.inputs[0].values[row]
        cells = lines[line - 1].split(",")
        assert file == str(table)
        assert np.float32(cells[2]) == lot
        assert cells[1] == "" if np.isnan(area) else np.float32(cells[1]) == area
    assert {row for row, _, _ in found.lines} == set(batch)
    assert found.lines_of([int(nan)]) == (f"{table}:32",)
    (cell,) = found.arrays[0].columns[0].bad
    assert (cell.line, cell.text, cell.file) == (32, "", str(table))
    place = found.location(("area",), [cell])
    assert (place.file, place.line, place.dataset_rows) == (str(table), 32, (int(nan),))


def test_what_was_changed_since_it_was_read_is_not_found(table: Path) -> None:
    data = given(table, np.arange(30))
    scaled = GivenData((replace(data.inputs[0], values=data.inputs[0].values * 2 + 1),), ())

    known = facts(scaled, (1, 2, 3, 4))

    assert with_table_lines(known, scaled, [table]) is known


def test_another_table_is_not_taken_for_it(table: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("a,b\n" + "".join(f"{n},{n * n}\n" for n in range(40)))
    data = given(table, np.arange(30))

    found = with_table_lines(facts(data, (1, 2, 3, 4, 5)), data, [other, table])

    assert {file for _, file, _ in found.lines} == {str(table)}


def test_class_ids_alone_tell_no_row(table: Path, tmp_path: Path) -> None:
    classes = tmp_path / "classes.csv"
    classes.write_text("id,name\n0,cat\n1,dog\n2,cow\n3,emu\n")
    data = given(table, np.arange(30), ("rooms",))

    for file in (classes, table):
        assert not with_table_lines(facts(data, tuple(range(12))), data, [file]).lines


def test_counted_rows_have_their_lines(table: Path, tmp_path: Path) -> None:
    quoted = tmp_path / "quoted.csv"
    quoted.write_text('name,x\n"two\nlines",1\nplain,2\nlast,3\n')

    assert lines_by_count([str(table)], [0, 12], "lines") == ((0, str(table), 1), (12, str(table), 13))
    assert lines_by_count([str(quoted)], [0, 2], "records below a header") == (
        (0, str(quoted), 2),
        (2, str(quoted), 5),
    )
    both = [str(quoted), str(quoted)]
    assert lines_by_count(both, [4], "records below a header") == ((4, str(quoted), 4),)
    assert lines_by_count([str(tmp_path / "gone.csv")], [0], "records") == ()


def test_what_is_no_table_is_none(tmp_path: Path) -> None:
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)))
    (tmp_path / "empty.csv").write_text("")

    for name in ("binary.csv", "empty.csv", "gone.csv", "packed.csv.gz"):
        assert read_table(tmp_path / name) is None
