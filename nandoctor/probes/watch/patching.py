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
