"""Traced functions that train and were there before the watch: they have no guard, and the report is to say so."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakSet

from nandoctor.probes.compat.watching import function_graphs
from nandoctor.probes.steps.written_line import known_file


@dataclass
class TracedBefore:
    """The functions that were met since the watch began, and `training`: those that trained without it, in words.

    They are not traced anew: Python code that runs once, when it is traced, would run twice, and what it reads may have
    changed since.
    """

    met: WeakSet[Any] = field(default_factory=WeakSet)
    training: list[str] = field(default_factory=list)

    def meet(self, function: Any) -> None:
        """A tf.function is about to be called."""
        if function in self.met:
            return
        self.met.add(function)
        if any(_trains(graph) for graph in function_graphs(function)):
            self.training.append(_named(function))


def _trains(graph: Any) -> bool:
    """Whether gradients are taken in the graph, or in what it calls, and variables changed."""
    definition = graph.as_graph_def()
    nodes = [*definition.node, *(node for one in definition.library.function for node in one.node_def)]
    differentiates = any(node.name.startswith(("gradient_tape", "gradients/")) for node in nodes)
    return differentiates and any(node.op.startswith(("Assign", "ResourceApply", "ResourceScatter")) for node in nodes)


def _named(function: Any) -> str:
    plain = inspect.unwrap(function.python_function)
    code = getattr(plain, "__code__", None)
    place = f" ({Path(known_file(code.co_filename)).name}:{code.co_firstlineno})" if code is not None else ""
    return f"{getattr(plain, '__name__', 'a function')}{place}"
