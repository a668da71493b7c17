"""A SavedModel folder to a Subject, whoever wrote it: Keras 3, tf-keras, a plain tf.Module, TensorFlow 1."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nandoctor.errors import UNEXAMINABLE, USAGE, NandoctorError
from nandoctor.probes.models.custom_code import first_line
from nandoctor.probes.models.endpoint import (
    Endpoint,
    callable_endpoint,
    has_ragged_input,
    inference_function,
    signature_endpoint,
    training_function,
)
from nandoctor.probes.models.gradient_support import why_no_gradients
from nandoctor.probes.models.keras_metadata import LegacyModel, legacy_model
from nandoctor.probes.models.restored_variables import reference_variables, restored_variables
from nandoctor.probes.models.subject import Subject
from nandoctor.wording import listing

SERVING = ("serving_default", "serve")
SERVE_TAG = "serve"
NUMBERED = re.compile(r"output_\d+")


def load_saved_model(path: Path, signature: str | None) -> Subject:
    """The serving function of a SavedModel, or the signature that is asked for.

    Raises NandoctorError: exit code 2 for a signature that is not there or cannot be chosen, 3 for a folder that
    TensorFlow cannot read.
    """
    loaded = _loaded(path)
    name = _chosen(loaded.signatures, path, signature)
    legacy = legacy_model(path) if hasattr(loaded, "keras_api") else None
    infer, train = _endpoints(loaded, name, legacy, path)
    variables = restored_variables(loaded, infer.function)
    references = reference_variables(infer.function, path)
    debug_info = path / "debug" / "saved_model_debug_info.pb"
    return Subject(
        kind="saved_model",
        path=str(path),
        format=_format(loaded),
        signature=name,
        inputs=infer.inputs,
        outputs=infer.outputs,
        infer=infer.call,
        train=train.call if train is not None else None,
        compiled_loss=None,
        variables=(*variables, *references),
        root=legacy.name if legacy is not None else None,
        no_gradients=why_no_gradients(infer.function),
        debug_info=str(debug_info) if debug_info.is_file() else None,
        notices=_notices(loaded.signatures, name, [variable.name for variable in references]),
    )


def _loaded(path: Path) -> Any:
    import tensorflow as tf

    tags = _tags(path)
    try:
        return tf.saved_model.load(str(path), tags=tags)
    except Exception as error:  # TensorFlow raises IndexError, OpError, FileNotFoundError, ... for a damaged folder
        raise NandoctorError(_reason(path, error), UNEXAMINABLE) from error


def _reason(path: Path, error: Exception) -> str:
    index = path / "variables" / "variables.index"
    text = first_line(error)
    if "not registered" in text or "unregistered" in text:
        return f"{path} uses an operation that this TensorFlow does not have: {text}"
    if not index.is_file():
        return f"{path} is incomplete: {index.relative_to(path)} is missing"
    if "variables" in text or isinstance(error, IndexError) or "sstable" in text or "Data loss" in text:
        return f"{path} is damaged: its variables are missing or truncated ({text})"
    return f"{path} cannot be loaded: {text}"


def _tags(path: Path) -> list[str] | None:
    """The tags of the graph to load: the one for serving, or the only one. None where the file is not a plain .pb."""
    from tensorflow.core.protobuf import saved_model_pb2

    file = path / "saved_model.pb"
    if not file.is_file():
        return None
    try:
        graphs = saved_model_pb2.SavedModel.FromString(file.read_bytes()).meta_graphs
    except Exception as error:  # DecodeError of protobuf, whose package has no types
        raise NandoctorError(f"{path} is damaged: saved_model.pb is truncated or is something else") from error
    tags = [list(graph.meta_info_def.tags) for graph in graphs]
    if not tags:
        raise NandoctorError(f"{path} is damaged: saved_model.pb is empty or truncated")
    for wanted in sorted(tags, key=len):
        if SERVE_TAG in wanted:
            return wanted
    if len(tags) == 1:
        return tags[0]
    raise NandoctorError(f"{path} has several graphs, none tagged '{SERVE_TAG}': {tags}")


def _chosen(signatures: Mapping[str, Any], path: Path, wanted: str | None) -> str | None:
    """The name of the signature to use, None if the model has none."""
    names = sorted(signatures)
    if wanted is not None:
        if wanted not in names:
            there = f"it has {listing(names)}" if names else "it has none"
            raise NandoctorError(f"{path} has no signature {wanted}; {there}", USAGE)
        return wanted
    for name in SERVING:
        if name in names:
            return name
    if len(names) > 1:
        raise NandoctorError(f"{path} has several signatures, choose one with --signature: {listing(names)}", USAGE)
    return names[0] if names else None


def _endpoints(
    loaded: Any, name: str | None, legacy: LegacyModel | None, path: Path
) -> tuple[Endpoint, Endpoint | None]:
    """The inference function, and the training one where the model holds it.

    The signature is preferred, since it names the outputs. A function is called directly where there is no
    signature, where an input is ragged (a signature splits it into values and row splits), and in a tf-keras
    model, whose function also has the training behaviour.
    """
    function = _function(loaded)
    signature = loaded.signatures[name] if name is not None else None
    names = signature.structured_input_signature[1] if signature is not None else ()
    concrete = inference_function(function, names) if function is not None else None
    if signature is not None and (concrete is None or name not in SERVING):
        return signature_endpoint(signature), None
    if concrete is None:
        raise NandoctorError(
            f"{path} has no signature and no function with known inputs; save it with "
            "tf.saved_model.save(model, folder, signatures=...)"
        )
    training = training_function(function, concrete) if legacy is not None else None
    ragged = has_ragged_input(concrete)
    if signature is not None and training is None and not ragged:
        return signature_endpoint(signature), None
    known = tuple(sorted(signature.structured_outputs)) if signature is not None else ()
    outputs = known if len(known) == 1 else (legacy.outputs if legacy is not None else ()) or _numbered(known)
    infer = callable_endpoint(function, concrete, outputs)
    if signature is not None and not ragged and set(infer.outputs) != set(known):
        return signature_endpoint(signature), None
    return infer, callable_endpoint(function, training, outputs) if training is not None else None


def _numbered(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names such as `output_1`, `output_2` in the order of their numbers; nothing where one has no number."""
    numbers = {name: int(name.removeprefix("output_")) for name in names if NUMBERED.fullmatch(name)}
    return tuple(sorted(numbers, key=numbers.__getitem__)) if len(numbers) == len(names) else ()


