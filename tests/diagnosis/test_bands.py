from __future__ import annotations

import math

import numpy as np
import pytest

from nandoctor.diagnosis.bands import band, column_rows
from nandoctor.diagnosis.diagnose import diagnose
from nandoctor.facts import ArrayFacts, Cell, ColumnFacts, DataFacts, Facts, GradientFacts, LayerFacts, StepFacts
from nandoctor.finding import BadCell, Tool
from nandoctor.stats import TensorStats

TOOL = Tool("nandoctor", "0.1.0", None, None, "3.11.7")


def test_a_band_has_powers_of_two_inside_and_the_exact_largest_magnitude() -> None:
    values = np.array([0.0, 0.0, -0.3, 1.5, 3.0, -900.0, math.nan, math.inf, -math.inf])

    found = band(TensorStats.of(values))

    assert (found.count, found.zeros, found.nan, found.infinite) == (9, 2, 1, 2)
    assert (found.smallest, found.median, found.high, found.largest) == (0.25, 1.0, 512.0, 900.0)


@pytest.mark.parametrize("values", [[0.0, 0.0], [math.nan], []])
def test_without_a_finite_value_that_is_not_zero_there_are_no_magnitudes(values: list[float]) -> None:
    found = band(TensorStats.of(np.array(values)))

    assert (found.smallest, found.low, found.median, found.high, found.largest) == (None,) * 5


def test_a_percentile_leaves_out_the_one_value_in_a_hundred() -> None:
    values = np.array([1e-20, *[1.0] * 199, 1e20])

    found = band(TensorStats.of(values))

    assert (found.low, found.median, found.high) == (1.0, 1.0, 1.0)
    assert found.smallest is not None
    assert 0.5e-20 < found.smallest <= 1e-20


def test_of_statistics_without_a_histogram_a_sample_tells_the_inside() -> None:
    values = np.linspace(1.0, 1000.0, 1000)
    whole, sample = TensorStats.of(values, histogram=False), TensorStats.of(values[::10])

    assert band(whole).median is None
    assert (band(whole, sample).count, band(whole, sample).median, band(whole, sample).largest) == (1000, 256.0, 1000.0)


def column(name: str, *values: float, bad: tuple[Cell, ...] = (), missing: int = 0, texts: int = 0) -> ColumnFacts:
    stats = TensorStats.of(np.array(values), missing=missing)
    return ColumnFacts(name, stats, bad=bad, non_numeric=texts, tokens=(Cell(5, math.nan, "n/a", 7),) * texts)


def data(*columns: ColumnFacts) -> DataFacts:
    return DataFacts("a.csv", 4, (ArrayFacts("table", "input", None, "float64", (4, len(columns)), None, columns),))


def test_the_worst_columns_come_first() -> None:
    rows, left_out = column_rows(
        data(
            column("plain", 1.0, 2.0),
            column("huge", 1e9, 1.0),
            column("tiny", 1e-12, 1e-12),
            column("one bad", 1.0, math.nan),
            column("three bad", 1.0, math.inf, missing=1, texts=1),
        )
    )

    assert [row.column for row in rows] == ["three bad", "one bad", "tiny", "huge", "plain"]
    assert [row.bad for row in rows] == [3, 1, 0, 0, 0]
    assert left_out == 0


def test_of_thousands_of_columns_64_are_told_and_how_many_are_left_out() -> None:
    rows, left_out = column_rows(data(*(column(str(place), 2.0**place) for place in range(100))))

    assert (len(rows), left_out) == (64, 36)
    assert rows[0].column == "99"


def test_a_bad_cell_says_what_it_holds() -> None:
    cells = (
        Cell(0, math.nan, "nan", 2),
        Cell(1, math.nan, "", 3),
        Cell(2, -math.inf, None, None),
        Cell(3, math.inf, " inf", 5),
        Cell(9, math.nan),
    )
    ((row,), _) = column_rows(
        data(column("a", math.nan, -math.inf, math.inf, math.nan, 1.0, bad=cells, missing=1, texts=1))
    )

    assert row.cells == (
        BadCell(0, "nan", 2),
        BadCell(1, "missing", 3),
        BadCell(2, "-Inf"),
        BadCell(3, " inf", 5),
    )
    assert (row.missing, row.text, row.band.nan, row.band.infinite, row.bad) == (1, 1, 2, 2, 6)


def test_the_report_has_the_bands_of_layers_and_of_all_their_variables_together() -> None:
    values = TensorStats.of(np.array([0.5, 8.0]))
    layer = LayerFacts("dense", "dense/Relu", "Relu", "float32", values, 2, sample=values)
    gradients = [
        GradientFacts(f"dense/{name}", "dense", (1,), "float32", stats, stats.norm, 1.0, sample=stats)
        for name, stats in (("kernel", TensorStats.of(np.array([1e-6]))), ("bias", TensorStats.of(np.array([-64.0]))))
    ]
    step = StepFacts(1, 2, 3, (0.1,), (), (layer,), gradients=tuple(gradients))

    (row,) = diagnose(Facts(TOOL, step=step, data=data(column("a", 3.0)))).layers

    assert row.activation is not None
    assert row.gradient is not None
    assert (row.activation.smallest, row.activation.largest) == (0.5, 8.0)
    assert (row.gradient.count, row.gradient.smallest, row.gradient.largest) == (2, 2.0**-20, 64.0)


def test_layers_of_facts_without_samples_have_a_largest_magnitude_alone() -> None:
    values = TensorStats.of(np.array([0.5, -8.0]), histogram=False)
    step = StepFacts(1, 2, 3, (0.1,), (), (LayerFacts("dense", "dense/Relu", "Relu", "float32", values, 2),))

    (row,) = diagnose(Facts(TOOL, step=step)).layers

    assert row.activation is not None
    assert (row.activation.smallest, row.activation.largest, row.gradient) == (None, 8.0, None)
