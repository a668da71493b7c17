"""Mean and variance of the clean cells, as a file from which a Normalization layer is built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nandoctor.errors import USAGE, NandoctorError
from nandoctor.facts import ArrayFacts, DataFacts

SNIPPET = """\
import json, keras
scaler = json.load(open({path!r}))["inputs"][{name!r}]
normalization = keras.layers.Normalization(mean=scaler["mean"], variance=scaler["variance"])
"""


def scaler_of(data: DataFacts, path: Path) -> dict[str, Any]:
    """For each input with numbers: its columns, their means and variances, and three lines that make a layer of it.

    Missing, NaN and infinite cells and texts are left out of both. A column without spread gets the variance 1, so
    that it becomes 0 and not 0 / 0.
    """
    inputs = {array.name: _moments(array) for array in data.inputs if array.columns}
    return {
        "source": data.path,
        "rows": data.rows,
        "inputs": inputs,
        "python": {name: SNIPPET.format(path=str(path), name=name) for name in inputs},
    }


def write_scaler(data: DataFacts, path: Path) -> None:
    """Write `scaler_of` as JSON; NandoctorError (exit code 2) where the file cannot be written."""
    text = json.dumps(scaler_of(data, path), indent=2, allow_nan=False)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise NandoctorError(f"{path}: cannot write the scaler: {error.strerror}", USAGE) from error


def _moments(array: ArrayFacts) -> dict[str, Any]:
    stats = [column.stats for column in array.columns]
    return {
        "columns": [column.name for column in array.columns],
        "mean": [one.mean for one in stats],
        "variance": [one.std**2 or 1.0 for one in stats],
        "clean_cells": [one.finite for one in stats],
    }
