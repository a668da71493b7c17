"""One change of a training that is made from outside, through hooks in Keras, where the source does not show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from nandoctor.probes.watch.imports import when_imported
from nandoctor.probes.watch.patching import Undo, owner_of, wrapped

_HALF = "float16"


@dataclass(frozen=True)
class Setting:
    """What is changed: `kind` is a key of `KINDS`, `layer` the name of the only layer that it is changed of."""

    kind: str
    layer: str | None = None
    value: str | float | None = None


def apply_setting(setting: Setting) -> Undo:
    """Make the change as soon as the script has imported Keras 3; returns what takes it back."""
    undo: list[Undo] = []
    over = False

    def imported(name: str, module: ModuleType) -> None:
        if name == "keras" and not over:
            undo.extend(KINDS[setting.kind](module, setting))

    def take_back() -> None:
        nonlocal over
        over = True
        for one in reversed(undo):
            one()

    when_imported(imported)
    return take_back


def _learning_rate(keras: Any, setting: Setting) -> list[Undo]:
    """The rate that an optimizer is built with, or that its schedule gives, multiplied."""
    factor = float(setting.value or 1.0)

    class Multiplied(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __init__(self, schedule: Any) -> None:
            self.schedule = schedule

        def __call__(self, step: Any) -> Any:
            return factor * self.schedule(step)

        def get_config(self) -> dict[str, Any]:
            return {"schedule": self.schedule}

    def built(plain: Any) -> Any:
        def run(self: Any, learning_rate: Any, *args: Any, **kwargs: Any) -> None:
            if isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule):
                learning_rate = Multiplied(learning_rate)
            elif isinstance(learning_rate, int | float):
                learning_rate = factor * learning_rate
            plain(self, learning_rate, *args, **kwargs)

        return run

    return [wrapped(owner_of(keras.optimizers.Optimizer, "__init__"), "__init__", built)]


def _clip(keras: Any, _setting: Setting) -> list[Undo]:
    """The global norm of the gradients clipped at 1, where an optimizer does not clip yet."""

    def built(plain: Any) -> Any:
        def run(self: Any, *args: Any, **kwargs: Any) -> None:
            plain(self, *args, **kwargs)
            if self.clipnorm is None and self.clipvalue is None and self.global_clipnorm is None:
                self.global_clipnorm = 1.0

        return run

    return [wrapped(owner_of(keras.optimizers.Optimizer, "__init__"), "__init__", built)]


def _epsilon(keras: Any, setting: Setting) -> list[Undo]:
    """What an optimizer adds to its divisor."""

    def apply(plain: Any) -> Any:
        def run(self: Any, *args: Any, **kwargs: Any) -> Any:
            if hasattr(self, "epsilon"):
                self.epsilon = setting.value
            return plain(self, *args, **kwargs)

        return run

    return [wrapped(owner_of(keras.optimizers.Optimizer, "apply"), "apply", apply)]


def _policy(keras: Any, setting: Setting) -> list[Undo]:
    """The dtype policy of the layers that would compute in float16, or of the one layer that is named."""

    def built(plain: Any) -> Any:
        def run(self: Any, *args: Any, **kwargs: Any) -> None:
            wanted = kwargs.get("dtype") or keras.config.dtype_policy()
            half = _HALF in str(getattr(wanted, "name", wanted))
            if half if setting.layer is None else kwargs.get("name") == setting.layer:
                kwargs["dtype"] = setting.value
            plain(self, *args, **kwargs)

        return run

    return [wrapped(owner_of(keras.layers.Layer, "__init__"), "__init__", built)]


def _activation(keras: Any, setting: Setting) -> list[Undo]:
    """The activation of the layer that is named."""

    def called(plain: Any) -> Any:
        def run(self: Any, *args: Any, **kwargs: Any) -> Any:
            if self.name == setting.layer:
                part = getattr(self, "cell", self)
                part.activation = keras.activations.get(setting.value)
            return plain(self, *args, **kwargs)

        return run

    return [wrapped(owner_of(keras.layers.Layer, "__call__"), "__call__", called)]


def _initializer(keras: Any, setting: Setting) -> list[Undo]:
    """The initializer of all kernels."""

    def add_weight(plain: Any) -> Any:
        def run(self: Any, shape: Any = None, initializer: Any = None, *args: Any, **kwargs: Any) -> Any:
            if kwargs.get("name") == "kernel":
                initializer = setting.value
            return plain(self, shape, initializer, *args, **kwargs)

        return run

    return [wrapped(owner_of(keras.layers.Layer, "add_weight"), "add_weight", add_weight)]


def _standardize(keras: Any, setting: Setting) -> list[Undo]:
    """The inputs or the labels that `fit` is given as an array, column by column."""

    def fit(plain: Any) -> Any:
        def run(self: Any, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
            x, y = (x, _columns(y)) if setting.value == "label" else (_columns(x), y)
            return plain(self, x, y, *args, **kwargs)

        return run

    return [wrapped(owner_of(keras.Model, "fit"), "fit", fit)]


def _columns(array: Any) -> Any:
    if not (hasattr(array, "std") and hasattr(array, "mean")):
        return array
    return (array - array.mean(axis=0)) / (array.std(axis=0) + 1e-7)


KINDS: dict[str, Callable[[Any, Setting], list[Undo]]] = {
    "learning-rate": _learning_rate,
    "clip": _clip,
    "epsilon": _epsilon,
    "policy": _policy,
    "dtype": _policy,
    "activation": _activation,
    "initializer": _initializer,
    "standardize": _standardize,
}
