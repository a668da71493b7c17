"""What is noted while Python traces a step: losses that gradients are taken of, their terms, labels, predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import tensorflow as tf


@dataclass
class Noted:
    """What was noted in one graph since the last update of the weights there.

    `losses` are the targets that gradients were asked of, `gradients` what
    was given for them, by source, `terms` the named parts of the loss, `inputs`, `labels`,
    `weights` (of the samples) and `predictions` what Keras gave the loss of a model, `loss` what that gave back.
    """

    losses: list[Any] = field(default_factory=list)
    gradients: list[tuple[Any, Any]] = field(default_factory=list)
    terms: list[tuple[str, Any]] = field(default_factory=list)
    inputs: Any = None
    labels: Any = None
    weights: Any = None
    loss: Any = None
    predictions: Any = None
    model: Any = None


class _Eager:
    """Stands for the graph where there is none."""


EAGER = _Eager()


class Notebook:
    """What was noted, by graph; what was noted in eager execution is under `EAGER`."""

    def __init__(self) -> None:
        self._graphs: WeakKeyDictionary[Any, Noted] = WeakKeyDictionary()

    def page(self, graph: Any) -> Noted:
        """The page of a graph, a new one where nothing was noted yet."""
        return self._graphs.setdefault(graph, Noted())

    def differentiates(self, graph: Any) -> bool:
        """Whether gradients were taken in the graph that no update there has used."""
        noted = self._graphs.get(graph)
        return noted is not None and bool(noted.losses)

    def turn(self, graph: Any) -> Noted:
        """The page of a graph, taken out: what comes next belongs to the next update."""
        noted = self.page(graph)
        self._graphs[graph] = Noted(
            inputs=noted.inputs,
            labels=noted.labels,
            weights=noted.weights,
            predictions=noted.predictions,
            model=noted.model,
        )
        return noted


def flat_tensors(values: Any) -> list[Any]:
    """The tensors in a structure, without the rest."""
    return [value for value in tf.nest.flatten(values, expand_composites=True) if tf.is_tensor(value)]


def scalars(tensors: Sequence[Any]) -> list[Any]:
    """The floating tensors, each summed into one number."""
    floats = [tensor for tensor in tensors if tensor.dtype.is_floating]
    return [tensor if tensor.shape.rank == 0 else tf.reduce_sum(tensor) for tensor in floats]
