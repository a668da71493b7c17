"""Arrays in .npy and .npz files, streamed in blocks of rows: never unpickled, never whole in memory."""

from __future__ import annotations

import math
import os
import struct
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
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
# Folding a column of a wide block costs as much as 5,000 of its values (measured): blocks have several times as many,
# as long as they stay small.
BLOCK_ROWS = 16_384
BLOCK_BYTES = 64 << 20
# Columns of a block that are copied at a time.
_GROUP = 64
_SUFFIX = ".npy"
# Of the header that stands before a member of a zip archive: its last four bytes are the lengths of what follows.
_LOCAL_HEADER = 30


@dataclass(frozen=True)
class Member:
    """One array of a file: its name, dtype and shape; `member` is its name in the archive, None in an .npy file.

    `fortran` says that its values stand in column order. `offset` is the byte of the file at which they begin, None
    where they are compressed, which can only be read from the beginning on.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    member: str | None
    offset: int | None

    @property
    def row_cells(self) -> int:
        """How many values a row has."""
        return math.prod(self.shape[1:])

    @property
    def bytes(self) -> int:
        """How many bytes the values take."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def block_rows(self) -> int:
        """How many rows are folded at a time: about two million values, more where there are many columns."""
        cells = max(1, self.row_cells)
        in_column = cells // self.shape[-1] if self.row_cells and len(self.shape) > 1 else 1
        affordable = BLOCK_BYTES // (cells * self.dtype.itemsize)
        return max(1, BLOCK_CELLS // cells, min(BLOCK_ROWS // in_column, affordable))


def members(path: str, most_bytes: int | None) -> list[Member]:
    """The arrays of the file; NandoctorError (exit code 3) for what cannot or must not be read."""
    if not path.lower().endswith(".npz"):
        with open(path, "rb") as file:
            found = _member(file, path, Path(path).stem, None, 0)
            if os.fstat(file.fileno()).st_size < (found.offset or 0) + found.bytes:
                raise _short(path)
            return [found]
    members = []
    with _archive(path) as (raw, archive):
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
            begin = _begin(raw, info) if info.compress_type == zipfile.ZIP_STORED else None
            with archive.open(info) as file:
                members.append(_member(file, f"{path}, array {name}", name, info.filename, begin))
                if info.file_size < file.tell() + members[-1].bytes:
                    raise _short(f"{path}, array {name}")
    if not members:
        raise NandoctorError(f"{path}: no arrays in it; save some with numpy.savez", UNEXAMINABLE)
    return members


def check_alike(shown: Sequence[str], known: Sequence[Sequence[Member]]) -> None:
    """NandoctorError (exit code 3) where rows of the same array have different shapes in two of the files."""
    first: dict[str, tuple[str, Member]] = {}
    for file, members in zip(shown, known, strict=True):
        for member in members:
            other, known_as = first.setdefault(member.name, (file, member))
            if member.shape[1:] != known_as.shape[1:] or len(member.shape) != len(known_as.shape):
                raise NandoctorError(
                    f"{file}: array {member.name} has the shape {member.shape}, in {other} it is {known_as.shape}; "
                    "name files of one data set",
                    UNEXAMINABLE,
                )


def parts_of(path: str, array: Member, first_row: int, sample_rows: int) -> Iterator[Part]:
    """Ranges of rows of about 16 million values; one part where the array must be read from its beginning."""
    rows = array.shape[0]
    step = rows if array.offset is None else max(array.block_rows, PART_CELLS // max(1, array.row_cells))
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
    groups = (np.ascontiguousarray(table[:, first : first + _GROUP].T) for first in range(0, width, _GROUP))
    columns = tuple(column_of(column, each) for group in groups for column in group)
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
def _archive(path: str) -> Iterator[tuple[IO[bytes], zipfile.ZipFile]]:
    try:
        with open(path, "rb") as raw, open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            yield raw, archive
    except (NandoctorError, PermissionError):
        raise
    except Exception as error:  # on damage zipfile passes on whatever seek, struct and the decompressors raise
        raise NandoctorError(
            f"{path}: not a whole .npz file (truncated, or another format); save it again with numpy.savez",
            UNEXAMINABLE,
        ) from error


def _begin(raw: IO[bytes], info: zipfile.ZipInfo) -> int:
    """The byte of the archive at which a member begins that is not compressed."""
    raw.seek(info.header_offset + _LOCAL_HEADER - 4)
    name, extra = struct.unpack("<HH", raw.read(4))
    return int(info.header_offset + _LOCAL_HEADER + name + extra)


def _member(file: IO[bytes], where: str, name: str, member: str | None, begin: int | None) -> Member:
    """The array that the file's header tells; `begin` is the byte at which the header is, None where compressed."""
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
    offset = None if begin is None else begin + file.tell()
    return Member(name, dtype, shape, fortran and len(shape) > 1, member, offset)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = reader(file)
    return shape, fortran, dtype


def _blocks(path: str, array: Member, start: int, end: int) -> Iterator[Array]:
    """The rows from `start` to `end`, some at a time."""
    if array.offset is not None and (array.member is None or array.fortran or end - start < array.shape[0]):
        with open(path, "rb") as file:
            yield from _read(file, array, array.offset, start, end)
        return
    with _archive(path) as (_, archive), archive.open(array.member or "") as file:
        _header(file)
        if array.fortran:
            with _spilled(file, array, path) as spill:
                yield from _read(spill, array, 0, start, end)
            return
        # Read to its end, a member is compared with its checksum.
        for first in range(start, end, array.block_rows):
            rows = min(array.block_rows, end - first)
            data = _exactly(file, rows * array.row_cells * array.dtype.itemsize, path)
            yield _native(np.frombuffer(data, array.dtype).reshape(rows, *array.shape[1:]))


def _read(file: IO[bytes], array: Member, offset: int, start: int, end: int) -> Iterator[Array]:
    """The rows of a file whose values begin at byte `offset`."""
    size = array.dtype.itemsize
    for first in range(start, end, array.block_rows):
        rows = min(array.block_rows, end - first)
        if not array.fortran:
            file.seek(offset + first * array.row_cells * size)
            data = _exactly(file, rows * array.row_cells * size, file.name)
            yield _native(np.frombuffer(data, array.dtype).reshape(rows, *array.shape[1:]))
            continue
        block = np.empty((rows, *array.shape[1:]), array.dtype, order="F")
        # In column order the rows are a stretch of each column.
        for place, column in enumerate(block.reshape(rows, -1, order="F").T):
            file.seek(offset + (place * array.shape[0] + first) * size)
            if file.readinto(column.view(np.uint8)) < rows * size:  # type: ignore[attr-defined]
                raise _short(file.name)
        yield _native(block)


@contextmanager
def _spilled(file: IO[bytes], array: Member, path: str) -> Iterator[IO[bytes]]:
    """The values in a temporary file, where they can be read from any place on."""
    with ExitStack() as opened:
        missing = array.bytes
        try:
            spill = opened.enter_context(tempfile.NamedTemporaryFile(prefix="nandoctor-"))
            while missing:
                data = _exactly(file, min(missing, 1 << 24), path)
                spill.write(data)
                missing -= len(data)
            spill.flush()
        except OSError as error:
            raise NandoctorError(
                f"{path}: array {array.name} is compressed in column order, and there is no room for its "
                f"{array.bytes:,} bytes in {tempfile.gettempdir()} ({error.strerror}); set TMPDIR, or save it with "
                "numpy.ascontiguousarray",
                UNEXAMINABLE,
            ) from error
        yield spill.file


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
