"""Where in a restored function a variable is read: Keras writes a variable's layer, not the models around it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

READS = ("ReadVariableOp", "ResourceGather")
CALLS = ("PartitionedCall", "StatefulPartitionedCall")
COUNTER = re.compile(r"_\d+")


def reading_scopes(function: Any) -> dict[int, list[str]]:
    """Scopes of the ops that read each variable in a concrete function and in those it calls, by `id(variable)`.

    The scope of `net/encoder/dense/MatMul/ReadVariableOp` is `net/encoder/dense/MatMul`.
    """
    graph = function.graph.as_graph_def()
    library = {body.signature.name: body for body in graph.library.function}
    by_handle = {id(variable.handle): id(variable) for variable in function.graph.variables}
    found: dict[int, list[str]] = {}
    given = {
        inside.op.name: by_handle[id(outside)]
        for outside, inside in function.graph.captures
        if id(outside) in by_handle
    }
    waiting: list[tuple[Iterable[Any], Mapping[str, int]]] = [(graph.node, given)]
    while waiting:
        nodes, known = waiting.pop()
        for node in nodes:
            inputs = [known.get(source.split(":")[0]) for source in node.input]
            if node.op in READS and inputs and inputs[0] is not None:
                found.setdefault(inputs[0], []).append(node.name.rpartition("/")[0])
            if node.op in CALLS and node.attr["f"].func.name in library:
                body = library[node.attr["f"].func.name]
                names = [argument.name for argument in body.signature.input_arg]
                passed = {name: one for name, one in zip(names, inputs, strict=False) if one is not None}
                waiting.append((body.node_def, passed))
    return found


def with_models_around(name: str, scopes: Iterable[str]) -> str:
    """The variable's name with the models around its layer: `encoder/dense/kernel` for `dense/kernel`.

    `scopes` are those in which it is read. The outermost model, and the counter that a later trace gives to each scope
    (`net_1/encoder_1/dense_1`), are left out. The name itself where no scope holds its layer.
    """
    layer = name.split("/")[:-1]
    for scope in scopes if layer else ():
        parts = scope.split("/")
        for place in range(1, len(parts) - len(layer) + 1):
            counter = parts[place].removeprefix(layer[0])
            if counter and not COUNTER.fullmatch(counter):
                continue
            seen = [part.removesuffix(counter) for part in parts[: place + len(layer)]]
            if seen[place:] == layer:
                return "/".join([*seen[1:place], name])
    return name
