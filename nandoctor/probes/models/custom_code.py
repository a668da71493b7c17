"""Code that a saved Keras model asks for: found in its configuration before anything of it runs."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nandoctor.errors import UNEXAMINABLE, NandoctorError

KERAS_PACKAGES = {"keras", "tf_keras", "builtins", "tensorflow", "keras_hub", "keras_nlp", "keras_cv"}
UNKNOWN_CODE = re.compile(r"(?:Could not locate (?:class|function)|Unknown (?:layer|\w+ function|object):) '([^']+)'")


def refuse_lambdas(config: Any, path: Path, *, unsafe: bool) -> None:
    """NandoctorError (exit code 3) if the model holds Python code in a Lambda layer and that is not allowed.

    Keras refuses such a layer in a `.keras` file, but old `.h5` readers run its byte code without asking.
    """
    names = [] if unsafe else sorted(set(_lambda_layers(config)))
    if names:
        raise NandoctorError(
            f"{path} has a Lambda layer ({', '.join(names)}) whose Python code would run here; "
            "if you trust the file, allow it with --unsafe",
            UNEXAMINABLE,
        )


def imported_classes(config: Any, path: Path) -> dict[str, Any]:
    """What the modules hold that the custom classes in `config` come from, imported, by registered and plain name.

    Keras itself imports nothing but its own modules. Raises NandoctorError (exit code 3) for a module that
    cannot be imported.
    """
    found: dict[str, Any] = {}
    for module, name, registered in _custom_classes(config):
        try:
            members = vars(importlib.import_module(module))
            found.update({key: value for key, value in members.items() if callable(value)})
            found[registered] = members[name]
        except Exception as error:
            raise NandoctorError(
                f"{path} needs the custom class {name}, which cannot be imported from {module}: "
                "put that module on PYTHONPATH",
                UNEXAMINABLE,
            ) from error
    return found


def explain_failure(config: Any, path: Path, error: Exception, *, unsafe: bool) -> NandoctorError:
    """The one line for a model that Keras could not rebuild from its configuration."""
    missing = UNKNOWN_CODE.search(str(error))
    if missing is None:
        return NandoctorError(f"{path} cannot be loaded: {first_line(error)}", UNEXAMINABLE)
    wanted = missing.group(1)
    modules = {name: module for module, name, _ in _custom_classes(config)}
    if wanted in modules and not unsafe:
        return NandoctorError(
            f"{path} needs the custom class {wanted}, which is code outside the file; if you trust it, allow the "
            f"import of its module {modules[wanted]} with --unsafe",
            UNEXAMINABLE,
        )
    return NandoctorError(
        f"{path} needs custom code that it does not hold and that cannot be imported: {wanted}; "
        "save the model with model.export(folder) and give that folder",
        UNEXAMINABLE,
    )


def first_line(error: BaseException) -> str:
    """What an exception says, on one line of at most 200 characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:197]}..."


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object within a configuration, outermost first."""
    if isinstance(config, dict):
        yield config
        for value in config.values():
            yield from _objects(value)
    elif isinstance(config, list):
        for value in config:
            yield from _objects(value)


def _lambda_layers(config: Any) -> Iterator[str]:
    for entry in _objects(config):
        inner = entry.get("config")
        if entry.get("class_name") != "Lambda" or not isinstance(inner, dict):
            continue
        function = inner.get("function")
        if not (isinstance(function, dict) and function.get("class_name") == "function") and not isinstance(
            function, str
        ):
            yield str(inner.get("name", "Lambda"))


def _custom_classes(config: Any) -> Iterator[tuple[str, str, str]]:
    """(module, class, registered name) of what is not Keras' own and has a module that can be imported."""
    for entry in _objects(config):
        module, name, registered = entry.get("module"), entry.get("class_name"), entry.get("registered_name")
        if not isinstance(module, str) or not isinstance(name, str) or not isinstance(registered, str):
            continue
        if module.split(".")[0] not in KERAS_PACKAGES and module != "__main__":
            yield module, name, registered
