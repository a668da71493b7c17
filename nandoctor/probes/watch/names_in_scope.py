"""What the user's running code calls the tensors that an eager step was given."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nandoctor.probes.steps.trace import is_user_file


def names_in_scope(tensors: Sequence[Any]) -> dict[int, str]:
    """Names by the identity of eager tensors: of the user's variable that is the tensor, or the array it came from.

    Functions that run are looked through from the innermost on. A tensor that none of them has a name for (a slice
    that was handed on) is `tensor_1` and so on.
    """
    scopes = list(_scopes())
    found: dict[int, str] = {}
    for tensor in tensors:
        names = (name for scope in scopes for name, value in scope.items() if _is_of(tensor, value))
        name = next((name.lstrip("_") for name in names if name.lstrip("_")), None)
        taken = found.values()
        number = next(n for n in range(1, len(tensors) + 1) if f"tensor_{n}" not in taken)
        found[id(tensor)] = name if name is not None and name not in taken else f"tensor_{number}"
    return found


def _scopes() -> Iterator[Mapping[str, Any]]:
    frame: Any = sys._getframe(1)
    while frame is not None:
        if is_user_file(frame.f_code.co_filename):
            yield dict(frame.f_locals)
        frame = frame.f_back


def _is_of(tensor: Any, value: Any) -> bool:
    """Whether the value is the tensor, or the array that it was made of."""
    if value is tensor:
        return True
    if not isinstance(value, np.ndarray) or value.shape != tuple(tensor.shape) or value.dtype.kind not in "biuf":
        return False
    held = np.asarray(tensor)
    if held.dtype.kind not in "biuf" or (held == held.flat[:1]).all():
        # What is the same throughout may be a constant of anybody's.
        return False
    floats = held.dtype.kind == "f" and value.dtype.kind == "f"
    return bool(np.array_equal(held, value.astype(held.dtype), equal_nan=floats))
