"""A model in memory to a Subject."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nandoctor.errors import UNEXAMINABLE, USAGE, NandoctorError
from nandoctor.probes.models.subject import Subject

if TYPE_CHECKING:
    import keras
    import tf_keras

LiveModel: TypeAlias = "keras.Model | tf_keras.Model"

FORMAT = "Keras model in memory"


def subject_of_model(model: Any) -> Subject:
    """The Subject of a Keras or tf-keras model that has been built.

    NandoctorError with exit code 2 for anything else, and with 3 for a model whose inputs are not known.
    """
    if not getattr(model, "built", True):
        raise NandoctorError(f"{model.name} is not built yet: give it an Input, or call it once", UNEXAMINABLE)
    tf_keras = sys.modules.get("tf_keras")
    if tf_keras is not None and isinstance(model, tf_keras.Model):
        from nandoctor.probes.models.tf_keras_model import subject_of_tf_keras

        return subject_of_tf_keras(model, Path(model.name), FORMAT)
    keras = sys.modules.get("keras")
    if keras is not None and isinstance(model, keras.Model):
        from nandoctor.probes.models.keras_model import keras_on_tensorflow, subject_of_keras

        keras_on_tensorflow()
        return subject_of_keras(model, Path(model.name), FORMAT)
    raise NandoctorError(f"{type(model).__name__} is neither a Keras model nor a path to one", USAGE)


@contextmanager
def same_metrics(model: Any) -> Iterator[None]:
    """Give the metrics of a model in memory, which the loss of tf-keras writes to, what they held before the block."""
    held = [(one, np.array(one.numpy())) for metric in getattr(model, "metrics", ()) for one in metric.variables]
    try:
        yield
    finally:
        for variable, value in held:
            variable.assign(value)
