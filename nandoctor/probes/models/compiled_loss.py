"""What a model was compiled with: the names of its losses, and whether they take logits."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Resolve = Callable[[Any], Any]


def names_by_output(loss: Any, outputs: tuple[str, ...], resolve: Resolve) -> dict[str, str]:
    """Snake-case name of the loss of each output that has one; several on one output are joined by ` + `.

    `loss` is what `compile` was given, `resolve` Keras' `losses.get`.
    """
    names: dict[str, str] = {}
    for output, one in _by_output(loss, outputs):
        name = _name(_resolved(one, resolve))
        names[output] = f"{names[output]} + {name}" if output in names else name
    return names


def from_logits_by_output(loss: Any, outputs: tuple[str, ...], resolve: Resolve) -> dict[str, bool | None]:
    """Whether the loss of each output takes logits; None for a loss that has no such option."""
    return {output: _from_logits(_resolved(one, resolve)) for output, one in _by_output(loss, outputs)}


def _by_output(loss: Any, outputs: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """(output, loss) pairs, as Keras pairs them: by key, by position, or one for all."""
    if isinstance(loss, Mapping):
        pairs = [(output, loss.get(output)) for output in outputs]
    elif isinstance(loss, (list, tuple)) and len(loss) == len(outputs):
        pairs = list(zip(outputs, loss, strict=True))
    else:
        pairs = [(output, loss) for output in outputs]
    for output, one in pairs:
        for single in one if isinstance(one, (list, tuple)) else [one]:
            if single is not None:
                yield output, single


def _resolved(loss: Any, resolve: Resolve) -> Any:
    """The loss object or function; a name that Keras only resolves by the shapes stays a name."""
    try:
        return resolve(loss)
    except ValueError:
        return loss


def _name(loss: Any) -> str:
    if isinstance(loss, str):
        return loss
    function = loss if inspect.isfunction(loss) else getattr(loss, "fn", None)
    name = getattr(function, "__name__", None) or type(loss).__name__
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _from_logits(loss: Any) -> bool | None:
    if isinstance(loss, str):
        return None
    if inspect.isfunction(loss):
        option = inspect.signature(loss).parameters.get("from_logits")
        return bool(option.default) if option is not None else None
    value = loss.get_config().get("from_logits") if hasattr(loss, "get_config") else None
    return bool(value) if value is not None else None
