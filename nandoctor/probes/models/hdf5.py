"""A whole-model HDF5 file (`.h5`, `.hdf5`) to a Subject: by Keras 3, or by tf-keras where only that can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.models.custom_code import explain_failure, refuse_lambdas
from nandoctor.probes.models.keras_file import LOSS_LOST
from nandoctor.probes.models.keras_model import keras_on_tensorflow, subject_of_keras
from nandoctor.probes.models.linked import linked
from nandoctor.probes.models.subject import Subject

LEGACY_HINT = "it may need the older Keras: pip install 'nandoctor[legacy]'"


def load_hdf5(path: Path, *, unsafe: bool) -> Subject:
    """The model in an HDF5 file; NandoctorError (exit code 3) if it is damaged, or holds weights only.

    Keras 3 is asked first, tf-keras second, and Keras 3 without the compiled loss last.
    """
    config = _configuration(path)
    refuse_lambdas(config, path, unsafe=unsafe)
    with linked(path, ".h5") as link:
        try:
            return subject_of_keras(_load(link, compiled=True, unsafe=unsafe), path, "HDF5 file (Keras 3)")
        except Exception as error:
            failure = error
        legacy = _load_legacy(link)
        if legacy is not None:
            from nandoctor.probes.models.tf_keras_model import subject_of_tf_keras

            return subject_of_tf_keras(legacy, path, "HDF5 file (tf-keras)")
        try:
            model = _load(link, compiled=False, unsafe=unsafe)
        except Exception:
            raise _explain(config, path, failure, unsafe=unsafe) from failure
        return subject_of_keras(model, path, "HDF5 file (Keras 3)", (LOSS_LOST,))


def _load(link: str, *, compiled: bool, unsafe: bool) -> Any:
    keras = keras_on_tensorflow()
    return keras.models.load_model(link, compile=compiled, safe_mode=not unsafe)


def _load_legacy(link: str) -> Any:
    """The model as tf-keras reads it, with its loss if it can; None if tf-keras is missing or cannot read it."""
    try:
        import tf_keras
    except ImportError:
        return None
    for compiled in (True, False):
        try:
            return tf_keras.models.load_model(link, compile=compiled)
        except Exception:  # the reason to show is Keras 3's; this one is the second opinion
            continue
    return None


def _explain(config: Any, path: Path, failure: Exception, *, unsafe: bool) -> NandoctorError:
    explained = explain_failure(config, path, failure, unsafe=unsafe)
    try:
        import tf_keras  # noqa: F401
    except ImportError:
        return NandoctorError(f"{explained.message}; {LEGACY_HINT}", UNEXAMINABLE)
    return explained


def _configuration(path: Path) -> Any:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            text = file.attrs.get("model_config")
            names = list(file)
    except (OSError, RuntimeError, KeyError) as error:
        raise NandoctorError(f"{path} is a truncated or damaged HDF5 file", UNEXAMINABLE) from error
    if text is None:
        what = "holds weights only" if names else "holds nothing"
        raise NandoctorError(f"{path} {what}; save the whole model with model.save(...)", UNEXAMINABLE)
    try:
        return json.loads(text)
    except ValueError as error:
        raise NandoctorError(f"{path} is damaged: its model_config cannot be read", UNEXAMINABLE) from error
