"""The loss of the step: the model's own, the user's, or the one that head and labels call for."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nandoctor.errors import USAGE, NandoctorError
from nandoctor.facts import HeadFacts, LossFacts
from nandoctor.probes.models.subject import Subject, Tensors
from nandoctor.probes.steps.trace import StepLoss
from nandoctor.stats import Array

_KERAS_LOSS = re.compile(r"^(\w+)(?:\(from_logits=(True|False)\))?$")
Pointwise = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class ChosenLoss:
    """The loss as a function of the step, and what the report says about it."""

    compute: StepLoss
    facts: tuple[LossFacts, ...]


def choose_loss(
    subject: Subject, heads: Sequence[HeadFacts], labels: Mapping[str, Array], given: str | None
) -> ChosenLoss:
    """The loss for this model and these labels (arrays by output name; empty for none).

    In order: `given` (a Keras loss name, optionally with `(from_logits=True)`, or `module:function`), the compiled one,
    one inferred from each head and its labels; without labels, the mean square of the outputs. NandoctorError (usage)
    for a loss that is unknown, has no labels, or cannot be inferred.
    """
    if not labels:
        if given:
            raise NandoctorError(f"--loss {given} needs labels: name them with --labels KEY", USAGE)
        return _mean_square()
    if given:
        function, name, from_logits = _given(given)
        reason = f"loss {name} as given with --loss"
        facts = [LossFacts(name, "given", reason, from_logits, output, output) for output in labels]
        return ChosenLoss(_sum_of(dict.fromkeys(labels, function)), tuple(facts))
    compiled = subject.compiled_loss
    if compiled is not None and set(compiled.names) <= set(labels):
        facts = [
            LossFacts(
                name, "compiled", f"the model's own compiled loss ({name})", compiled.from_logits.get(output), output
            )
            for output, name in compiled.names.items()
        ]
        return ChosenLoss(compiled.compute, tuple(facts))
    by_output = {head.output: head for head in heads}
    chosen = {output: _inferred(by_output[output], values) for output, values in labels.items()}
    return ChosenLoss(
        _sum_of({output: one[0] for output, one in chosen.items()}), tuple(one[1] for one in chosen.values())
    )


def _mean_square() -> ChosenLoss:
    def compute(_inputs: Tensors, _labels: Tensors, outputs: Tensors, _training: bool) -> Any:
        numbers = [value for value in outputs.values() if value.dtype != tf.string]
        # Class numbers beside the scores have no gradient to give.
        floating = [value for value in numbers if value.dtype.is_floating] or numbers
        squares = [tf.cast(tf.reduce_mean(tf.square(_as_float(value))), tf.float32) for value in floating]
        return tf.add_n(squares) if squares else tf.zeros(())

    reason = "no labels: the mean square of the outputs stands in for a loss"
    return ChosenLoss(compute, (LossFacts("mean-square-of-outputs", "outputs", reason),))


def _as_float(value: Any) -> Any:
    """In float32 at least: that the made-up loss overflows in float16 is no fault of the model's."""
    value = value.flat_values if isinstance(value, tf.RaggedTensor) else value
    return value if value.dtype in (tf.float32, tf.float64) else tf.cast(value, tf.float32)


def _sum_of(functions: Mapping[str, Pointwise]) -> StepLoss:
    def compute(_inputs: Tensors, labels: Tensors, outputs: Tensors, _training: bool) -> Any:
        terms = [
            tf.cast(tf.reduce_mean(function(_aligned(labels[name], outputs[name]), outputs[name])), tf.float32)
            for name, function in functions.items()
        ]
        return terms[0] if len(terms) == 1 else tf.add_n(terms)

    return compute


def _aligned(label: Any, output: Any) -> Any:
    """The label with a last axis of 1 where the output has one, so that they do not broadcast against each other."""
    if label.shape.rank is not None and label.shape.rank + 1 == output.shape.rank and output.shape[-1] == 1:
        return label[..., tf.newaxis]
    return label


