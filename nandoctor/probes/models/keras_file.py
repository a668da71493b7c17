"""A `.keras` file to a Subject."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.models.custom_code import explain_failure, imported_classes, refuse_lambdas
from nandoctor.probes.models.keras_model import keras_on_tensorflow, subject_of_keras
from nandoctor.probes.models.linked import linked
from nandoctor.probes.models.subject import Subject

LOSS_LOST = "the loss that the model was compiled with cannot be rebuilt without its code; give it with --loss"


def load_keras_file(path: Path, *, unsafe: bool) -> Subject:
    """The model in a `.keras` file, with its compiled loss; NandoctorError (exit code 3) if it cannot be rebuilt.

    A compiled loss whose code the file does not hold is left out, and a notice says so.
    """
    config = _configuration(path)
    refuse_lambdas(config, path, unsafe=unsafe)
    custom = imported_classes(config, path) if unsafe else {}
    notices: tuple[str, ...] = ()
    with linked(path, ".keras") as link:
        try:
            model = _load(link, custom, compiled=True, unsafe=unsafe)
        except Exception as error:
            try:
                model = _load(link, custom, compiled=False, unsafe=unsafe)
            except Exception:
                raise explain_failure(config, path, error, unsafe=unsafe) from error
            notices = (LOSS_LOST,)
    return subject_of_keras(model, path, ".keras file", notices)


def _load(link: str, custom: dict[str, Any], *, compiled: bool, unsafe: bool) -> Any:
    keras = keras_on_tensorflow()
    return keras.models.load_model(link, custom_objects=custom, compile=compiled, safe_mode=not unsafe)


def _configuration(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise NandoctorError(f"{path} is damaged: its config.json cannot be read", UNEXAMINABLE) from error
