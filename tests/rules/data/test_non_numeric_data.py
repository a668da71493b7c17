from __future__ import annotations

from nandoctor.facts import ArrayFacts, Cell, ColumnFacts, DataFacts, RejectedRow
from nandoctor.rules.data.non_numeric_data import NonNumericData
from nandoctor.stats import TensorStats


def data_with(*columns, **more):
    array = ArrayFacts("table", "input", None, "float64", (10, len(columns)), TensorStats(), columns)
    return DataFacts("data.csv", 10, (array,), **more)


def column(name, numbers, texts):
    tokens = tuple(Cell(row, float("nan"), text, row + 2) for row, text in texts.items())
    counts = tuple((text, 1) for text in texts.values())
    return ColumnFacts(name, TensorStats(count=numbers), non_numeric=len(texts), tokens=tokens, token_counts=counts)


def test_text_among_numbers_is_an_error_with_row_line_and_text():
    (finding,) = NonNumericData().check(data_with(column("power", 8, {3: "?", 7: "n/a"}), column("width", 10, {})))

    assert (finding.cause, finding.severity, finding.about) == ("non-numeric-data", "error", "input:table")
    assert (finding.location.dataset_rows, finding.location.columns) == ((3, 7), ("power",))
    assert finding.location.line == 5
    assert "row 3, column power, line 5 of the file, written '?'" in finding.message
    assert (finding.evidence["cells"], finding.limits["cells"]) == (2, 0)


def test_a_column_of_categories_is_a_note_that_names_the_layer():
    (finding,) = NonNumericData().check(data_with(column("colour", 0, dict.fromkeys(range(10), "red"))))

    assert finding.severity == "note"
    assert "StringLookup" in finding.message


def test_codes_of_letters_and_numbers_are_categories():
    (finding,) = NonNumericData().check(data_with(column("room", 4, {row: f"B{row}" for row in range(6)})))

    assert finding.severity == "note"


def test_rows_that_are_none_of_the_table_are_an_error():
    rejected = RejectedRow(4, 6, 120, "2 cells instead of 4", "4,4.5")

    (finding,) = NonNumericData().check(data_with(rejected_rows=1, rejected=(rejected,)))

    assert (finding.severity, finding.location.line, finding.location.dataset_rows) == ("error", 6, (4,))
    assert "line 6; the first is in line 6: 2 cells instead of 4" in finding.message


def test_silent_on_numbers():
    assert not list(NonNumericData().check(data_with(column("width", 10, {}))))
