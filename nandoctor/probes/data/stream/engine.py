"""DuckDB as a reader: a query to numpy arrays."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.stats import Array

if TYPE_CHECKING:
    import duckdb

_NUMPY = {"double": np.float64, "float": np.float32, "int64": np.int64}
_local = threading.local()


@dataclass(frozen=True)
class Texts:
    """The texts of a column: the places (ascending) that have one, and what is there."""

    places: Array
    texts: tuple[str, ...]

    def at(self, places: Array) -> list[str | None]:
        """The texts of some places, None where there is none."""
        if not len(self.places):
            return [None] * len(places)
        found = np.minimum(np.searchsorted(self.places, places), len(self.places) - 1)
        known = self.places[found] == places
        return [self.texts[at] if here else None for at, here in zip(found.tolist(), known.tolist(), strict=True)]


def connection() -> duckdb.DuckDBPyConnection:
    """This thread's connection to a database in memory, which works on one thread: parts are what runs in parallel."""
    known: duckdb.DuckDBPyConnection | None = getattr(_local, "connection", None)
    if known is None:
        import duckdb

        # Files in memory follow one another under the same path: nothing of them may be remembered.
        config: dict[str, Any] = {"threads": 1, "enable_external_file_cache": False}
        known = _local.connection = duckdb.connect(":memory:", config=config)
        # In a notebook DuckDB would show a bar of its own for each part.
        known.execute("SET enable_progress_bar = false")
        # DuckDB 2 fetches each buffer on another thread, which spins until this one waits; what is read is at hand.
        with suppress(duckdb.CatalogException):
            known.execute("SET async_threads = 0")
    return known


def quoted(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A column's name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def as_file(data: bytes) -> Iterator[str]:
    """A path under which the bytes can be read: in memory where the system has such files, else a temporary file."""
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("chunk")
        try:
            written = memoryview(data)
            while written:
                written = written[os.write(handle, written) :]
            yield f"/proc/self/fd/{handle}"
        finally:
            os.close(handle)
        return
    try:
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(data)
        yield file.name
    except OSError as error:
        raise NandoctorError(f"no room for a temporary file ({error.strerror})", UNEXAMINABLE) from error
    finally:
        os.unlink(file.name)


@contextmanager
def range_as_file(path: str, start: int, end: int) -> Iterator[str]:
    """As `as_file`, for the bytes of a file from `start` to `end`, which the system copies."""
    with open(path, "rb") as file:
        if not hasattr(os, "memfd_create"):
            file.seek(start)
            with as_file(file.read(end - start)) as copy:
                yield copy
            return
        # One file for all that this thread reads: its memory is there already.
        known: IO[bytes] | None = getattr(_local, "range", None)
        if known is None:
            known = _local.range = os.fdopen(os.memfd_create("range"), "wb", buffering=0)
        known.seek(0)
        known.truncate(end - start)
        while start < end and (sent := os.sendfile(known.fileno(), file.fileno(), start, end - start)):
            start += sent
        yield f"/proc/self/fd/{known.fileno()}"


def numbers(sql: str) -> Iterator[tuple[list[Array], list[Array | None]]]:
    """Batches of a query's columns, each numeric: values (NaN or 0 where null), and which are null (None: none is).

    duckdb.Error where the query fails.
    """
    for batch in _batches(sql):
        found = [_numbers(column) for column in batch]
        yield [values for values, _ in found], [nulls for _, nulls in found]


def numbers_and_texts(sql: str, columns: int) -> tuple[list[Array], list[Array | None], list[Texts]]:
    """A query whole: values and nulls of its first `columns`, as `numbers` has them, and the texts of the others."""
    batches = list(_batches(sql))
    values: list[Array] = []
    nulls: list[Array | None] = []
    for place in range(columns):
        pieces = [_numbers(batch[place]) for batch in batches]
        values.append(
            pieces[0][0] if len(pieces) == 1 else np.concatenate([np.zeros(0), *(piece for piece, _ in pieces)])
        )
        nulls.append(_joined(pieces))
    others = range(columns, len(batches[0]) if batches else columns)
    return values, nulls, [_texts([batch[place] for batch in batches]) for place in others]


def texts(sql: str) -> list[list[str | None]]:
    """A query's columns of text, whole."""
    found = connection().sql(sql).fetchnumpy()
    # `filled(None)` would fill in numpy's own text for what is not there.
    return [
        [None if nothing else text for text, nothing in zip(column.tolist(), np.ma.getmaskarray(column), strict=True)]
        for column in found.values()
    ]


def _batches(sql: str) -> Iterator[list[Any]]:
    """The columns of each batch, as views of their buffers."""
    import nanoarrow

    for batch in nanoarrow.c_array_stream(connection().sql(sql)):
        yield [column.view() for column in batch.children]


def _numbers(view: Any) -> tuple[Array, Array | None]:
    values = np.frombuffer(view.buffer(1), _NUMPY[view.storage_type])[view.offset : view.offset + view.length]
    return values, _valid(view) == 0 if view.null_count else None


def _valid(view: Any) -> Array:
    """1 where there is something, 0 where there is nothing."""
    if not view.null_count:
        return np.ones(view.length, np.uint8)
    bits = np.frombuffer(view.buffer(0), np.uint8)
    return np.unpackbits(bits, bitorder="little")[view.offset : view.offset + view.length]


def _joined(pieces: Sequence[tuple[Array, Array | None]]) -> Array | None:
    if all(nulls is None for _, nulls in pieces):
        return None
    return np.concatenate([np.zeros(len(values), bool) if nulls is None else nulls for values, nulls in pieces])


def _texts(views: Sequence[Any]) -> Texts:
    places: list[Array] = []
    texts: list[str] = []
    first = 0
    for view in views:
        at: Array = np.flatnonzero(_valid(view))
        ends = np.frombuffer(view.buffer(1), np.int32)[view.offset :]
        data = bytes(view.buffer(2))
        spans = zip(ends[at].tolist(), ends[at + 1].tolist(), strict=True)
        texts.extend(data[begin:end].decode() for begin, end in spans)
        places.append(first + at)
        first += view.length
    return Texts(np.concatenate(places), tuple(texts))
