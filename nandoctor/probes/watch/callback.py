"""What a callback that watches `fit` needs of either Keras."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from inspect import signature
from types import ModuleType
from typing import Any

from nandoctor.probes.watch.patching import owner_of, wrapped, wrapped_within
from nandoctor.probes.watch.start import is_watched

Around = Callable[[Any], AbstractContextManager[Any] | None]

_asking: set[type] = set()


def callback_kinds() -> tuple[type, ...]:
    """The callbacks of the Keras that TensorFlow uses and of those that are loaded, of which one class can be made.

    What Keras 3 says of a callback's model comes first: it cannot be written to, as tf-keras would.
    """
    return tuple(dict.fromkeys(keras.callbacks.Callback for keras in _kerases()))


def ask_in_fit(around: Around) -> None:
    """From now on run each `fit` inside of what `around(callback)` gives for one of its callbacks, None for none.

    A callback is told neither of the arguments of `fit` nor of what it raises. Where a run is being watched already,
    `around` is not asked.
    """
    for keras in _kerases():
        owner = owner_of(keras.Model, "fit")
        if owner in _asking:
            continue
        _asking.add(owner)
        # In `model.fit(callbacks=[Watch()])` the method is looked up before the callback is made.
        if not wrapped_within(vars(owner)["fit"], _asked(owner, around)):
            wrapped(owner, "fit", _asked(owner, around))


def _asked(owner: type, around: Around) -> Callable[[Any], Any]:
    def fit(plain: Any) -> Any:
        def run(self: Any, *args: Any, **kwargs: Any) -> Any:
            block = None if is_watched() else _first(around, _callbacks(plain, self, args, kwargs))
            if block is None:
                return plain(self, *args, **kwargs)
            with block:
                # By now the hooks are there, and fit is to be called through them.
                return vars(owner)["fit"](self, *args, **kwargs)
            return self.history

        return run

    return fit


def _first(around: Around, callbacks: Any) -> AbstractContextManager[Any] | None:
    listed = getattr(callbacks, "callbacks", callbacks)
    listed = listed if isinstance(listed, (list, tuple)) else [listed]
    return next((block for block in map(around, listed) if block is not None), None)


def _callbacks(fit: Any, model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `fit` is given as callbacks; None where the call is wrong, which `fit` will say itself."""
    try:
        return signature(fit).bind(model, *args, **kwargs).arguments.get("callbacks")
    except TypeError:
        return None


def _kerases() -> list[ModuleType]:
    import tensorflow as tf

    return [*(sys.modules[name] for name in ("keras", "tf_keras") if name in sys.modules), tf.keras]
