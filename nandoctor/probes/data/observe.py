"""From files alone to facts, in memory: what `check-data` looks at where nothing streams the files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nandoctor.errors import USAGE, NandoctorError
from nandoctor.facts.data import MOST_CELLS, ArrayFacts, Cell, ColumnFacts, DataFacts, Dialect, RowSample, SplitFacts
from nandoctor.probes.data.column import ColumnValues, column_facts
from nandoctor.probes.data.csv import cell_value
from nandoctor.probes.data.dataset import DataSet
from nandoctor.probes.data.fit import numeric, textual
from nandoctor.probes.data.matched import Binding, Matched
from nandoctor.probes.data.names import LABEL_NAMES, conventional, same_name
from nandoctor.probes.data.profile import data_facts
from nandoctor.probes.data.read import read_data
from nandoctor.probes.data.sample import sampled_rows
from nandoctor.stats import Array, merged
from nandoctor.wording import listing

TABLE = "table"
MOST_CATEGORIES = 8

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Read:
    """A data set whose texts are told apart: numbers by name, NaN where there is none, and texts by row."""

    data: DataSet
    numbers: Mapping[str, Array]
    texts: Mapping[str, Mapping[int, str]]


def observe_data(
    paths: Sequence[str],
    *,
    target: str | None = None,
    exclude: Sequence[str] = (),
    splits: Mapping[str, str] | None = None,
    max_bytes: int | None = None,
    progress: Progress | None = None,
) -> DataFacts:
    """The facts of the files, each read whole; NandoctorError where one cannot be.

    `target` and `exclude` name columns of a table or arrays; `splits` are further data sets by name, of which the first
    is the one to train on and takes the place of `paths`. `progress` is told the rows and bytes read so far.
    """
    del max_bytes
    named = dict(splits or {})
    sources = list(named.items()) if named else [(None, path) for path in paths]
    if not sources:
        raise NandoctorError("name a file to check", USAGE)
    if len(sources) > 1 and not named:
        raise NandoctorError(f"{sources[1][1]}: only one file at a time can be read as yet", USAGE)
    found, rows, size = [], 0, 0
    for _, path in sources:
        found.append(_observe(Path(path), target, exclude))
        rows, size = rows + found[-1].rows, size + Path(path).stat().st_size
        if progress is not None:
            progress(rows, size)
    others = tuple(
        SplitFacts(str(name), one.path, one.rows, one.arrays, one.rejected_rows, one.rejected, one.sample)
        for (name, _), one in zip(sources[1:], found[1:], strict=True)
    )
    return replace(found[0], split=sources[0][0], splits=others)


def _observe(path: Path, target: str | None, exclude: Sequence[str]) -> DataFacts:
    data = read_data(path)
    for name in (*exclude, *([target] if target else [])):
        if same_name(name, data.arrays) is None:
            raise NandoctorError(f"{path}: there is no {name!r}; it has {listing(list(data.arrays), 20)}", USAGE)
    left_out = {same_name(name, data.arrays) for name in exclude}
    data = replace(data, arrays={name: array for name, array in data.arrays.items() if name not in left_out})
    label = same_name(target, data.arrays) if target else conventional(data.arrays, LABEL_NAMES)
    return _table(data, label) if data.written is not None else _arrays(data, label)


def _arrays(data: DataSet, label: str | None) -> DataFacts:
    rows = max((len(array) for array in data.arrays.values() if array.ndim), default=0)
    inputs = [Binding(name, name, array, array) for name, array in data.arrays.items() if name != label and array.ndim]
    labels = [Binding(name, name, array, array) for name, array in data.arrays.items() if name == label]
    unused = tuple(name for name, array in data.arrays.items() if not array.ndim)
    facts = _unbound(data_facts(data, Matched(rows, tuple(inputs), tuple(labels), (), unused)))
    flat = {
        one.name: one.raw
        for one in (*inputs, *labels)
        if isinstance(one.raw, np.ndarray) and one.raw.ndim <= 2 and len(one.raw) == rows and numeric(one.raw)
    }
    columns = [
        (name, str(place), array.reshape(rows, -1)[:, place])
        for name, array in flat.items()
        for place in range(array.reshape(rows, -1).shape[1] if rows else 0)
    ]
    return replace(facts, sample=_sample(rows, columns, {}))


def _table(data: DataSet, label: str | None) -> DataFacts:
    read = _told_apart(data)
    rows = len(next(iter(data.arrays.values())))
    features = tuple(name for name in data.arrays if name != label)
    bindings = []
    for names, key in ((features, TABLE), ((label,) if label else (), label)):
        if names and key is not None:
            values = np.stack([read.numbers[name] for name in names], axis=1)
            bindings.append(Binding(key, key, values, values, tuple(map(str, names))))
    plain = replace(data, arrays=dict(read.numbers), missing=_missing(data, read))
    facts = data_facts(plain, Matched(rows, tuple(bindings[: bool(features)]), tuple(bindings[bool(features) :])))
    assert data.written is not None
    delimiter = data.written.delimiter
    arrays = tuple(_with_tokens(array, read) for array in _unbound(facts).arrays)
    sampled = [(array.name, column.name, read.numbers[column.name]) for array in arrays for column in array.columns]
    return replace(
        facts,
        arrays=arrays,
        dialect=Dialect(delimiter, '"', True, "utf-8", "."),
        sample=_sample(rows, sampled, read.texts),
    )


def _told_apart(data: DataSet) -> _Read:
    numbers, texts = {}, {}
    for name, array in data.arrays.items():
        if not textual(array):
            numbers[name] = array
            continue
        values = [cell_value(str(cell)) for cell in array]
        numbers[name] = np.array([np.nan if value is None else value for value in values])
        texts[name] = {row: str(array[row]) for row, value in enumerate(values) if value is None}
    return _Read(data, numbers, texts)


def _missing(data: DataSet, read: _Read) -> Mapping[str, Array]:
    """The rows without a number that `column_facts` leaves out of its counts: empty cells and texts."""
    found = dict(data.missing)
    for name, texts in read.texts.items():
        empty = [row for row, cell in enumerate(data.arrays[name]) if not str(cell).strip()]
        found[name] = np.array(sorted({*empty, *texts}), np.int64)
    return found


def _with_tokens(array: ArrayFacts, read: _Read) -> ArrayFacts:
    columns = tuple(_column_with_tokens(column, read) for column in array.columns)
    return replace(array, columns=columns, stats=merged([column.stats for column in columns]))


def _column_with_tokens(column: ColumnFacts, read: _Read) -> ColumnFacts:
    texts = read.texts.get(column.name)
    if not texts:
        return column
    values = read.numbers[column.name]
    numbers = ColumnValues(column.name, values, values, int)
    stats = column.stats
    written = read.data.written
    first = [*texts][:MOST_CELLS]
    lines = written.cells({(column.name, row) for row in first}) if written else {}
    bad = [cell for cell in column_facts(numbers).bad if cell.row not in texts]
    return replace(
        column,
        stats=replace(stats, count=stats.count - len(texts), missing=stats.missing - len(texts)),
        bad=tuple(bad),
        non_numeric=len(texts),
        tokens=tuple(Cell(row, float("nan"), texts[row], lines[column.name, row].line) for row in first),
        token_counts=tuple(Counter(texts.values()).most_common(MOST_CATEGORIES)),
    )


def _sample(rows: int, columns: Sequence[tuple[str, str, Array]], texts: Mapping[str, Mapping[int, str]]) -> RowSample:
    chosen = sampled_rows(rows)
    tokens = tuple(
        (place, index, texts[name][row])
        for place, (_, name, _) in enumerate(columns)
        if name in texts
        for index, row in enumerate(chosen.tolist())
        if row in texts[name]
    )
    return RowSample(
        tuple(chosen.tolist()),
        tuple((array, name) for array, name, _ in columns),
        tuple(tuple(values[chosen].astype(float).tolist()) for _, _, values in columns),
        tokens,
    )


def _unbound(facts: DataFacts) -> DataFacts:
    """The same without bindings: there is no model."""
    return replace(facts, arrays=tuple(replace(array, bound_to=None) for array in facts.arrays))
