"""Runs of lines that are rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from nandoctor.probes.data.stream.observe import observe_data
from nandoctor.probes.data.stream.plain import LONGEST_LINE, Run, plain_rows, runs


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (b"1,2\n3,4\n", 2),
        (b"1,2\n3,4", 2),
        (b"1,2\r\n3,4\r\n", 2),
        ("ü,2\n".encode(), 1),
        (b"1,2\n\n3,4\n", None),
        (b"\n1,2\n", None),
        (b"1,2\r\n\r\n3,4\r\n", None),
        (b"1,2\r3,4\n", None),
        (b'"1",2\n', None),
        (b"\xff,2\n", None),
        (b"1" * (LONGEST_LINE + 1), None),
    ],
)
def test_the_rows_of_lines(text: bytes, rows: int | None) -> None:
    assert plain_rows(text, len(text), '"') == rows
    # What stands behind in the buffer is none of it.
    assert plain_rows(text + b'"\r\n\n\xff', len(text), '"') == rows


def test_runs_end_with_a_line_and_before_the_first_that_may_be_no_row(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_bytes(b"a,b\n1,2\n33,44\n5_0,6666\n" + b'"7",8\n9,10\n')

    with path.open("rb") as file:
        found = list(runs(file, 4, 8, '"'))

    assert found == [Run(4, 14, 2, False), Run(14, 23, 1, True)]


def test_digits_in_groups_are_no_number_wherever_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("name,a\n" + "x_1,1.5\n" * 3000 + "x_1,1_000\n" + "x_1_2,2.5\n")

    _, a = observe_data([str(path)]).arrays[0].columns

    assert (a.stats.count, a.non_numeric, a.token_counts) == (3001, 1, (("1_000", 1),))
    assert [(cell.row, cell.line, cell.text) for cell in a.tokens] == [(3000, 3002, "1_000")]


def test_a_text_far_below_the_first_rows_leaves_the_other_cells_of_its_row(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("a,b\n" + "1.5,2\n" * 20_000 + "NA,1e400\n" + ",3\n" + " ,9007199254740993\n")

    a, b = observe_data([str(path)]).arrays[0].columns

    assert (a.non_numeric, a.tokens[0].row, a.tokens[0].line, a.tokens[0].byte) == (1, 20_000, 20_002, 120_004)
    assert (a.stats.missing, [cell.text for cell in a.bad]) == (2, ["", " "])
    assert (b.stats.positive_inf, b.bad[0].text, b.rounded_cells[0].text) == (1, "1e400", "9007199254740993")
