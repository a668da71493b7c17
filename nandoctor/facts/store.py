"""Facts to and from a file: the expensive half of an examination, kept for later."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import cattrs

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.facts.examination import Facts

_NONFINITE: Mapping[int | float | str, float] = {str(value): value for value in (math.nan, math.inf, -math.inf)}


def dump_facts(facts: Facts) -> str:
    """Facts as JSON text; non-finite numbers are written as strings, which JSON can hold."""
    return json.dumps(_converter().unstructure(facts), allow_nan=False, separators=(",", ":"))


def parse_facts(text: str) -> Facts:
    """Facts from JSON text; NandoctorError (exit code 3) if it is not what `dump_facts` writes."""
    try:
        return _converter().structure(json.loads(text), Facts)
    except Exception as error:  # cattrs raises groups of many kinds; each means the same to the reader
        raise NandoctorError(f"these are not nandoctor facts: {type(error).__name__}", UNEXAMINABLE) from error


def save_facts(facts: Facts, path: Path) -> None:
    """Write facts to `path` whole or not at all; OSError where it cannot be written."""
    handle, temporary = tempfile.mkstemp(dir=path.parent or Path(), prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(dump_facts(facts))
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


@cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    converter.register_unstructure_hook(float, _write_number)
    converter.register_structure_hook(float, lambda value, _: float(value))
    converter.register_structure_hook(int | float | str, lambda value, _: _NONFINITE.get(value, value))
    return converter


def _write_number(value: float) -> Any:
    return value if math.isfinite(value) else str(value)
