"""Matching the columns of a csv file to a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.bind import bind, same_rows, unmatched
from nandoctor.probes.data.csv import cell_value
from nandoctor.probes.data.dataset import DataSet
from nandoctor.probes.data.fit import textual
from nandoctor.probes.data.matched import Binding, Matched, WantedInput
from nandoctor.probes.data.names import same_name
from nandoctor.probes.data.targets import asked_labels, conventional_labels
from nandoctor.probes.data.written import WrittenTable
from nandoctor.stats import Array
from nandoctor.wording import listing

TABLE = "table"


@dataclass(frozen=True)
class _Table:
    data: DataSet
    written: WrittenTable

    def numbers(self, columns: Sequence[str]) -> list[Array]:
        """The columns as numbers; NandoctorError (exit code 3) with the first cell that is none."""
        for name in columns:
            if textual(self.data.arrays[name]):
                raise self._text_error(name)
        return [self.data.arrays[name] for name in columns]

    def texts(self, column: str) -> Array:
        """The column as texts, numbers as they were written."""
        array = self.data.arrays[column]
        return array if textual(array) else self.written.texts([column])[column]

    def mixed(self, column: str) -> bool:
        """Whether some cells of a text column are numbers."""
        array = self.data.arrays[column]
        return textual(array) and any(cell.strip() and cell_value(cell) is not None for cell in array)

    def _text_error(self, column: str) -> NandoctorError:
        cells = self.data.arrays[column]
        row = next(row for row, cell in enumerate(cells) if cell_value(cell) is None)
        line = self.written.cells([(column, row)])[column, row].line
        return NandoctorError(
            f"{self.data.path}, line {line}: column {column} holds {_shortened(cells[row])}, which is not a number",
            UNEXAMINABLE,
        )


def match_table(
    data: DataSet, written: WrittenTable, inputs: Sequence[WantedInput], outputs: Sequence[str], labels: str | None
) -> Matched:
    """Columns by input and output, as `match` describes; columns without inputs' names form one table."""
    table = _Table(data, written)
    names = list(data.arrays)
    asked = asked_labels(labels, outputs, names, str(data.path)) if labels is not None else {}
    taken = {name for columns in asked.values() for name in columns}
    free = [name for name in names if name not in taken]
    by_input = {one.name: name for one in inputs if (name := same_name(one.name, free)) is not None}
    rest = [name for name in free if name not in by_input.values()]
    guessed = {} if asked else _guessed_labels(table, inputs, outputs, rest)
    bindings: list[Binding] = []
    notes: list[str] = []
    remaining = [one for one in inputs if one.name not in by_input]
    if len(inputs) == 1 and not remaining and _width(inputs[0]) != 1 and inputs[0].dtype != "string":
        remaining, rest = list(inputs), free
    for one in inputs:
        if one in remaining:
            continue
        binding, said = _bind_column(table, one, by_input[one.name])
        bindings.append(binding)
        notes.extend(said)
    if remaining:
        binding, said, guessed = _bind_rest(table, inputs, remaining, rest, guessed)
        bindings.append(binding)
        notes.extend(said)
    by_output = asked or {output: (name,) for output, name in guessed.items()}
    targets = tuple(_target(table, output, columns) for output, columns in by_output.items())
    if targets and not asked:
        named = ", ".join(f"{target.name} for the output {target.bound_to}" for target in targets)
        notes.append(f"Labels, by their names: {named}.")
    used = {name for binding in [*bindings, *targets] for name in binding.columns}
    unused = tuple(name for name in names if name not in used)
    if unused:
        notes.append(f"Columns that feed nothing: {listing(unused)}.")
    return Matched(same_rows([*bindings, *targets]), tuple(bindings), targets, tuple(notes), unused)


def _guessed_labels(
    table: _Table, inputs: Sequence[WantedInput], outputs: Sequence[str], names: Sequence[str]
) -> Mapping[str, str]:
    """The label columns that the names tell, without those of texts, and none that the table cannot do without."""
    guessed = {
        output: name
        for output, name in conventional_labels(outputs, names).items()
        if not textual(table.data.arrays[name])
    }
    numbers = [name for name in names if not textual(table.data.arrays[name])]
    width = _width(inputs[0]) if len(inputs) == 1 else None
    return {} if width is not None and width == len(numbers) else guessed


def _bind_rest(
    table: _Table,
    inputs: Sequence[WantedInput],
    remaining: Sequence[WantedInput],
    rest: Sequence[str],
    guessed: Mapping[str, str],
) -> tuple[Binding, tuple[str, ...], Mapping[str, str]]:
    """All columns that are neither labels nor inputs by name, as one table for the one input that is left."""
    one = remaining[0]
    free = [name for name in rest if name not in guessed.values()]
    texts = [name for name in free if textual(table.data.arrays[name])]
    if len(remaining) == 1 and one.dtype == "string":
        only = texts if len(texts) == 1 else free
        if len(only) == 1:
            return *_bind_column(table, one, only[0]), guessed
    if len(remaining) > 1 or one.dtype == "string" or one.ragged or len(one.shape) not in (1, 2):
        missing = ", ".join(one.name for one in remaining)
        raise unmatched(table.data, inputs, f"no column is named {missing}")
    width = _width(one)
    indexed = [name for name in free if name.startswith("unnamed column ") and width != len(free)]
    numbers = [name for name in free if name not in texts and name not in indexed]
    if len(numbers) != width and (mixed := [name for name in texts if table.mixed(name)]):
        table.numbers(mixed)
    if not numbers or (width is not None and len(numbers) != width):
        if width == len(numbers) + len(texts):
            table.numbers(texts)
        raise unmatched(table.data, inputs, f"{len(numbers)} columns of numbers do not fit the input {one.name}")
    values = table.numbers(numbers)
    raw = values[0] if len(one.shape) == 1 else np.column_stack(values)
    name = numbers[0] if len(numbers) == 1 else TABLE
    binding, said = bind(name, raw, one, tuple(numbers))
    return binding, said, guessed


def _bind_column(table: _Table, one: WantedInput, column: str) -> tuple[Binding, tuple[str, ...]]:
    raw = table.texts(column) if one.dtype == "string" else table.numbers([column])[0]
    return bind(column, raw, one, (column,))


def _target(table: _Table, output: str, columns: Sequence[str]) -> Binding:
    values = table.numbers(columns)
    raw = values[0] if len(values) == 1 else np.column_stack(values)
    return Binding(columns[0] if len(columns) == 1 else "labels", output, raw, raw, tuple(columns))


def _width(one: WantedInput) -> int | None:
    """How many columns of a table the input takes, None for any number."""
    return 1 if len(one.shape) == 1 else one.shape[1]


def _shortened(text: str, most: int = 40) -> str:
    return repr(text if len(text) <= most else f"{text[:most]}...")
