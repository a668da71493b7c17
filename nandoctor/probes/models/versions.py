"""Which programs made the observations."""

from __future__ import annotations

import platform

import keras
import tensorflow as tf

import nandoctor
from nandoctor.finding import Tool


def tool() -> Tool:
    """nandoctor with the versions of TensorFlow, Keras and Python that run now."""
    return Tool("nandoctor", nandoctor.__version__, tf.__version__, keras.__version__, platform.python_version())
