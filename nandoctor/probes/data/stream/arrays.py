"""Arrays in .npy and .npz files, streamed in blocks of rows: never unpickled, never whole in memory."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.facts.data import MOST_CELLS, Cell
from nandoctor.probes.data.fit import numeric
from nandoctor.probes.data.stream.part import Part
from nandoctor.probes.data.stream.partial import Partial, PartialArray, PartialSample, smallest_hashes
from nandoctor.probes.data.stream.partial_column import PartialColumn, of_values
from nandoctor.stats import Array, TensorStats

MOST_COLUMNS = 10_000
BLOCK_CELLS = 2_000_000
PART_CELLS = 8 * BLOCK_CELLS
_SUFFIX = ".npy"


@dataclass(frozen=True)
class Member:
    """One array of a file: its name, dtype and shape; `member` is its name in the archive, None in an .npy file.

    `whole` says that it can only be read from its beginning on (compressed).
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    member: str | None
    whole: bool

    @property
    def row_cells(self) -> int:
        """How many values a row has."""
        return math.prod(self.shape[1:])


def members(path: str, most_bytes: int | None) -> list[Member]:
    """The arrays of the file; NandoctorError (exit code 3) for what cannot or must not be read."""
    if not path.lower().endswith(".npz"):
        with open(path, "rb") as file:
            return [_member(file, path, Path(path).stem, None, False)]
    found = []
    with _archive(path) as archive:
        for info in archive.infolist():
            if not info.filename.endswith(_SUFFIX):
                continue
            name = info.filename.removesuffix(_SUFFIX)
            if info.flag_bits & 1:
                raise NandoctorError(f"{path}: array {name} is encrypted; save it without a password", UNEXAMINABLE)
            if most_bytes is not None and info.file_size > most_bytes:
                raise NandoctorError(
                    f"{path}: array {name} inflates to {info.file_size:,} bytes, past the {most_bytes:,} allowed; "
                    "allow more with --max-bytes",
                    UNEXAMINABLE,
                )
            with archive.open(info) as file:
                compressed = info.compress_type != zipfile.ZIP_STORED
                found.append(_member(file, f"{path}, array {name}", name, info.filename, compressed))
    if not found:
        raise NandoctorError(f"{path}: no arrays in it; save some with numpy.savez", UNEXAMINABLE)
    return found


