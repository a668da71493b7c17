"""The common form of every saved model: functions that can be traced, variables, inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Tensors = Mapping[str, Any]


@dataclass(frozen=True)
class InputSpec:
    """One input: its name, shape (None for free axes, the batch first), dtype name; `ragged` for a RaggedTensor."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    ragged: bool = False


@dataclass(frozen=True)
class NamedVariable:
    """A `tf.Variable` of the model with its path, such as `encoder/dense/kernel` (no `:0`)."""

    name: str
    variable: Any
    trainable: bool


@dataclass(frozen=True)
class CompiledLoss:
    """The loss the model was compiled with.

    `compute(inputs, labels, outputs, training)` gives the scalar of the step, regularization included; it can be
    traced. `names` are the Keras names of the losses (snake case) by output, `from_logits` likewise
    (None where a loss has no such option).
    """

    compute: Callable[[Tensors, Tensors, Tensors, bool], Any]
    names: Mapping[str, str]
    from_logits: Mapping[str, bool | None]


@dataclass(frozen=True)
class Subject:
    """A loaded model.

    `infer(inputs)` maps tensors by input name to tensors by output name, with inference behaviour, and can be
    traced in a `tf.function`. `train` does the same with training behaviour; None where the artefact does not hold
    it. `layers` are the paths of its layers where the artefact tells (`encoder/dense`), else empty.
    `root` is the name of the model itself, the scope that all its ops share, None if unknown. `no_gradients` is the
    reason why TensorFlow cannot build gradients for it, None if it can. `debug_info` is the path of the
    SavedModel's debug information, None without.
    """

    kind: Literal["saved_model", "keras", "script"]
    path: str
    format: str
    signature: str | None
    inputs: tuple[InputSpec, ...]
    outputs: tuple[str, ...]
    infer: Callable[[Tensors], Tensors]
    train: Callable[[Tensors], Tensors] | None
    compiled_loss: CompiledLoss | None
    variables: tuple[NamedVariable, ...]
    layers: tuple[str, ...] = ()
    root: str | None = None
    no_gradients: str | None = None
    debug_info: str | None = None
    notices: tuple[str, ...] = ()
