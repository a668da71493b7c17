"""A tf-keras (Keras 2) model in memory to a Subject."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nandoctor.probes.models.compiled_loss import from_logits_by_output, names_by_output
from nandoctor.probes.models.subject import CompiledLoss, InputSpec, NamedVariable, Subject, Tensors
from nandoctor.probes.models.unique_names import unique_names


def subject_of_tf_keras(model: Any, path: Path, described: str) -> Subject:
    """The Subject of a built tf-keras model that was read from `path`; `described` says what kind of file it is."""
    inputs = _inputs(model)
    outputs = tuple(unique_names(model.output_names))

    def call(tensors: Tensors, training: bool) -> Tensors:
        given = model(_packed_inputs(model, inputs, tensors), training=training)
        if isinstance(given, dict):
            return {str(key): value for key, value in given.items()}
        return dict(zip(outputs, given if isinstance(given, (list, tuple)) else [given], strict=True))

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
    )


def _inputs(model: Any) -> tuple[InputSpec, ...]:
    specs = [getattr(tensor, "type_spec", tensor) for tensor in model.inputs]
    return tuple(
        InputSpec(
            name=name,
            shape=(None, *tuple(spec.shape)[1:]),
            dtype=spec.dtype.name,
            ragged="Ragged" in type(spec).__name__,
        )
        for name, spec in zip(model.input_names, specs, strict=True)
    )


def _packed_inputs(model: Any, inputs: tuple[InputSpec, ...], tensors: Tensors) -> Any:
    """One tensor, or a dict by the names of the input layers, which tf-keras accepts for lists and dicts alike."""
    if len(inputs) == 1 and not isinstance(model.input, dict):
        return tensors[inputs[0].name]
    return {spec.name: tensors[spec.name] for spec in inputs}


def _compiled_loss(model: Any, inputs: tuple[InputSpec, ...], outputs: tuple[str, ...]) -> CompiledLoss | None:
    """The compiled loss, regularization included. An output without a label must be one without a loss."""
    import tf_keras

    if getattr(model, "optimizer", None) is None or getattr(model, "loss", None) is None:
        return None

    def pack(flat: list[Any]) -> Any:
        return flat[0] if len(flat) == 1 else dict(zip(outputs, flat, strict=True))

    def compute(tensors: Tensors, labels: Tensors, predictions: Tensors, training: bool) -> Any:
        del training  # compute_loss of tf-keras has no such argument
        return model.compute_loss(
            _packed_inputs(model, inputs, tensors),
            pack([labels.get(name, predictions[name]) for name in outputs]),
            pack([predictions[name] for name in outputs]),
            None,
        )

    return CompiledLoss(
        compute=compute,
        names=names_by_output(model.loss, outputs, tf_keras.losses.get),
        from_logits=from_logits_by_output(model.loss, outputs, tf_keras.losses.get),
    )


def _walk(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    import tf_keras

    for layer in model.layers:
        path = f"{prefix}{layer.name}"
        yield path, layer
        if isinstance(layer, tf_keras.Model):
            yield from _walk(layer, f"{path}/")


def layer_paths(model: Any) -> tuple[str, ...]:
    """Paths of all layers, `encoder/dense`, outermost first."""
    return tuple(path for path, _ in _walk(model))


def variables_of(model: Any) -> tuple[NamedVariable, ...]:
    """All weights in the model's order, named by the path of their layer within the model."""
    names: dict[int, str] = {}
    for path, layer in reversed(list(_walk(model))):
        for variable in layer.weights:
            parts = variable.name.removesuffix(":0").split("/")
            tail = parts[parts.index(layer.name) + 1 :] if layer.name in parts[:-1] else parts
            names.setdefault(id(variable), "/".join([path, *tail]))
    weights = list(model.weights)
    trainable = {id(variable) for variable in model.trainable_weights}
    unique = unique_names(names.get(id(variable), variable.name.removesuffix(":0")) for variable in weights)
    return tuple(
        NamedVariable(name, variable, id(variable) in trainable) for name, variable in zip(unique, weights, strict=True)
    )
