"""Hooks that wait for the script itself to import TensorFlow and Keras."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType

from wrapt import register_post_import_hook

WATCHED = ("tensorflow", "keras", "tf_keras")


def when_imported(act: Callable[[str, ModuleType], None], modules: Sequence[str] = WATCHED) -> Callable[[], None]:
    """Call `act(name, module)` as soon as one of these is imported; at once for what already is.

    `act` is called once for each of them, when the module is whole; it must not raise, since that would end the
    script's own import. Nothing is imported here. Returns what ends the waiting, and lets go of `act`: a hook that
    Python's imports know of cannot be taken away again.
    """
    waiting = [act]
    for name in modules:
        register_post_import_hook(_hook(waiting, name), name)
    return waiting.clear


def _hook(waiting: list[Callable[[str, ModuleType], None]], name: str) -> Callable[[ModuleType], None]:
    def imported(module: ModuleType) -> None:
        for act in list(waiting):
            act(name, module)

    return imported
