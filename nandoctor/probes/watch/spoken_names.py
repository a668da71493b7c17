"""What a user calls the tensors of a step, and the losses that his model was compiled with."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nandoctor.facts import LossFacts
from nandoctor.probes.models.compiled_loss import from_logits_by_output, names_by_output
from nandoctor.probes.models.unique_names import unique_names
from nandoctor.probes.watch.noted import Noted, flat_tensors


def batch_names(noted: Noted) -> dict[int, str]:
    """Names of inputs, labels and predictions, by the identity of their tensors.

    The keys of dicts; else `x` and `x[1]` for inputs as for arrays that are given to fit, and the name of its output
    for a prediction and the label that it is compared with, `sample_weight` for weights.
    """
    outputs = output_names(noted)
    predictions = flat_tensors(noted.predictions)
    labels = list(_named(noted.labels, "y"))
    if not isinstance(noted.labels, Mapping) and len(labels) == len(outputs):
        labels = list(zip(outputs, [tensor for _, tensor in labels], strict=True))
    weights = _named(noted.weights, "sample_weight")
    named = [*_named(noted.inputs, "x"), *labels, *weights, *zip(outputs, predictions, strict=True)]
    return {id(tensor): name for name, tensor in named}


def output_names(noted: Noted) -> tuple[str, ...]:
    """The names of the predictions, in their flat order."""
    count = len(flat_tensors(noted.predictions))
    if isinstance(noted.predictions, Mapping):
        return tuple(name for name, _ in _named(noted.predictions, "output"))
    known = list(getattr(noted.model, "output_names", None) or ())
    if any(kind.__name__ == "Sequential" for kind in type(noted.model).mro()):
        known = [noted.model.layers[-1].name]
    if len(known) == count:
        return tuple(unique_names(known))
    return ("output",) if count == 1 else tuple(f"output[{place}]" for place in range(count))


def losses_of(noted: Noted) -> tuple[LossFacts, ...]:
    """The losses that the model was compiled with; empty for a loop of the user's own."""
    model = noted.model
    loss = getattr(model, "loss", None)
    if loss is None or not getattr(model, "compiled", getattr(model, "_is_compiled", False)):
        return ()
    resolve = _resolve(model)
    outputs = output_names(noted)
    logits = from_logits_by_output(loss, outputs, resolve)
    return tuple(
        LossFacts(name, "compiled", f"the model's own compiled loss ({name})", logits.get(output), output)
        for output, name in names_by_output(loss, outputs, resolve).items()
    )


def _resolve(model: Any) -> Any:
    """What finds a loss by its name, in the Keras that the model is of."""
    for name in ("tf_keras", "keras"):
        module = sys.modules.get(name)
        if module is not None and isinstance(model, module.Model):
            return module.losses.get
    return lambda loss: loss


def _named(values: Any, name: str) -> Iterator[tuple[str, Any]]:
    """(name, tensor) in the flat order of tf.nest."""
    if isinstance(values, Mapping):
        for key in sorted(values):
            yield from _named(values[key], str(key) if name in ("x", "y", "output") else f"{name}/{key}")
    elif isinstance(values, list | tuple):
        for place, one in enumerate(values):
            yield from _named(one, f"{name}[{place}]")
    else:
        tensors: Sequence[Any] = flat_tensors(values)
        yield from ((name, tensor) for tensor in tensors)
