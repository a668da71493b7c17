"""Arrays in memory as a data set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nandoctor.errors import USAGE, NandoctorError
from nandoctor.probes.data.dataset import DataSet
from nandoctor.stats import Array

IN_MEMORY = Path("the arrays given")
LABELS = "y"


def data_given(data: Any, labels: Any = None) -> DataSet:
    """Arrays by name, or one array as `x`; `labels` are an array to go with them under the name LABELS.

    NandoctorError (exit code 2) for what is no array of numbers or texts.
    """
    named = dict(data) if isinstance(data, Mapping) else {"x": data}
    if labels is not None:
        named[LABELS] = labels
    return DataSet(IN_MEMORY, {str(name): _array(str(name), value) for name, value in named.items()})


def _array(name: str, value: Any) -> Array:
    try:
        array: Array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise NandoctorError(f"{name}: no array ({error})", USAGE) from error
    if not array.ndim or (array.dtype.kind not in "biufUSO" and array.dtype.name != "bfloat16"):
        raise NandoctorError(f"{name}: {type(value).__name__} is no array of numbers, nor a path to data", USAGE)
    if array.dtype.kind == "O" and not all(isinstance(one, str) for one in array.flat):
        raise NandoctorError(f"{name}: no array of numbers, but of Python objects; give each column by its name", USAGE)
    return array
