"""Random tables with planted cells: the facts must name exactly the planted rows."""

import csv
import math
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nandoctor.facts import ArrayFacts
from nandoctor.probes.data.match import match
from nandoctor.probes.data.matched import WantedInput
from nandoctor.probes.data.profile import data_facts
from nandoctor.probes.data.read import read_data

PLANTED = {"missing": math.nan, "nan": math.nan, "positive_inf": math.inf, "negative_inf": -math.inf}
WRITTEN = {"missing": ["", " "], "nan": ["nan", "NaN"], "positive_inf": ["inf", "1e400"], "negative_inf": ["-Infinity"]}

tables = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 40), st.integers(1, 5)), elements=st.floats(-1e6, 1e6, allow_subnormal=False)
)


@st.composite
def planted_tables(draw):
    """A table, and the kind of each planted cell by its row and column."""
    table = draw(tables)
    places = st.tuples(st.integers(0, table.shape[0] - 1), st.integers(0, table.shape[1] - 1))
    planted = draw(st.dictionaries(places, st.sampled_from(list(PLANTED)), max_size=12))
    for place, kind in planted.items():
        table[place] = PLANTED[kind]
    return table, planted


def profile(path: Path, width: int) -> ArrayFacts:
    data = read_data(path)
    return data_facts(data, match(data, [WantedInput("x", (None, width), "float64")], ["out"], None)).arrays[0]


def check(array: ArrayFacts, table, planted):
    for place, column in enumerate(array.columns):
        here = {row: kind for (row, at), kind in planted.items() if at == place}
        assert [cell.row for cell in column.bad] == sorted(here)
        for cell in column.bad:
            np.testing.assert_equal(cell.value, PLANTED[here[cell.row]])
        for kind in PLANTED:
            assert getattr(column.stats, kind) == list(here.values()).count(kind)
        finite = table[np.isfinite(table[:, place]), place]
        assert column.stats.finite == len(finite)
        assert column.distinct == len(np.unique(finite))
        if len(finite):
            assert (column.stats.minimum, column.stats.maximum) == (finite.min(), finite.max())
            assert column.lowest[0].row == np.flatnonzero(table[:, place] == finite.min())[0]
            assert column.highest[0].row == np.flatnonzero(table[:, place] == finite.max())[0]
            assert (column.quantile(0.0), column.quantile(1.0)) == (finite.min(), finite.max())


@settings(max_examples=60)
@given(planted_tables(), st.data())
def test_csv(case, data):
    table, planted = case
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "d.csv"
        texts = {}
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(f"c{place}" for place in range(table.shape[1]))
            for row, values in enumerate(table.tolist()):
                cells = [repr(value) for value in values]
                for column in range(len(cells)):
                    if (row, column) in planted:
                        cells[column] = data.draw(st.sampled_from(WRITTEN[planted[row, column]]))
                    texts[f"c{column}", row] = cells[column]
                writer.writerow(cells)
        array = profile(path, table.shape[1])
    check(array, table, planted)
    for column in array.columns:
        for cell in (*column.bad, *column.lowest, *column.highest):
            assert (cell.text, cell.line) == (texts[column.name, cell.row], cell.row + 2)


@settings(max_examples=60)
@given(planted_tables())
def test_npz(case):
    table, planted = case
    in_arrays = {place: "nan" if kind == "missing" else kind for place, kind in planted.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "d.npz"
        np.savez(path, x=table)
        array = profile(path, table.shape[1])
    check(array, table, in_arrays)
    assert all(cell.text is None and cell.line is None for column in array.columns for cell in column.bad)
