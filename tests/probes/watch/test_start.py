from __future__ import annotations

import types

from nandoctor.probes.watch.start import Watching
from nandoctor.probes.watch.wanted import Wanted


def test_keras_on_another_backend_is_not_watched_and_that_is_told() -> None:
    keras = types.ModuleType("keras")
    keras.backend = types.SimpleNamespace(backend=lambda: "jax")  # type: ignore[attr-defined]
    watching = Watching("train.py", Wanted())

    watching._imported("keras", keras)
    watching.end()

    assert watching.told() == "nothing was watched: Keras runs on jax here, and only TensorFlow is watched"
    assert watching.facts().run is not None
