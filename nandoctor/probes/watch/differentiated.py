"""Traced functions that give a loss and its gradients to a script that updates the weights elsewhere.

A training loop may trace the gradients alone, and hand them to its optimizer eagerly; or add them up over several
batches in variables, which another traced function hands over. What there is to run again is the function's own graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import tensorflow as tf

from nandoctor.probes.compat.watching import function_graphs
from nandoctor.probes.watch.guard import Tracing
from nandoctor.probes.watch.noted import Notebook, Noted, flat_tensors
from nandoctor.probes.watch.stepgraph import FEEDING, Kept, ancestors


@dataclass(frozen=True)
class Called:
    """A call of such a function: the graph that ran, what was noted in it, its arguments, the losses that it gave."""

    graph: Any
    noted: Noted
    given: Sequence[Any]
    losses: Sequence[Any]

    @property
    def finite(self) -> bool:
        """Whether the losses that it gave are finite; it waits for them to be there."""
        return all(bool(np.isfinite(one.numpy()).all()) for one in self.losses)


@dataclass
class Differentiated:
    """The last such call, and the first for the update at hand whose loss was not finite: no other is held.

    `updated` says that the weights were updated since the last call.
    """

    last: Called | None = None
    broken: Called | None = None
    updated: bool = False
    _known: WeakKeyDictionary[Any, tuple[int, list[Any]]] = field(default_factory=WeakKeyDictionary)

    def called(self, function: Any, notebook: Notebook, given: Any, result: Any) -> None:
        """A traced function was called: remember with what, if gradients are taken in it and no weights updated."""
        graphs = self._graphs(function, notebook)
        arguments = [tf.convert_to_tensor(one) for one in _arrays(given)] if graphs else []
        for graph in reversed(graphs):
            if _takes(graph, arguments):
                self._judge()
                if self.updated:
                    self.broken, self.updated = None, False
                noted = notebook.page(graph)
                self.last = Called(graph, noted, arguments, tuple(_losses(graph, noted, result)))
                return

    def _graphs(self, function: Any, notebook: Notebook) -> list[Any]:
        """The function's graphs in which gradients are taken; looked for when it has been traced again."""
        count = function.experimental_get_tracing_count()
        if self._known.get(function, (0, []))[0] != count:
            graphs = [one for one in function_graphs(function) if notebook.differentiates(one)]
            self._known[function] = count, graphs
        return self._known.get(function, (0, []))[1]

    def turn(self) -> Called | None:
        """The call that stands for the update at hand: the next one belongs to the next update."""
        self._judge()
        self.updated = True
        return self.broken or self.last

    def behind(self, tracing: Tracing) -> Tracing:
        """The step behind an update that has no loss of its own; the same where it has one."""
        self._judge()
        call = self.broken or self.last
        if call is None or any(not hasattr(one, "numpy") for one in tracing.losses):
            return tracing
        losses = list(call.noted.losses)
        by_source = {id(one): found for source, found in call.noted.gradients for one in (source, _value(source))}
        gradients = [by_source.get(id(variable)) for variable in tracing.variables]
        dense = [one.values if isinstance(one, tf.IndexedSlices) else one for one in gradients]
        kept = [Kept("argument", one) for one in _parameters(call.graph)]
        needed = ancestors(one for one in (*losses, *dense) if one is not None)
        if any(op.type in FEEDING and op.name in needed for op in call.graph.get_operations()):
            return tracing
        used = [(one, value) for one, value in zip(kept, call.given, strict=True) if one.tensor.op.name in needed]
        return replace(
            tracing,
            graph=call.graph,
            noted=replace(call.noted, losses=losses),
            losses=losses,
            gradients=dense,
            kept=[one for one, _ in used],
            stash=[value for _, value in used],
            backward=None,
            lines=None,
        )

    def _judge(self) -> None:
        if self.broken is None and self.last is not None and not self.last.finite:
            self.broken = self.last


def _arrays(given: Any) -> Iterator[Any]:
    for one in tf.nest.flatten(given, expand_composites=True):
        if (tf.is_tensor(one) and not isinstance(one, tf.Variable)) or isinstance(one, np.ndarray):
            yield one


def _parameters(graph: Any) -> list[Any]:
    """The tensors that a traced function takes as arguments, in their order."""
    captured = {id(inner) for _, inner in graph.captures}
    return [one for one in graph.inputs if id(one) not in captured]


def _takes(graph: Any, arguments: Sequence[Any]) -> bool:
    """Whether the graph was traced for arguments like these."""
    wanted = _parameters(graph)
    return len(wanted) == len(arguments) and all(
        one.dtype == given.dtype and one.shape.is_compatible_with(given.shape)
        for one, given in zip(wanted, arguments, strict=True)
    )


def _losses(graph: Any, noted: Noted, result: Any) -> Iterator[Any]:
    """Those of a call's results that are its losses."""
    wanted = {id(one) for one in noted.losses if one.dtype.is_floating}
    inner = flat_tensors(graph.structured_outputs)
    outer = flat_tensors(result)
    if len(inner) == len(outer):
        for one, given in zip(inner, outer, strict=True):
            made = one.op.inputs[0] if one.op.type == "Identity" else one
            if {id(one), id(made)} & wanted:
                yield given


def _value(source: Any) -> Any:
    """The tf.Variable behind a Keras variable, anything else as it is."""
    return source if isinstance(source, tf.Variable) else getattr(source, "value", source)
