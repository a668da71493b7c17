"""Another dtype in the place of float16 or bfloat16: from one op on up to the next conversion, or throughout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from nandoctor.probes.compat.graphs import op_definition

NARROW = (tf.float16, tf.bfloat16)


class Widening:
    """Knows the tensors that are in float32 though the step has them in less.

    It ends at a conversion, unless it goes `on`.
    """

    def __init__(self, *, on: bool) -> None:
        self._on = on
        self._wide: dict[int, Any] = {}

    def concerns(self, inputs: Sequence[Any]) -> bool:
        """Whether one of the tensors is wide."""
        return bool(self._wide) and any(id(one) in self._wide for one in inputs)

    def widened(
        self, op_type: str, inputs: Sequence[Any], attrs: tuple[Any, ...], *, first: bool
    ) -> tuple[list[Any], tuple[Any, ...]]:
        """Inputs and attributes with which the op computes in float32; `first` where it is the one that it begins with.

        What a conversion converts to stays as it is where it ends there.
        """
        return _in(tf.float32, op_type, inputs, attrs, but=frozenset() if first or self._on else frozenset({"DstT"}))

    def note(self, op_type: str, outputs: Sequence[Any], *, first: bool) -> None:
        """Remember what a widened op gave."""
        if first or self._on or op_type != "Cast":
            self._wide.update({id(one): one for one in outputs if one.dtype == tf.float32})


def in_bfloat16(op_type: str, inputs: Sequence[Any], attrs: tuple[Any, ...]) -> tuple[list[Any], tuple[Any, ...]]:
    """Inputs and attributes with which the op has bfloat16 wherever the step has float16."""
    return _in(tf.bfloat16, op_type, inputs, attrs, but=frozenset())


def _in(
    dtype: tf.DType, op_type: str, inputs: Sequence[Any], attrs: tuple[Any, ...], but: frozenset[str]
) -> tuple[list[Any], tuple[Any, ...]]:
    types = {one.name for one in op_definition(op_type).attr if one.type in ("type", "list(type)")} - but
    given = [tf.cast(one, dtype) if one.dtype in NARROW else one for one in inputs]
    flat: list[Any] = []
    for name, value in zip(attrs[::2], attrs[1::2], strict=True):
        flat += [name, _type(value, dtype) if name in types else value]
    return given, tuple(flat)


def _type(value: Any, dtype: tf.DType) -> Any:
    if isinstance(value, list):
        return [_type(one, dtype) for one in value]
    return dtype.as_datatype_enum if value in [one.as_datatype_enum for one in NARROW] else value
