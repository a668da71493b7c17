"""The cells of a text table as DuckDB reads them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from nandoctor.facts.data import Dialect
from nandoctor.probes.data.stream import engine
from nandoctor.stats import Array

# What DuckDB reads at a time: small enough for the processor's cache. A line must fit into half of it.
_BUFFER = 2 << 20


@dataclass(frozen=True)
class Cells:
    """The rows of a text table but for the refused ones.

    `values` and `nulls` as in `Batch`, the texts in place of numbers by column in `texts`, which has every column whose
    nulls may be something else than missing. `refused` says by the byte at which a
    refused row begins why it is.
    """

    values: list[Array]
    nulls: list[Array | None]
    texts: Mapping[int, engine.Texts]
    refused: Mapping[int, str]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.values[0])


def read_cells(path: str, longest: int, columns: int, dialect: Dialect, textual: Collection[int]) -> Cells | None:
    """The cells of a file without a header, whose lines have at most `longest` bytes; None where DuckDB cannot read it.

    Numbers are read as such, but for the `textual` columns. A column that holds other texts becomes one of these, and
    everything is read once more: a typed column refuses the whole row.
    """
    import duckdb

    texts = set(textual)
    try:
        while True:
            found, refusing = _read(path, longest, columns, dialect, sorted(texts))
            if found is not None:
                return found
            texts |= refusing
    except duckdb.Error:
        return None


def _read(path: str, longest: int, columns: int, dialect: Dialect, textual: list[int]) -> tuple[Cells | None, set[int]]:
    """The cells, or the columns that would not be read as numbers."""
    selected = [_number(f"c{place}", dialect) if place in textual else f"c{place}" for place in range(columns)]
    selected += [f"CASE WHEN {_number(f'c{place}', dialect)} IS NULL THEN c{place} END" for place in textual]
    typed = ", ".join(f"c{place}: '{'VARCHAR' if place in textual else 'DOUBLE'}'" for place in range(columns))
    mark = engine.quoted(dialect.quote)
    connection = engine.connection()
    try:
        values, nulls, texts = engine.numbers_and_texts(
            f"SELECT {', '.join(selected)} FROM read_csv({engine.quoted(path)}, auto_detect=false, header=false, "
            f"columns={{{typed}}}, delim={engine.quoted(dialect.delimiter)}, quote={mark}, escape={mark}, "
            f"store_rejects=true, max_line_size={longest + 1}, buffer_size={max(2 * longest + 2, _BUFFER)})",
            columns,
        )
        found = connection.execute("SELECT line_byte_position, error_type, column_idx FROM reject_errors").fetchall()
        if casts := {int(column) - 1 for _, kind, column in found if kind == "CAST"}:
            return None, casts
        refused = {int(byte) - 1: str(kind) for byte, kind, _ in found}
        return Cells(values, nulls, dict(zip(textual, texts, strict=True)) if texts else {}, refused), set()
    finally:
        connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")


def _number(column: str, dialect: Dialect) -> str:
    odd, text = f"contains({column}, '_')", column
    if dialect.decimal == ",":
        odd, text = f"{odd} OR contains({column}, '.')", f"replace({column}, ',', '.')"
    return f"CASE WHEN {odd} THEN NULL ELSE TRY_CAST({text} AS DOUBLE) END"