def _given(text: str) -> tuple[Pointwise, str, bool | None]:
    if ":" in text:
        return _imported(text), text.rpartition(":")[2], None
    found = _KERAS_LOSS.match(text)
    try:
        function = keras.losses.get(found.group(1)) if found else None
    except ValueError:
        function = None
    if function is None or found is None:
        raise NandoctorError(
            f"unknown loss {text!r}: give a Keras loss such as mse or binary_crossentropy(from_logits=True), "
            "or module:function",
            USAGE,
        )
    name = getattr(function, "__name__", found.group(1))
    takes_logits = "crossentropy" in name
    from_logits = found.group(2) == "True" if takes_logits else None
    if found.group(2) and not takes_logits:
        raise NandoctorError(f"loss {name} has no from_logits", USAGE)
    return _keras_loss(name, from_logits), name, from_logits


def _keras_loss(name: str, from_logits: bool | None) -> Pointwise:
    function = keras.losses.get(name)
    if from_logits is None:
        plain: Pointwise = function
        return plain
    return lambda y_true, y_pred: function(y_true, y_pred, from_logits=from_logits)


def _imported(text: str) -> Pointwise:
    module_name, _, function_name = text.rpartition(":")
    try:
        if module_name.endswith(".py"):
            spec = importlib.util.spec_from_file_location(Path(module_name).stem, module_name)
            if spec is None or spec.loader is None:
                raise ImportError(module_name)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        else:
            if "" not in sys.path:
                sys.path.insert(0, "")
            module = importlib.import_module(module_name)
        function: Pointwise = getattr(module, function_name)
    except (ImportError, OSError, AttributeError, SyntaxError) as error:
        raise NandoctorError(f"cannot load the loss {text}: {error}", USAGE) from error
    return function


def _inferred(head: HeadFacts, labels: Array) -> tuple[Pointwise, LossFacts]:
    name, from_logits, why = _suitable(head, labels)
    logits = " (from logits)" if from_logits else ""
    reason = f"no loss given: inferred {name}{logits} for output {head.output}, because {why}"
    return _keras_loss(name, from_logits), LossFacts(name, "inferred", reason, from_logits, head.output, head.output)


def _suitable(head: HeadFacts, labels: Array) -> tuple[str, bool | None, str]:
    """The name of the loss, its from_logits, and the reason in words."""
    values = labels[np.isfinite(labels)] if labels.dtype.kind == "f" else labels
    whole = (
        bool(np.all(values == np.floor(values)))
        if values.size and values.dtype.kind in "iuf"
        else labels.dtype.kind == "b"
    )
    units = head.units or 1
    rank = len(head.shape)
    probabilities = head.activation in ("softmax", "sigmoid")
    kind = f"the head is {head.activation} with {units} unit{'s' if units > 1 else ''}"
    per_class = labels.ndim == rank and labels.shape[-1] == units
    if units > 1 and whole and (labels.ndim == rank - 1 or (labels.ndim == rank and labels.shape[-1] == 1)):
        return "sparse_categorical_crossentropy", not probabilities, f"{kind} and the labels are whole numbers"
    binary = bool(np.all((values == 0) | (values == 1)))
    if per_class and units > 1 and binary and head.activation != "sigmoid" and np.all(labels.sum(axis=-1) == 1):
        return "categorical_crossentropy", not probabilities, f"{kind} and the labels are one-hot"
    if binary and head.activation in ("softmax", "sigmoid", "linear") and (per_class or units == 1):
        return "binary_crossentropy", not probabilities, f"{kind} and the labels are 0 and 1"
    if per_class or (units == 1 and labels.ndim in (rank - 1, rank)):
        return "mean_squared_error", None, f"{kind} and the labels are numbers"
    raise NandoctorError(
        f"no loss fits output {head.output} of shape {list(head.shape)} and labels of shape {list(labels.shape)}: "
        "name one with --loss",
        USAGE,
    )
