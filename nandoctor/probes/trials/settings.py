"""One change of a training that is made from outside, through hooks in Keras, where the source does not show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from nandoctor.probes.watch.imports import when_imported
from nandoctor.probes.watch.patching import Undo, owner_of, wrapped

_HALF = "float16"
Use = Callable[[], None]


@dataclass(frozen=True)
class Setting:
    """What is changed: `kind` is a key of `KINDS`, `layer` the name of the only layer that it is changed of."""

    kind: str
    layer: str | None = None
    value: str | float | None = None


@dataclass
class Applied:
    """A setting that is changed from now on: `used` says whether anything of the script was changed by it yet."""

    used: bool = False
    _over: bool = False
    _undo: list[Undo] = field(default_factory=list)

    def use(self) -> None:
        """Something was changed."""
        self.used = True

    def take_back(self) -> None:
        """Take the change away."""
        self._over = True
        for one in reversed(self._undo):
            one()


def apply_setting(setting: Setting) -> Applied:
    """Make the change as soon as the script has imported Keras 3."""
    applied = Applied()

    def imported(name: str, module: ModuleType) -> None:
        if name == "keras" and not applied._over:
            applied._undo.extend(KINDS[setting.kind](module, setting, applied.use))

    when_imported(imported)
    return applied


def _learning_rate(keras: Any, setting: Setting, use: Use) -> list[Undo]:
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
            use()
            plain(self, learning_rate, *args, **kwargs)

        return run

    return [wrapped(owner_of(keras.optimizers.Optimizer, "__init__"), "__init__", built)]


def _clip(keras: Any, _setting: Setting, use: Use) -> list[Undo]:
    """The global norm of the gradients clipped at 1, where an optimizer does not clip yet."""

    def built(plain: Any) -> Any:
        def run(self: Any, *args: Any, **kwargs: Any) -> None:
            plain(self, *args, **kwargs)
            if self.clipnorm is None and self.clipvalue is None and self.global_clipnorm is None:
                self.global_clipnorm = 1.0
                use()

        return run

    return [wrapped(owner_of(keras.optimizers.Optimizer, "__init__"), "__init__", built)]


def _epsilon(keras: Any, setting: Setting, use: Use) -> list[Undo]:
    """What an optimizer adds to its divisor."""

    def apply(plain: Any) -> Any:
        def run(self: Any, *args: Any, **kwargs: Any) -> Any:
            if hasattr(self, "epsilon"):
                self.epsilon = setting.value
                use()
            return plain(self, *args, **kwargs)

        return run

    return [wrapped(owner_of(keras.optimizers.Optimizer, "apply"), "apply", apply)]


def _policy(keras: Any, setting: Setting, use: Use) -> list[Undo]:
    """The dtype policy of the layers that would compute in float16, or of the one layer that is named."""

    def built(plain: Any) -> Any:
        def run(self: Any, *args: Any, **kwargs: Any) -> None:
            wanted = kwargs.get("dtype") or keras.config.dtype_policy()
            half = _HALF in str(getattr(wanted, "name", wanted))
            if half if setting.layer is None else kwargs.get("name") == setting.layer:
                kwargs["dtype"] = setting.value
                use()
            plain(self, *args, **kwargs)

        return run

    return [wrapped(owner_of(keras.layers.Layer, "__init__"), "__init__", built)]


def _activation(keras: Any, setting: Setting, use: Use) -> list[Undo]:
    """The activation of the layer that is named."""

    def called(plain: Any) -> Any:
        def run(self: Any, *args: Any, **kwargs: Any) -> Any:
            if self.name == setting.layer:
                part = getattr(self, "cell", self)
                part.activation = keras.activations.get(setting.value)
                use()
            return plain(self, *args, **kwargs)

        return run

    return [wrapped(owner_of(keras.layers.Layer, "__call__"), "__call__", called)]


def _initializer(keras: Any, setting: Setting, use: Use) -> list[Undo]:
    """The initializer of all kernels."""

    def add_weight(plain: Any) -> Any:
        def run(self: Any, shape: Any = None, initializer: Any = None, *args: Any, **kwargs: Any) -> Any:
            if kwargs.get("name") == "kernel":
                initializer = setting.value
                use()
            return plain(self, shape, initializer, *args, **kwargs)

        return run

    return [wrapped(owner_of(keras.layers.Layer, "add_weight"), "add_weight", add_weight)]


def _standardize(keras: Any, setting: Setting, use: Use) -> list[Undo]:
    """The inputs or the labels that `fit` is given as an array, column by column."""

    def fit(plain: Any) -> Any:
        def run(self: Any, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
            array = y if setting.value == "label" else x
            if hasattr(array, "std") and hasattr(array, "mean"):
                use()
                array = (array - array.mean(axis=0)) / (array.std(axis=0) + 1e-7)
            x, y = (x, array) if setting.value == "label" else (array, y)
            return plain(self, x, y, *args, **kwargs)

        return run

    return [wrapped(owner_of(keras.Model, "fit"), "fit", fit)]


KINDS: dict[str, Callable[[Any, Setting, Use], list[Undo]]] = {
    "learning-rate": _learning_rate,
    "clip": _clip,
    "epsilon": _epsilon,
    "policy": _policy,
    "dtype": _policy,
    "activation": _activation,
    "initializer": _initializer,
    "standardize": _standardize,
}
