"""The coordination service of a distributed training: a table of texts that all of its processes read."""

from __future__ import annotations

import tensorflow as tf
from tensorflow.python.eager import context


def set_key_value(key: str, value: str) -> None:
    """Put a text into the table, once; nothing where the training has no such service, or it is gone."""
    known = context.context()
    if known.coordination_service is not None:
        try:
            known.set_config_key_value(key, value)
        except tf.errors.OpError:
            return


def key_value(key: str, seconds: float) -> str | None:
    """A text of the table, waited for that long; None where it does not come."""
    known = context.context()
    if known.coordination_service is None:
        return None
    try:
        return str(known.get_config_key_value(key, timeout_in_ms=int(seconds * 1000)))
    except tf.errors.OpError:
        return None
