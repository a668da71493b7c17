"""The variables of a restored SavedModel, with names that mean something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nandoctor.probes.models.reading_scopes import reading_scopes, with_models_around
from nandoctor.probes.models.subject import NamedVariable
from nandoctor.probes.models.unique_names import unique_names

KERAS_LISTS = {"variables", "trainable_variables", "non_trainable_variables", "_all_variables", "_misc_assets"}
NOT_THE_MODEL = KERAS_LISTS | {"signatures", "optimizer", "keras_api", "_tracked", "_operations"}


def restored_variables(loaded: Any, function: Any) -> tuple[NamedVariable, ...]:
    """The variables that the object lists (Keras, TensorFlow 1) and those that `function` uses.

    A tf.Module's variables are often all called `Variable`: they get the path of the attribute that holds them.
    Keras' own lists are no such attribute; two of its variables with one name are numbered instead. Keras leaves the
    models around a layer out of its variables' names: they are put back from the scopes of the ops that read them.
    """
    listed = getattr(loaded, "variables", None)
    found = list(listed) if isinstance(listed, (list, tuple)) else []
    known = {id(variable) for variable in found}
    found += [variable for variable in function.graph.variables if id(variable) not in known]
    scopes = reading_scopes(function)
    names = [with_models_around(variable.name.removesuffix(":0"), scopes.get(id(variable), ())) for variable in found]
    if any(_meaningless(name, names) for name in names):
        paths = _attribute_paths(loaded)
        names = [
            paths.get(id(variable), name) if _meaningless(name, names) else name
            for variable, name in zip(found, names, strict=True)
        ]
    return tuple(
        NamedVariable(name, variable, bool(variable.trainable))
        for name, variable in zip(unique_names(names), found, strict=True)
    )


def reference_variables(function: Any, path: Path) -> tuple[NamedVariable, ...]:
    """TensorFlow 1 reference variables of `function`: copies of their values in the checkpoint, not trainable.

    TensorFlow 2 makes no variable object for them, and takes no gradient with respect to them.
    """
    import tensorflow as tf

    nodes = [node.name for node in function.graph.as_graph_def().node if node.op in {"Variable", "VariableV2"}]
    if not nodes:
        return ()
    checkpoint = tf.train.load_checkpoint(str(path / "variables" / "variables"))
    return tuple(
        NamedVariable(name, tf.Variable(checkpoint.get_tensor(name), trainable=False, name=name), False)
        for name in nodes
        if checkpoint.has_tensor(name)
    )


def _meaningless(name: str, names: list[str]) -> bool:
    return name.rpartition("/")[2].startswith("Variable") or names.count(name) > 1


def _attribute_paths(loaded: Any) -> dict[int, str]:
    """Path of the attributes that lead to each variable (`encoder/weights/0`), the shortest one."""
    import tensorflow as tf

    paths: dict[int, str] = {}
    seen: set[int] = set()
    waiting: list[tuple[str, Any]] = [("", loaded)]
    while waiting:
        path, value = waiting.pop(0)
        if isinstance(value, tf.Variable):
            paths.setdefault(id(value), path)
        elif id(value) not in seen:
            seen.add(id(value))
            waiting += [(f"{path}/{name}" if path else name, child) for name, child in _children(value)]
    return paths


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), child) for key, child in value.items())
    elif isinstance(value, (list, tuple)):
        yield from ((str(index), child) for index, child in enumerate(value))
    elif type(value).__name__ in {"_UserObject", "AutoTrackable"}:
        for name, child in vars(value).items():
            if not name.startswith("_self_") and name not in NOT_THE_MODEL:
                yield name, child
