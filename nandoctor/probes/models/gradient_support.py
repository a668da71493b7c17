"""Whether TensorFlow can build gradients through a loaded function."""

from __future__ import annotations

from typing import Any

from nandoctor.probes.compat.control_flow import is_tf1_control_flow
from nandoctor.wording import listing


def why_no_gradients(function: Any) -> str | None:
    """The reason why no gradient can be taken through a concrete function, None if nothing speaks against it.

    TensorFlow 1 wrote loops and conditions as Switch, Merge, Enter and Exit operations; a function that was
    restored from such a graph runs, but TensorFlow 2 cannot differentiate it.
    """
    found = sorted({op.removeprefix("Ref") for op in op_types(function) if is_tf1_control_flow(op)})
    if not found:
        return None
    return (
        f"its graph has TensorFlow 1 control flow ({listing(found)}), through which TensorFlow 2 cannot build gradients"
    )


def op_types(function: Any) -> set[str]:
    """The types of all operations that a concrete function can run, nested functions included."""
    graph = function.graph.as_graph_def()
    library = {body.signature.name: body for body in graph.library.function}
    types: set[str] = set()
    seen: set[str] = set()
    waiting = [graph.node]
    while waiting:
        for node in waiting.pop():
            types.add(node.op)
            for name in {node.op, *_called(node)} - seen:
                if name in library:
                    seen.add(name)
                    waiting.append(library[name].node_def)
    return types - seen


def _called(node: Any) -> set[str]:
    names = {value.func.name for value in node.attr.values() if value.HasField("func")}
    return names | {func.name for value in node.attr.values() for func in value.list.func}
