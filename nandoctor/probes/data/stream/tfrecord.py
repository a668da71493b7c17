"""TFRecord files of tf.train.Example: a feature is a column of a table, or an array of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.stream import arrays
from nandoctor.probes.data.stream.feature import Feature
from nandoctor.probes.data.stream.part import Part
from nandoctor.probes.data.stream.partial import Partial, PartialArray, PartialSample, smallest_hashes
from nandoctor.probes.data.stream.table import Batch, fold_table
from nandoctor.probes.data.stream.tf_block import DTYPES, Block, batches
from nandoctor.probes.data.stream.tf_example import VALUES, features, kind_of, opened_records, packing, records
from nandoctor.probes.data.stream.tf_layout import single_values
from nandoctor.stats import Array, TensorStats
from nandoctor.wording import plural

PART_BYTES = 16 << 20
BLOCK_CELLS = 2_000_000
LONGEST_TEXT = 256


@dataclass(frozen=True)
class Survey:
    """The features of a file's records, how many there are, and its parts by their first byte and first record.

    `end` is the byte past the last one, None for a compressed file, which is one part.
    """

    features: tuple[Feature, ...]
    rows: int
    parts: tuple[tuple[int, int], ...]
    end: int | None


def survey(path: str, most_bytes: int | None) -> Survey:
    """One pass over the file; NandoctorError (exit code 3) for what is no whole file of tf.train.Example."""
    found: dict[str, Feature] = {}
    whole = packing(path) != "none"
    cuts: list[tuple[int, int]] = [(0, 0)]
    end = rows = cells = 0
    with opened_records(path, 0, most_bytes) as file:
        for batch in batches(records(file, path, start=0, row=0, end=None)):
            start = batch[0][0]
            if not whole and (start - cuts[-1][0] >= PART_BYTES or cells >= BLOCK_CELLS):
                cuts.append((start, rows))
                cells = 0
            if _says_nothing_new(found, [data for _, data in batch]):
                cells += len(batch) * len(found)
            else:
                for place, (start, data) in enumerate(batch, start=rows):
                    cells += _learn(found, data, f"{path}: record {place:,} (from 0, at byte {start:,})")
            start, data = batch[-1]
            end, rows = start + len(data) + 16, rows + len(batch)
    if not found:
        what = "its records hold no features of tf.train.Example" if rows else "no records in it"
        raise NandoctorError(f"{path}: {what}", UNEXAMINABLE)
    return Survey(_sorted(found), rows, tuple(cuts), None if whole else end)


def _learn(found: dict[str, Feature], data: bytes, where: str) -> int:
    """Adds what the record says of its features, and returns how many values it has."""
    cells = 0
    for name, feature in features(data, where).items():
        seen = found.get(name)
        if seen is not None and _covers(seen, values := VALUES[seen.kind](feature)):
            cells += len(values)
        elif (kind := kind_of(feature)) is not None:
            values = VALUES[kind](feature)
            cells += len(values)
            found[name] = _widened(seen, Feature(name, kind, len(values), len(values), _text(kind, values)), where)
    return cells


def _says_nothing_new(found: Mapping[str, Feature], batch: Sequence[bytes]) -> bool:
    """Whether all these records are rows of the table that is known so far, as far as their layout tells at once."""
    if not found or not all(feature.column for feature in found.values()):
        return False
    taken = single_values(tuple(found.values()), batch)
    if taken is None:
        return False
    texts = (values for name, (_, values) in taken.items() if not found[name].numeric)
    return all(_is_text(text) for column in texts for text in column)


def together(path: str, surveys: Iterable[Survey]) -> tuple[Feature, ...]:
    """The features of several files; NandoctorError (exit code 3) where they are of different kinds."""
    found: dict[str, Feature] = {}
    for one in surveys:
        for feature in one.features:
            found[feature.name] = _widened(found.get(feature.name), feature, path)
    return _sorted(found)


def columns_of(known: Sequence[Feature]) -> tuple[str, ...]:
    """The names of the columns where all records are rows of a table; empty where a feature is more than a cell."""
    table = all(feature.column for feature in known) and any(feature.numeric for feature in known)
    return tuple(feature.name for feature in known) if table else ()


def unread(feature: Feature) -> bool:
    """Whether nothing is known of its values: bytes that are no short texts, or several of them."""
    return not feature.numeric and not feature.column


def notices(path: str, known: Sequence[Feature]) -> Iterator[str]:
    """A sentence for each feature that is not what a reader might think."""
    for feature in known:
        if unread(feature):
            what = "several texts a record" if feature.text else "bytes that are no short text (such as an image)"
            yield f"{path}: feature {feature.name} holds {what} and was not examined."
        elif feature.numeric and feature.least != feature.most:
            yield (
                f"{path}: feature {feature.name} has from {plural(feature.least, 'value')} to {feature.most:,} a "
                "record; they were examined as one column."
            )


def parts_of(
    path: str, found: Survey, known: tuple[Feature, ...], *, first_row: int, sample_rows: int, most_bytes: int | None
) -> Iterator[Part]:
    """Parts of about 16 MB or two million values; one part of a compressed file."""
    ends = [*(start for start, _ in found.parts[1:]), found.end]
    for (start, row), end in zip(found.parts, ends, strict=True):
        yield Part(
            path,
            "tfrecord",
            first_row + row,
            start,
            end,
            sample_rows,
            columns=columns_of(known),
            features=known,
            most_bytes=most_bytes,
        )


def fold(part: Part) -> Partial:
    """The records of the part, in blocks of about two million values."""
    total = Partial()
    wanted = tuple(feature for feature in part.features if not unread(feature))
    block = Block(part.path, part.first_row, wanted)
    with opened_records(part.path, part.start, part.most_bytes) as file:
        for start, data in records(file, part.path, start=part.start, row=part.first_row, end=part.end):
            block.add(start, data)
            if not block.waiting and block.cells >= BLOCK_CELLS:
                total = total + _folded(block, part)
                block = Block(part.path, block.first_row + len(block.starts), wanted)
    return total + _folded(block, part) if block.starts else total


def _folded(block: Block, part: Part) -> Partial:
    block.settle()
    rows = block.first_row + np.arange(len(block.starts))
    if part.columns:
        found = {"": _table(block, rows, part)}
    else:
        known = [feature for feature in part.features if not unread(feature)]
        found = {feature.name: _array(block, rows, feature, part.sample_rows) for feature in known}
    return Partial(found, rows=len(rows), bytes=block.size)


def _table(block: Block, rows: Array, part: Part) -> PartialArray:
    return fold_table(_batch(block, rows, part.features), part.sample_rows)


def _batch(block: Block, rows: Array, known: Sequence[Feature]) -> Batch:
    """The features, each of one cell a record, as columns."""
    columns = [_column(block, feature, len(rows)) for feature in known]

    def written(column: int, at: Array) -> list[str | None]:
        feature = known[column]
        if feature.kind == "float_list":
            return [None] * len(at)
        place_of = {place: order for order, place in enumerate(block.places.get(feature.name, ()))}
        orders = [place_of.get(place) for place in at.tolist()]
        values = block.values.get(feature.name, [])
        return [None if order is None else _written(values[order]) for order in orders]

    return Batch(
        rows=rows,
        values=[values for values, _ in columns],
        nulls=[nulls for _, nulls in columns],
        lines=None,
        written=written,
        byte_of=lambda at: block.starts[at],
    )


def _column(block: Block, feature: Feature, rows: int) -> tuple[Array, Array | None]:
    places = block.places.get(feature.name, [])
    values = np.full(rows, np.nan)
    if not feature.numeric:
        return values, np.ones(rows, bool)
    if places:
        values[places] = np.array(block.values[feature.name], DTYPES[feature.kind])
    return values, _absent(places, rows)


def _absent(places: Sequence[int], rows: int) -> Array | None:
    if len(places) == rows:
        return None
    absent = np.ones(rows, bool)
    absent[list(places)] = False
    return absent


def _array(block: Block, rows: Array, feature: Feature, sample_rows: int) -> PartialArray:
    """The feature as an array of its own: of one value a record, of several, or of varying many in one column."""
    if not feature.numeric:
        return replace(fold_table(_batch(block, rows, [feature]), sample_rows, "string"), shape=())
    places = block.places.get(feature.name, [])
    found = block.values.get(feature.name, [])
    dtype = np.dtype(DTYPES[feature.kind])
    if feature.least != feature.most:
        return _varying(rows, places, found, feature, sample_rows)
    shape = () if feature.most == 1 else (feature.most,)
    absent = _absent(places, len(rows))
    values = np.array(found, dtype).reshape(-1)
    if absent is None:
        return arrays.fold_block(values.reshape(len(rows), *shape), int(rows[0]), sample_rows)
    if feature.most > arrays.MOST_COLUMNS:
        missing = int(absent.sum()) * feature.most
        return PartialArray(dtype.name, shape, len(rows), (), TensorStats.of(values, missing=missing), None)
    if feature.most == 1:
        return replace(fold_table(_batch(block, rows, [feature]), sample_rows, dtype.name), shape=())
    table = np.full((len(rows), feature.most), np.nan)
    table[places] = values.reshape(len(places), feature.most)

    def written(column: int, at: Array) -> list[str | None]:
        if dtype.kind == "f":
            return [None] * len(at)
        order = np.searchsorted(places, at)
        return [None if absent[place] else str(found[which][column]) for place, which in zip(at, order, strict=True)]

    nulls = [absent] * feature.most
    columns = np.ascontiguousarray(table.T)
    batch = Batch(rows, list(columns), nulls, None, written, lambda at: block.starts[at])
    return fold_table(batch, sample_rows, dtype.name)


def _varying(
    rows: Array, places: Sequence[int], found: Sequence[Array], feature: Feature, sample_rows: int
) -> PartialArray:
    """All values as one column; a row's are padded with NaN in the sample alone."""
    dtype = np.dtype(DTYPES[feature.kind])
    values = np.concatenate(found) if found else np.zeros(0, dtype)
    column = arrays.column_of(values, np.repeat(rows[list(places)], [len(one) for one in found]))
    sampled = smallest_hashes(rows, sample_rows)
    padded = np.full((len(sampled), feature.most), np.nan)
    known = dict(zip(places, found, strict=True))
    for order, place in enumerate(sampled.tolist()):
        if place in known:
            padded[order, : len(known[place])] = known[place]
    sample = PartialSample(sample_rows, rows[sampled], padded)
    return PartialArray(dtype.name, (feature.most, 1), len(rows), (column,), None, sample)


def _sorted(found: Mapping[str, Feature]) -> tuple[Feature, ...]:
    # The order in which a record holds them is not the one in which they were put in.
    return tuple(found[name] for name in sorted(found))


def _covers(seen: Feature, values: Any) -> bool:
    """Whether the values say nothing new."""
    return seen.least <= len(values) <= seen.most and (seen.numeric or not seen.text or _text(seen.kind, values))


def _widened(seen: Feature | None, more: Feature, where: str) -> Feature:
    if seen is None:
        return more
    if seen.kind != more.kind:
        raise NandoctorError(
            f"{where}: feature {more.name} is of {more.kind}, before it was of {seen.kind}; write it as one kind",
            UNEXAMINABLE,
        )
    return Feature(
        seen.name, seen.kind, min(seen.least, more.least), max(seen.most, more.most), seen.text and more.text
    )


def _text(kind: str, values: Sequence[Any]) -> bool:
    return kind == "bytes_list" and all(_is_text(value) for value in values)


def _is_text(value: bytes) -> bool:
    if len(value) > LONGEST_TEXT:
        return False
    try:
        return value.decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return False


def _written(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
