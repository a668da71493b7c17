"""One pass under TensorFlow's own instrument, `tf.debugging.enable_check_numerics`."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from nandoctor.facts import CheckNumericsFacts
from nandoctor.probes.models.subject import Subject
from nandoctor.probes.steps.hidden import unchanged
from nandoctor.probes.steps.interpreter import plain_message

_DETECTED = re.compile(r'Detected Infinity or NaN in output \d+ of (?:graph|eagerly-executing) op "(\w+)"')
_NODE = re.compile(r"Detected at node (\S+?)(?:/CheckNumericsV2)? defined at")
_SUMMARY = re.compile(r"(Detected Infinity or NaN[^!]*)!!!|(Tensor had [^[]*values)")


def check_numerics_pass(
    subject: Subject, forward: Callable[[Mapping[str, Any]], Any], feeds: Mapping[str, Any]
) -> CheckNumericsFacts:
    """Run the model and then the step's forward pass once under the instrument.

    It is disabled again at the end, whatever happens.
    For a restored function (a SavedModel) `sees_inside` is False: op callbacks act on ops as they are created, and the
    body of a restored function is not created again.
    """
    inside = subject.kind == "keras"
    try:
        with unchanged(subject), _instrument():
            tf.function(lambda: (subject.infer(feeds), forward(feeds)), autograph=False)()
    except tf.errors.OpError as error:
        message = error.message or ""
        if not _DETECTED.search(message):
            return CheckNumericsFacts(ran=False, sees_inside=inside, message=plain_message(error))
        return CheckNumericsFacts(
            ran=True,
            tripped=True,
            sees_inside=inside,
            message="; ".join(" ".join(part).strip() for part in _SUMMARY.findall(message)) or message[:200],
            op_type=_group(_DETECTED, message),
            tensor=_group(_NODE, message),
        )
    return CheckNumericsFacts(ran=True, sees_inside=inside)


@contextmanager
def _instrument() -> Iterator[None]:
    """The instrument, which says that it is there in TensorFlow's log: in a notebook that is standard output."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel(max(level, logging.WARNING))
    try:
        tf.debugging.enable_check_numerics()
        yield
    finally:
        tf.debugging.disable_check_numerics()
        logger.setLevel(level)


def _group(pattern: re.Pattern[str], message: str) -> str | None:
    match = pattern.search(message)
    return match.group(1) if match else None
