"""An array in the shape and dtype that an input wants, without changing what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.stats import Array
from nandoctor.wording import number, plural

FLOATS = ("float16", "bfloat16", "float32", "float64")


def fitted_shape(shape: Sequence[int], wanted: Sequence[int | None]) -> tuple[int, ...] | None:
    """The shape in which an array fits an input: its own, or with a last axis of 1 added or removed; None if none.

    The first axis is the rows and fits always.
    """
    own = tuple(shape)
    candidates = [own]
    if wanted and wanted[-1] == 1:
        candidates.append((*own, 1))
    if len(own) > 1 and own[-1] == 1:
        candidates.append(own[:-1])
    for candidate in candidates:
        pairs = zip(candidate[1:], wanted[1:], strict=False)
        if len(candidate) == len(wanted) and all(want is None or have == want for have, want in pairs):
            return candidate
    return None


def numeric(array: Array) -> bool:
    """Whether the array holds real numbers (bool and bfloat16 included)."""
    return array.dtype.kind in "fiub" or array.dtype.name == "bfloat16"


def textual(array: Array) -> bool:
    """Whether the array holds texts; object arrays are the text columns of a csv, nothing else is ever loaded so."""
    return array.dtype.kind in "USO"


def fits_dtype(array: Array, dtype: str) -> bool:
    """Whether the kind of value is right for an input of `dtype`; `as_dtype` looks at the values."""
    return textual(array) if dtype == "string" else numeric(array)


def as_dtype(array: Array, dtype: str, what: str) -> tuple[Array, str | None]:
    """The values in the input's dtype, and a sentence where finite ones became infinite.

    Floats become integers only where all are whole and in range; NandoctorError (exit code 3) otherwise, and for
    texts where numbers belong or numbers where texts belong. `what` names the array in messages.
    """
    if not fits_dtype(array, dtype):
        kind = "texts" if textual(array) else f"values of {array.dtype}"
        raise NandoctorError(f"{what} holds {kind}, but the input wants {dtype}", UNEXAMINABLE)
    if dtype == "string":
        return array, None
    if dtype in FLOATS:
        return _as_float(array, dtype, what)
    low, high = (0, 1) if dtype == "bool" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    with np.errstate(invalid="ignore"):
        outside = ~((array >= low) & (array <= high))
        if array.dtype.kind not in "iub":
            outside |= array != np.trunc(array)
    if outside.any():
        row = int(np.argwhere(outside)[0][0])
        raise NandoctorError(
            f"{what} holds {number(float(array[outside][0]))} in row {row}, but the input wants {dtype}: "
            f"whole numbers from {low:,} to {high:,}",
            UNEXAMINABLE,
        )
    return array.astype(np.dtype(dtype), copy=False), None


def _as_float(array: Array, dtype: str, what: str) -> tuple[Array, str | None]:
    with np.errstate(over="ignore", invalid="ignore"):
        converted = array.astype(_float_dtype(dtype), copy=False)
        if converted is array or np.can_cast(array.dtype, converted.dtype):
            return converted, None
        infinite = np.isinf(converted)
    lost = int(np.count_nonzero(infinite & np.isfinite(array))) if infinite.any() else 0
    if not lost:
        return converted, None
    return converted, (
        f"{what}: {plural(lost, 'finite value')} of {array.dtype} "
        f"{'is' if lost == 1 else 'are'} beyond the range of the input's {dtype} and became infinite."
    )


def _float_dtype(dtype: str) -> np.dtype[Any]:
    return np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