def _function(loaded: Any) -> Any:
    """The restored `__call__` of a module or tf-keras model, or `serve` of a Keras export; None without one."""
    for name in ("__call__", "serve"):
        function = getattr(loaded, name, None)
        if getattr(function, "concrete_functions", None):
            return function
    return None


def _format(loaded: Any) -> str:
    if hasattr(loaded, "prune"):
        return "SavedModel (TensorFlow 1)"
    if hasattr(loaded, "keras_api"):
        return "SavedModel (tf-keras)"
    if hasattr(loaded, "serve") and hasattr(loaded, "trainable_variables"):
        return "SavedModel (Keras export)"
    if hasattr(loaded, "_default_save_signature"):
        return "SavedModel (Keras, tf.saved_model.save)"
    return "SavedModel (tf.Module)"


def _notices(signatures: Mapping[str, Any], name: str | None, references: list[str]) -> tuple[str, ...]:
    notices = []
    others = [other for other in sorted(signatures) if other != name and not _alias(signatures, name, other)]
    if others:
        notices.append(f"examined the signature {name}; the others are {listing(others)} (choose with --signature)")
    if references:
        notices.append(
            f"TensorFlow 1 reference variables ({listing(references)}) were read from the checkpoint; no gradient "
            "can be taken with respect to them"
        )
    return tuple(notices)


def _alias(signatures: Mapping[str, Any], name: str | None, other: str) -> bool:
    """Whether `other` is the same function under the second name that Keras' export always gives it."""
    if name not in SERVING or other not in SERVING:
        return False
    one, two = signatures[name], signatures[other]
    return (
        one.structured_input_signature == two.structured_input_signature
        and one.structured_outputs == two.structured_outputs
    )
