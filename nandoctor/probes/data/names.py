"""What the names of arrays and columns say: which belong together, which are features and which are labels."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Literal

INPUT_NAMES = ("x", "features", "feature", "inputs", "input", "data", "images", "image", "arr_0")
LABEL_NAMES = ("y", "labels", "label", "targets", "target", "classes", "class")
POSITIONAL_NAMES = ("arr_0", "arr_1")

Part = Literal["train", "held-out"]

_TRAIN = "train|training"
_HELD_OUT = "test|testing|val|valid|validation|dev"
_ANY = f"{_TRAIN}|{_HELD_OUT}"
_PART_OF_DATA = re.compile(rf"(?:(?P<a>{_ANY})_(?P<x>.+)|(?P<y>.+)_(?P<b>{_ANY})|(?P<z>[xy])(?P<c>{_ANY}))")


def plain(name: str) -> str:
    """The name in lower case, with `_` for `-`, without a tensor's `:0`."""
    return name.strip().removesuffix(":0").lower().replace("-", "_")


def same_name(wanted: str, names: Iterable[str]) -> str | None:
    """The one of `names` that means `wanted`: the same, the same but for spelling, or but for a leading path."""
    candidates = list(names)
    if wanted in candidates:
        return wanted
    for form in (plain, lambda name: plain(name).rpartition("/")[2]):
        found = [name for name in candidates if form(name) == form(wanted)]
        if len(found) == 1:
            return found[0]
    return None


def part_of_data(name: str) -> tuple[str, Part | None]:
    """The name without its train or test, and which of the two it had: `X_train` is ("x", "train")."""
    match = _PART_OF_DATA.fullmatch(plain(name))
    if match is None:
        return plain(name), None
    found = match.groupdict()
    part = found["a"] or found["b"] or found["c"]
    base = found["x"] or found["y"] or found["z"]
    return base, "train" if part in _TRAIN.split("|") else "held-out"


def conventional(names: Iterable[str], words: Collection[str]) -> str | None:
    """The first of `names`, in the order of `words`, that is one of the words; train and test are ignored."""
    by_base: dict[str, str] = {}
    for name in names:
        by_base.setdefault(part_of_data(name)[0], name)
    return next((by_base[word] for word in words if word in by_base), None)


def label_names(output: str) -> tuple[str, ...]:
    """What the labels of one of several outputs are called: its own name, `y_<output>`, `<output>_labels` ..."""
    own = plain(output).rpartition("/")[2]
    return (own, *(f"{word}_{own}" for word in LABEL_NAMES), *(f"{own}_{word}" for word in LABEL_NAMES))
