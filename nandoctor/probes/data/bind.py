"""Binding one array to one input, and saying why it cannot be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.dataset import DataSet
from nandoctor.probes.data.fit import as_dtype, fits_dtype, fitted_shape, textual
from nandoctor.probes.data.matched import Binding, WantedInput
from nandoctor.probes.data.ragged import Ragged, uniform
from nandoctor.stats import Array
from nandoctor.wording import listing


def bind(name: str, raw: Array, wanted: WantedInput, columns: tuple[str, ...] = ()) -> tuple[Binding, tuple[str, ...]]:
    """The array bound to the input, and sentences about what was changed.

    NandoctorError (exit code 3) if shape or values do not fit.
    """
    if wanted.ragged:
        return _bind_uniform(name, raw, wanted)
    shape = fitted_shape(raw.shape, wanted.shape)
    if shape is None:
        raise NandoctorError(f"array {name} has the shape {raw.shape}, but the model wants {wanted}", UNEXAMINABLE)
    fed, overflow = as_dtype(raw, wanted.dtype, f"array {name}")
    notes = [] if overflow is None else [overflow]
    # A csv column is 1-D by nature: giving it a second axis is nothing that the user could have done otherwise.
    if shape != raw.shape and not columns:
        notes.append(f"array {name} {raw.shape} was reshaped to {shape} for the input {wanted.name} {wanted.shape}.")
    return Binding(name, wanted.name, raw, fed.reshape(shape), columns), tuple(notes)


def bind_ragged(name: str, ragged: Ragged, wanted: WantedInput) -> tuple[Binding, tuple[str, ...]]:
    """Flat values with row splits bound to a ragged input; NandoctorError (exit code 3) if the values do not fit."""
    fed, overflow = as_dtype(ragged.values, wanted.dtype, f"array {name}")
    return (
        Binding(name, wanted.name, ragged, Ragged(fed, ragged.row_splits)),
        () if overflow is None else (overflow,),
    )


def fits(array: Array, wanted: WantedInput) -> bool:
    """Whether shape and kind of value would fit the input."""
    if not array.ndim or not fits_dtype(array, wanted.dtype):
        return False
    if wanted.ragged:
        return array.ndim >= 2
    return fitted_shape(array.shape, wanted.shape) is not None


def same_rows(bindings: Sequence[Binding]) -> int:
    """The number of rows of all the arrays; NandoctorError (exit code 3) if they differ or there are none."""
    rows = {binding.name: _rows(binding) for binding in bindings}
    if len(set(rows.values())) > 1:
        each = ", ".join(f"{name} {count:,}" for name, count in rows.items())
        raise NandoctorError(f"the arrays have different numbers of rows: {each}", UNEXAMINABLE)
    found = next(iter(rows.values()))
    if not found:
        raise NandoctorError(f"array {bindings[0].name} has no rows; there is nothing to examine", UNEXAMINABLE)
    return found


def unmatched(data: DataSet, wanted: Sequence[WantedInput], why: str) -> NandoctorError:
    """The error that lists what the model wants and what the file has."""
    wants = ", ".join(str(one) for one in wanted)
    has = listing([f"{name} {described(array)}" for name, array in data.arrays.items()], 20)
    return NandoctorError(f"{why}: the model wants {wants}; {data.path} has {has}", UNEXAMINABLE)


def described(array: Array) -> str:
    """Shape and dtype, as in `(100, 8) float32`; the texts of a csv are `text`."""
    return f"{array.shape} {'text' if textual(array) else array.dtype}"


def used_names(bindings: Sequence[Binding], data: Mapping[str, Array]) -> set[str]:
    """The names in the file that the bindings take up."""
    named = {name for binding in bindings for name in (binding.columns or (binding.name,))}
    return {name for name in data if name in named}


def _bind_uniform(name: str, raw: Array, wanted: WantedInput) -> tuple[Binding, tuple[str, ...]]:
    if raw.ndim < 2:
        raise NandoctorError(
            f"array {name} has the shape {raw.shape}, but the model wants {wanted}; give rows of one length, "
            f"or flat values and where rows begin as {name}_values and {name}_row_splits",
            UNEXAMINABLE,
        )
    fed, overflow = as_dtype(raw, wanted.dtype, f"array {name}")
    return Binding(name, wanted.name, raw, uniform(fed)), () if overflow is None else (overflow,)


def _rows(binding: Binding) -> int:
    return binding.raw.rows if isinstance(binding.raw, Ragged) else len(binding.raw)
