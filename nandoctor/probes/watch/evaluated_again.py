"""A batch of evaluate or predict that was not finite where models run eagerly: its forward pass, recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from nandoctor.probes.compat.eager_ops import listen
from nandoctor.probes.watch.eager import EagerStep, tracing_of
from nandoctor.probes.watch.guard import Tracing
from nandoctor.probes.watch.noted import Noted


def evaluated_again(model: Any, data: Any, number: int) -> Tracing:
    """The forward pass of a Keras model over a batch, run once more and recorded op by op, as if it had been traced.

    Eager ops leave nothing behind that could be replayed. The state of model and metrics is put back afterwards.
    """
    x, y, weights = parts(data)
    step = EagerStep()
    losses = []
    with _as_before(model):
        end = listen(step.listen)
        try:
            training = {"training": False} if getattr(model, "_call_has_training_arg", True) else {}
            predictions = model(x, **training)
            if y is not None and getattr(model, "loss", None) is not None:
                losses = [model.compute_loss(x=x, y=y, y_pred=predictions, sample_weight=weights)]
        finally:
            end()
    noted = Noted(inputs=x, labels=y, weights=weights, predictions=predictions, model=model, losses=losses)
    variables = [getattr(one, "value", one) for one in model.trainable_variables]
    variables = [one for one in variables if hasattr(one, "handle")]
    return tracing_of(step, noted, [None] * len(variables), variables, number)


def parts(data: Any) -> tuple[Any, Any, Any]:
    """Inputs, labels and weights of the samples in what Keras gives a step; None for what is not there."""
    x, y, weights = (*data, None, None, None)[:3] if isinstance(data, tuple | list) else (data, None, None)
    return x, y, weights


@contextmanager
def _as_before(model: Any) -> Iterator[None]:
    variables = [*model.variables, *(one for metric in model.metrics for one in metric.variables)]
    values = [tf.identity(getattr(one, "value", one)) for one in variables]
    try:
        yield
    finally:
        for one, value in zip(variables, values, strict=True):
            one.assign(value)
