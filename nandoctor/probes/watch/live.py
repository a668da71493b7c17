"""The names of a running script's variables and layers, read off its Keras models."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

from nandoctor.probes.models import keras_model, tf_keras_model
from nandoctor.probes.watch.guard import Tracing
from nandoctor.probes.watch.taking import LiveNames, outermost


def live_names(tracing: Tracing) -> LiveNames:
    """The names that the models behind a traced step give to what it uses; empty where there is no Keras model."""
    noted = tracing.noted.model
    models = [noted] if noted is not None else list(_models_of(_handles(tracing)))
    variables: dict[int, str] = {}
    layers: list[str] = []
    for model in models:
        prefix = f"{model.name}/" if len(models) > 1 else ""
        named = _room(model).variables_of(model)
        variables |= {id(handle): prefix + one.name for one in named for handle in handles_of(one.variable)}
        layers += [prefix + path for path in _room(model).layer_paths(model)]
    return LiveNames(variables, tuple(layers), models[0].name if len(models) == 1 else None)


def called(names: Sequence[str], variables: Sequence[Any], live: LiveNames) -> dict[str, str]:
    """What the models call the variables (tf.Variables) of these names, as far as they know them."""
    pairs = zip(names, variables, strict=False)
    handles = {name: id(getattr(one, "handle", None)) for name, one in pairs}
    return {name: live.variables[handle] for name, handle in handles.items() if handle in live.variables}


def model_of(variables: Sequence[Any]) -> str | None:
    """The name of the smallest Keras model that holds all the variables (tf.Variables), None where there is none."""
    wanted = {id(variable.handle) for variable in variables if hasattr(variable, "handle")}
    if not wanted:
        return None
    held: list[tuple[int, bool, str]] = []
    kinds = _model_classes()
    for one in gc.get_objects():
        if issubclass(type(one), kinds):
            handles = {id(handle) for variable in _tensorflow_variables(one) for handle in handles_of(variable)}
            if wanted <= handles:
                # A Sequential model stands for the functional one that it has inside.
                held.append((len(handles), type(one).__name__ != "Sequential", str(one.name)))
    return min(held)[-1] if held else None


def _handles(tracing: Tracing) -> set[int]:
    captured = (outermost(outer) for outer, inner in tracing.graph.captures if inner.dtype == tf.resource)
    return {id(variable.handle) for variable in tracing.variables} | {id(one) for one in captured}


def _models_of(handles: set[int]) -> Iterator[Any]:
    """The Keras models that hold one of the variables, without those that are part of another of them."""
    kinds = _model_classes()
    found = []
    for one in gc.get_objects():
        if issubclass(type(one), kinds):
            held = {id(handle) for variable in _tensorflow_variables(one) for handle in handles_of(variable)}
            if held & handles:
                found.append((one, held))
    inner = {id(layer) for model, _ in found for layer in model.layers if issubclass(type(layer), kinds)}
    taken: set[int] = set()
    for model, held in sorted(found, key=lambda pair: -len(pair[1])):
        # Two models on the same layers (a model, and a part of it cut out) give the same names: the larger one counts.
        if id(model) not in inner and not held <= taken:
            taken |= held
            yield model


def handles_of(variable: Any) -> list[Any]:
    """The handle of a variable; those on all replicas of a distributed one, none of what has no handle."""
    local = getattr(variable, "values", None)
    if isinstance(local, tuple | list):
        return [handle for one in local for handle in handles_of(one)]
    return [variable.handle] if hasattr(variable, "handle") else []


def _tensorflow_variables(model: Any) -> list[Any]:
    return [getattr(one, "value", one) if _is_keras_3(model) else one for one in model.variables]


def _model_classes() -> tuple[type, ...]:
    modules = [sys.modules[name] for name in ("keras", "tf_keras") if name in sys.modules]
    return tuple(module.Model for module in modules)


def _is_keras_3(model: Any) -> bool:
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(model, keras.Model)


def _room(model: Any) -> Any:
    return keras_model if _is_keras_3(model) else tf_keras_model
