"""The activations of layers as they are written, and what is known of what they give."""

from __future__ import annotations

import ast
from dataclasses import replace

from nandoctor.probes.source.functions import transfer
from nandoctor.probes.source.names import Names, tensor_function
from nandoctor.probes.source.value import UNKNOWN, Value


def activation_of(layer: ast.Call, names: Names) -> str | None:
    """The activation of a layer that is made by this call: "softmax", "linear"; None where the source does not tell."""
    dotted = names.resolve(layer.func) or ""
    last = dotted.rpartition(".")[2]
    if last in ("Softmax", "ReLU"):
        return last.lower()
    given = next((one.value for one in layer.keywords if one.arg == "activation"), None)
    if given is None and last == "Activation" and layer.args:
        given = layer.args[0]
    if given is None and last == "Dense" and len(layer.args) > 1:
        given = layer.args[1]
    if given is None:
        return "linear" if last == "Dense" else None
    if isinstance(given, ast.Constant):
        return "linear" if given.value is None else str(given.value).lower()
    return tensor_function(names.resolve(given))


def activated(activation: str) -> Value:
    """What is known of the outputs of a layer, or of a model that ends with one, with that activation."""
    return replace(transfer(activation, [UNKNOWN], {}), tensor=True)
