"""A Keras 3 model in memory to a Subject."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nandoctor.errors import UNEXAMINABLE, USAGE, NandoctorError
from nandoctor.probes.models.compiled_loss import from_logits_by_output, names_by_output
from nandoctor.probes.models.subject import CompiledLoss, InputSpec, NamedVariable, Subject, Tensors
from nandoctor.probes.models.unique_names import unique_names


def keras_on_tensorflow() -> Any:
    """The `keras` module, with TensorFlow behind it whatever the user's settings say.

    A saved Keras model belongs to no backend. Raises NandoctorError (exit code 2) if Keras was already imported
    with another one.
    """
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras

    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise NandoctorError(f"Keras runs on {backend} here; set KERAS_BACKEND=tensorflow", USAGE)
    return keras


def subject_of_keras(model: Any, path: Path, described: str, notices: tuple[str, ...] = ()) -> Subject:
    """The Subject of a built Keras 3 model that was read from `path`; `described` says what kind of file it is.

    Inputs carry the names of Keras' input tensors, outputs the keys of a dict or the names of the output layers.
    Raises NandoctorError (exit code 3) for a model whose inputs are not known.
    """
    inputs = _inputs(model, path)
    outputs = _output_names(model)

    def call(tensors: Tensors, training: bool) -> Tensors:
        import keras

        given = model(_packed_inputs(model, inputs, tensors), training=training)
        return dict(zip(_names_for(given, outputs), keras.tree.flatten(given), strict=True))

    return Subject(
        kind="keras",
        path=str(path),
        format=described,
        signature=None,
        inputs=inputs,
        outputs=outputs,
        infer=lambda tensors: call(tensors, False),
        train=lambda tensors: call(tensors, True),
        compiled_loss=_compiled_loss(model, inputs, outputs),
        variables=variables_of(model),
        layers=layer_paths(model),
        root=model.name,
        notices=notices,
    )


def _inputs(model: Any, path: Path) -> tuple[InputSpec, ...]:
    """The inputs in Keras' flat order. The batch axis is free: Keras checks it for stateful layers only."""
    tensors = getattr(model, "inputs", None)
    if not tensors:
        raise NandoctorError(
            f"{path} does not tell the inputs of the subclassed model {model.name}; "
            "save it with model.export(folder) and give that folder",
            UNEXAMINABLE,
        )
    stateful = any(getattr(layer, "stateful", False) for _, layer in _walk(model))
    return tuple(
        InputSpec(
            name=tensor.name,
            shape=tuple(tensor.shape) if stateful else (None, *tensor.shape[1:]),
            dtype=str(tensor.dtype),
            ragged=bool(getattr(tensor, "ragged", False)),
        )
        for tensor in tensors
    )


def _structure(model: Any, which: str) -> Any:
    """The nested structure that the model takes (`input`) or gives (`output`); one tensor for a Sequential."""
    import keras

    if isinstance(model, keras.Sequential):
        return getattr(model, f"{which}s")[0]
    return getattr(model, which)


def _packed_inputs(model: Any, inputs: tuple[InputSpec, ...], tensors: Tensors) -> Any:
    import keras

    return keras.tree.pack_sequence_as(_structure(model, "input"), [tensors[spec.name] for spec in inputs])


def _output_names(model: Any) -> tuple[str, ...]:
    import keras

    structure = _structure(model, "output")
    if isinstance(model, keras.Sequential):
        return (model.layers[-1].name,)
    return tuple(_names_for(structure, tuple(unique_names(model.output_names))))


def _names_for(structure: Any, names: tuple[str, ...]) -> list[str]:
    """The names of the outputs in Keras' flat order: the keys where the structure is a flat dict."""
    import keras

    if isinstance(structure, dict) and not any(keras.tree.is_nested(value) for value in structure.values()):
        return [str(key) for key in keras.tree.flatten({key: key for key in structure})]
    return list(names)


def _compiled_loss(model: Any, inputs: tuple[InputSpec, ...], outputs: tuple[str, ...]) -> CompiledLoss | None:
    """The compiled loss, regularization included. An output without a label must be one without a loss."""
    import keras

    if not getattr(model, "compiled", False) or getattr(model, "loss", None) is None:
        return None
    structure = _structure(model, "output")

    def pack(flat: list[Any]) -> Any:
        return keras.tree.pack_sequence_as(structure, flat)

    def compute(tensors: Tensors, labels: Tensors, predictions: Tensors, training: bool) -> Any:
        return model.compute_loss(
            x=_packed_inputs(model, inputs, tensors),
            y=pack([labels.get(name, predictions[name]) for name in outputs]),
            y_pred=pack([predictions[name] for name in outputs]),
            sample_weight=None,
            training=training,
        )

    return CompiledLoss(
        compute=compute,
        names=names_by_output(model.loss, outputs, keras.losses.get),
        from_logits=from_logits_by_output(model.loss, outputs, keras.losses.get),
    )


def _walk(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(path, layer) for every layer of the model and of the models in it, outermost first."""
    import keras

    for layer in model.layers:
        path = f"{prefix}{layer.name}"
        yield path, layer
        if isinstance(layer, keras.Model):
            yield from _walk(layer, f"{path}/")


def variables_of(model: Any) -> tuple[NamedVariable, ...]:
    """All variables in Keras' order, each named by the path of its layer within the model."""
    names: dict[int, str] = {}
    for path, layer in reversed(list(_walk(model))):
        for variable in layer.variables:
            names.setdefault(id(variable), _name_in(path, layer.name, variable.path))
    found = list(model.variables)
    trainable = {id(variable) for variable in model.trainable_variables}
    unique = unique_names(names.get(id(variable), variable.path) for variable in found)
    return tuple(
        NamedVariable(name, variable.value, id(variable) in trainable)
        for name, variable in zip(unique, found, strict=True)
    )


def _name_in(layer_path: str, layer_name: str, variable_path: str) -> str:
    """`encoder/dense/kernel` of the layer `encoder/dense` and Keras' own `dense/kernel`.

    Keras leaves out the models around a layer, and for a wrapper such as Bidirectional the wrapper itself.
    """
    parts = variable_path.split("/")
    tail = parts[parts.index(layer_name) + 1 :] if layer_name in parts[:-1] else parts
    return "/".join([layer_path, *tail])


def layer_paths(model: Any) -> tuple[str, ...]:
    """Paths of all layers; layers inside a layer (the cell of an LSTM) are known by their variables."""
    paths = [path for path, _ in _walk(model)]
    known = set(paths)
    for named in variables_of(model):
        if not named.variable.dtype.is_floating:
            continue  # the state of a seed generator, which is no layer
        parts = named.name.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            if path not in known:
                known.add(path)
                paths.append(path)
    return tuple(paths)