def parts_of(path: str, array: Member, first_row: int, sample_rows: int) -> Iterator[Part]:
    """Ranges of rows of about 16 million values; one part where the array must be read from its beginning."""
    rows = array.shape[0]
    step = rows if array.whole or array.fortran else max(1, PART_CELLS // max(1, array.row_cells))
    for start in range(0, rows, max(1, step)):
        end = min(start + step, rows)
        yield Part(path, "npz", first_row + start, start, end, sample_rows, array=array.name)


def fold(part: Part) -> Partial:
    """The rows of the part, block by block; NandoctorError (exit code 3) if the file ends before them."""
    assert part.end is not None
    (array,) = [member for member in members(part.path, None) if member.name == part.array]
    total: PartialArray | None = None
    row = part.first_row
    for block in _blocks(part.path, array, part.start, part.end):
        partial = fold_block(block, row, part.sample_rows)
        total = partial if total is None else total + partial
        row += len(block)
    assert total is not None
    read = (part.end - part.start) * array.row_cells * array.dtype.itemsize
    return Partial({array.name: total}, rows=0, bytes=read)


def fold_block(block: Array, first_row: int, sample_rows: int) -> PartialArray:
    """A block of rows as a partial array: columns are along the last axis, one of a 1-D array."""
    rows = len(block)
    shape = block.shape[1:]
    width = shape[-1] if shape else 1
    dtype = block.dtype.name
    if not block.size or width > MOST_COLUMNS:
        return PartialArray(dtype, shape, rows, (), TensorStats.of(block), None)
    table = block.reshape(-1, width)
    inner = len(table) // rows
    numbers = first_row + np.arange(rows)
    each = numbers if inner == 1 else np.repeat(numbers, inner)
    columns = tuple(column_of(column, each) for column in np.ascontiguousarray(table.T))
    sampled = smallest_hashes(numbers, sample_rows)
    values = block[sampled].reshape(len(sampled), -1)
    return PartialArray(
        dtype, shape, rows, columns, None, PartialSample(sample_rows, numbers[sampled], values), _row_sums(block)
    )


def examined(array: Member) -> bool:
    """Whether the array has rows of numbers."""
    return bool(array.shape) and (numeric(np.empty(0, array.dtype)))


def column_of(values: Array, rows: Array) -> PartialColumn:
    """The values, which are in these rows (ascending), as a column, with its bad cells."""
    column = of_values(values, rows)
    if column.stats.nonfinite:
        nan, infinite = (_cells(values, rows, test(values)) for test in (np.isnan, np.isinf))
        column = replace(column, nan=nan, infinite=infinite)
    if values.dtype.kind in "iu" and values.dtype.itemsize == 8 and column.stats.max_abs >= 2.0**53:
        with np.errstate(invalid="ignore"):
            wide = np.flatnonzero(values.astype(np.float64).astype(values.dtype) != values)
        cells = [Cell(int(rows[at]), float(values[at]), str(int(values[at]))) for at in wide[:MOST_CELLS]]
        column = replace(column, rounded=len(wide), rounded_cells=tuple(cells))
    return column


def _cells(values: Array, rows: Array, chosen: Array) -> tuple[Cell, ...]:
    return tuple(Cell(int(rows[at]), float(values[at])) for at in np.flatnonzero(chosen)[:MOST_CELLS])


def _row_sums(block: Array) -> tuple[float, float] | None:
    if block.ndim != 2:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        sums = block.sum(axis=1, dtype=np.float64)
    lowest, highest = float(sums.min()), float(sums.max())
    return (lowest, highest) if math.isfinite(lowest) and math.isfinite(highest) else None


@contextmanager
def _archive(path: str) -> Iterator[zipfile.ZipFile]:
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            yield archive
    except (NandoctorError, PermissionError):
        raise
    except Exception as error:  # on damage zipfile passes on whatever seek, struct and the decompressors raise
        raise NandoctorError(
            f"{path}: not a whole .npz file (truncated, or another format); save it again with numpy.savez",
            UNEXAMINABLE,
        ) from error


def _member(file: IO[bytes], where: str, name: str, member: str | None, whole: bool) -> Member:
    try:
        shape, fortran, dtype = _header(file)
    except (ValueError, EOFError, KeyError) as error:
        raise NandoctorError(
            f"{where}: not a whole array (truncated, damaged, or another format); save it again with numpy",
            UNEXAMINABLE,
        ) from error
    if dtype.hasobject:
        raise NandoctorError(
            f"{where}: an array of Python objects, which is never unpickled; save numbers or fixed-length texts",
            UNEXAMINABLE,
        )
    if dtype.names or dtype.kind == "V":
        raise NandoctorError(f"{where}: an array of {dtype}; save each field as an array of numbers", UNEXAMINABLE)
    return Member(name, dtype, shape, fortran and len(shape) > 1, member, whole)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = reader(file)
    return shape, fortran, dtype


def _blocks(path: str, array: Member, start: int, end: int) -> Iterator[Array]:
    if array.member is None:
        try:
            mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise _short(path) from error
        step = max(1, BLOCK_CELLS // max(1, array.row_cells))
        for first in range(start, end, step):
            yield _native(np.asarray(mapped[first : min(first + step, end)]))
        return
    with _archive(path) as archive, archive.open(array.member) as file:
        _header(file)
        yield from _streamed(file, path, array, start, end)


def _streamed(file: IO[bytes], path: str, array: Member, start: int, end: int) -> Iterator[Array]:
    row_bytes = array.row_cells * array.dtype.itemsize
    if array.fortran:
        # Column order: a row is spread over the whole member, so that this one kind is read whole.
        data = _exactly(file, row_bytes * array.shape[0], path)
        whole = np.frombuffer(data, array.dtype).reshape(array.shape, order="F")
        step = max(1, BLOCK_CELLS // max(1, array.row_cells))
        for first in range(start, end, step):
            yield _native(np.ascontiguousarray(whole[first : min(first + step, end)]))
        return
    if start:
        file.seek(start * row_bytes, io.SEEK_CUR)
    step = max(1, BLOCK_CELLS // max(1, array.row_cells))
    for first in range(start, end, step):
        rows = min(step, end - first)
        data = _exactly(file, rows * row_bytes, path)
        yield _native(np.frombuffer(data, array.dtype).reshape(rows, *array.shape[1:]))


def _exactly(file: IO[bytes], size: int, path: str) -> bytearray:
    data = bytearray(size)
    filled = 0
    with memoryview(data) as view:
        while filled < size:
            piece = file.read(min(size - filled, 1 << 24))
            if not piece:
                raise _short(path)
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
    return data


def _native(block: Array) -> Array:
    return block.astype(block.dtype.newbyteorder("="), copy=False)


def _short(path: str) -> NandoctorError:
    return NandoctorError(f"{path}: not a whole array (truncated or damaged); save it again with numpy", UNEXAMINABLE)
