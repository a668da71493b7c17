"""Methods of others' classes, wrapped for a while."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

Undo = Callable[[], None]


def owner_of(kind: type, name: str) -> type:
    """The class in whose body the method stands."""
    return next(one for one in kind.__mro__ if name in vars(one))


def wrapped(owner: type, name: str, make: Callable[[Any], Any]) -> Undo:
    """Put `make(method)` in the place of a method; returns what takes it away, if nothing else stands there by then."""
    plain = vars(owner)[name]
    ours = functools.wraps(plain)(make(plain))
    setattr(owner, name, ours)

    def undo() -> None:
        if vars(owner)[name] is ours:
            setattr(owner, name, plain)

    return undo


def wrapped_within(function: Any, make: Callable[[Any], Any]) -> bool:
    """Put `make(inner)` in the place of the function that a decorated one calls; False where it calls none.

    Who has looked the decorated function up before calls it, too.
    """
    inner = getattr(function, "__wrapped__", None)
    for cell in function.__closure__ or ():
        if inner is not None and cell.cell_contents is inner:
            cell.cell_contents = functools.wraps(inner)(make(inner))
            return True
    return False
