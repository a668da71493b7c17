"""DuckDB as a reader: a query to numpy arrays."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.stats import Array

if TYPE_CHECKING:
    import duckdb

_NUMPY = {"double": np.float64, "float": np.float32, "int64": np.int64}
_local = threading.local()


def connection() -> duckdb.DuckDBPyConnection:
    """This thread's connection to a database in memory, which works on one thread: parts are what runs in parallel."""
    known: duckdb.DuckDBPyConnection | None = getattr(_local, "connection", None)
    if known is None:
        import duckdb

        known = _local.connection = duckdb.connect(":memory:", config={"threads": 1})
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


def numbers(sql: str) -> Iterator[tuple[list[Array], list[Array | None]]]:
    """Batches of a query's columns, each numeric: values (NaN or 0 where null), and which are null (None: none is).

    duckdb.Error where the query fails.
    """
    import nanoarrow

    for batch in nanoarrow.c_array_stream(connection().sql(sql)):
        values: list[Array] = []
        nulls: list[Array | None] = []
        for column in batch.children:
            view = column.view()
            dtype = _NUMPY[view.storage_type]
            found = np.frombuffer(view.buffer(1), dtype)[view.offset : view.offset + view.length]
            if column.null_count:
                bits = np.frombuffer(view.buffer(0), np.uint8)
                valid = np.unpackbits(bits, bitorder="little")[view.offset : view.offset + view.length]
                nulls.append(valid == 0)
            else:
                nulls.append(None)
            values.append(found)
        yield values, nulls


def texts(sql: str) -> list[list[str | None]]:
    """A query's columns of text, whole."""
    found = connection().sql(sql).fetchnumpy()
    # `filled(None)` would fill in numpy's own text for what is not there.
    return [np.where(np.ma.getmaskarray(column), None, column).tolist() for column in found.values()]
