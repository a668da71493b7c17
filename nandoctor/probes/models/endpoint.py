"""A function of a SavedModel with its inputs and outputs by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from nandoctor.probes.models.subject import InputSpec, Tensors


@dataclass(frozen=True)
class Endpoint:
    """`call` maps tensors by input name to tensors by output name; `function` is the concrete function behind it."""

    inputs: tuple[InputSpec, ...]
    outputs: tuple[str, ...]
    call: Callable[[Tensors], Tensors]
    function: Any


def signature_endpoint(function: Any) -> Endpoint:
    """The endpoint of a signature: inputs in the order of the graph's placeholders."""
    specs = function.structured_input_signature[1]
    order = {tensor.op.name: index for index, tensor in enumerate(function.inputs)}
    names = sorted(specs, key=lambda name: (order.get(name, len(order)), name))

    def call(tensors: Tensors) -> Tensors:
        return dict(function(**{name: tensors[name] for name in names}))

    return Endpoint(
        inputs=tuple(_input_spec(name, specs[name]) for name in names),
        outputs=tuple(sorted(function.structured_outputs)),
        call=call,
        function=function,
    )


def callable_endpoint(restored: Any, concrete: Any, names: tuple[str, ...]) -> Endpoint:
    """The endpoint of a restored `tf.function` in the variant `concrete`.

    `names` name its outputs where it gives one tensor or a list of them; `output_0`, `output_1`, ... if empty.
    """
    args, kwargs = concrete.structured_input_signature
    parameters = list(concrete.function_type.parameters)
    specs: dict[str, Any] = {}
    for name, value in [*zip(parameters, args, strict=False), *kwargs.items()]:
        _rebuild(value, name, specs.setdefault)

    def call(tensors: Tensors) -> Tensors:
        given = [
            _rebuild(value, name, lambda leaf, _: tensors[leaf]) for name, value in zip(parameters, args, strict=False)
        ]
        named = {name: _rebuild(value, name, lambda leaf, _: tensors[leaf]) for name, value in kwargs.items()}
        return _outputs_by_name(restored(*given, **named), names)

    return Endpoint(
        inputs=tuple(_input_spec(name, spec) for name, spec in specs.items()),
        outputs=tuple(_outputs_by_name(concrete.structured_outputs, names)),
        call=call,
        function=concrete,
    )


def inference_function(restored: Any, names: Collection[str] = ()) -> Any:
    """The variant of a restored function that does not train; with a free batch axis if there is such a one.

    `names` are those that the inputs should have: tf-keras saves each variant under two sets of names.
    """
    variants = [concrete for concrete in restored.concrete_functions if not _trains(concrete)]

    def wanted(concrete: Any) -> tuple[int, bool]:
        specs = _flat_specs(concrete)
        return -sum(spec.shape[:1] == (None,) for spec in specs), {spec.name for spec in specs} != set(names)

    return min(variants, key=wanted, default=None)


def training_function(restored: Any, inference: Any) -> Any:
    """The variant of a restored function that was traced with `training=True`, for the inputs of `inference`."""
    specs = _flat_specs(inference)
    variants = (concrete for concrete in restored.concrete_functions if _trains(concrete))
    return next((concrete for concrete in variants if _flat_specs(concrete) == specs), None)


def has_ragged_input(concrete: Any) -> bool:
    """Whether one of the inputs is a RaggedTensor."""
    return any(spec.ragged for spec in _flat_specs(concrete))


def _flat_specs(concrete: Any) -> list[InputSpec]:
    import tensorflow as tf

    leaves = tf.nest.flatten(concrete.structured_input_signature)
    return [
        _input_spec(getattr(leaf, "name", None) or str(index), leaf)
        for index, leaf in enumerate(leaves)
        if isinstance(leaf, tf.TypeSpec)
    ]


def _trains(concrete: Any) -> bool:
    import tensorflow as tf

    return any(leaf is True for leaf in tf.nest.flatten(concrete.structured_input_signature))


def _rebuild(value: Any, name: str, put: Callable[[str, Any], Any]) -> Any:
    """`value` with each tensor specification in it replaced by `put(its name, itself)`; all else is kept."""
    import tensorflow as tf

    if isinstance(value, tf.TypeSpec):
        return put(getattr(value, "name", None) or name, value)
    if isinstance(value, Mapping):
        return {key: _rebuild(value[key], str(key), put) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return type(value)(_rebuild(item, f"{name}_{index}", put) for index, item in enumerate(value))
    return value


def _outputs_by_name(outputs: Any, names: tuple[str, ...]) -> dict[str, Any]:
    if isinstance(outputs, Mapping):
        return {str(key): outputs[key] for key in sorted(outputs)}
    flat = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    chosen = names if len(names) == len(flat) else tuple(f"output_{index}" for index in range(len(flat)))
    return dict(zip(chosen, flat, strict=True))


def _input_spec(name: str, spec: Any) -> InputSpec:
    import tensorflow as tf

    shape = spec.shape.as_list() if spec.shape.rank is not None else [None]
    return InputSpec(name, tuple(shape), spec.dtype.name, isinstance(spec, tf.RaggedTensorSpec))
