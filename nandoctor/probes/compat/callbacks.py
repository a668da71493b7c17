"""Op callbacks of others, such as those of `tf.debugging.enable_check_numerics`, kept from what is nandoctor's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import local
from typing import Any

from tensorflow.python.eager import context
from tensorflow.python.framework import op_callbacks

OWN = "of_nandoctor"


class _Away(local):
    """The callbacks that are away in this thread, by the block that took them."""

    def __init__(self) -> None:
        self.taken: list[list[Callable[..., Any]]] = []


_away = _Away()


@contextmanager
def unseen() -> Iterator[None]:
    """In its `with` block no op callback but nandoctor's sees what this thread computes or puts into a graph.

    The recorder is filled with NaN, and what is replayed has failed: an instrument of the script's own would end it.
    """
    others = [one for one in context.context().op_callbacks if not hasattr(one, OWN)]
    for one in others:
        op_callbacks.remove_op_callback(one)
    _away.taken.append(others)
    try:
        yield
    finally:
        _away.taken.remove(others)
        for one in others:
            op_callbacks.add_op_callback(one)


@contextmanager
def seen() -> Iterator[None]:
    """In its `with` block, within one of `unseen`, the callbacks are back: what is done there is the script's."""
    others = [one for taken in _away.taken for one in taken]
    for one in others:
        op_callbacks.add_op_callback(one)
    try:
        yield
    finally:
        for one in others:
            op_callbacks.remove_op_callback(one)
