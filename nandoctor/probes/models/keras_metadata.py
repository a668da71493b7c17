"""What tf-keras writes beside a SavedModel about the model's own names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class LegacyModel:
    """The name of a tf-keras model and of its output layers in the model's order (empty if not told, or a dict)."""

    name: str | None
    outputs: tuple[str, ...]


def legacy_model(path: Path) -> LegacyModel:
    """The names in `keras_metadata.pb` of a tf-keras SavedModel; nothing where the file is missing or is another.

    The first JSON object in the file describes the model itself. Its message type has no public reader.
    """
    try:
        text = (path / "keras_metadata.pb").read_bytes().decode("utf-8", errors="replace")
        metadata: Any = json.JSONDecoder().raw_decode(text, text.index("{"))[0]
    except (OSError, ValueError):
        return LegacyModel(None, ())
    config = metadata.get("config") or {}
    layers = config.get("output_layers") or []
    if isinstance(layers, dict):
        layers = []
    if layers and isinstance(layers[0], str):
        layers = [layers]
    names = [layer[0] for layer in layers]
    return LegacyModel(metadata.get("name"), tuple(str(name) for name in names))
