"""Pieces of source, read as `nandoctor lint` reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nandoctor.api import lint
from nandoctor.finding import Finding

IMPORTS = """
import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from tensorflow.keras import backend as K
"""
IN_A_LOSS = "def loss(y_true, y_pred):\n    return "
IN_A_LAYER = "class Layer(layers.Layer):\n    def call(self, x):\n        return "
Look = Callable[[str], list[Finding]]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """The findings on a piece of source below the usual imports."""

    def found(source: str) -> list[Finding]:
        file = tmp_path / "train.py"
        file.write_text(f"{IMPORTS}\n{source}\n")
        return list(lint(file).findings)

    return found


@pytest.fixture
def in_a_loss(look: Look) -> Look:
    """The findings on an expression of y_true and y_pred that a loss returns."""
    return lambda expression: look(f"{IN_A_LOSS}{expression}")


@pytest.fixture
def in_a_layer(look: Look) -> Look:
    """The findings on an expression of x that a layer's call returns."""
    return lambda expression: look(f"{IN_A_LAYER}{expression}")
