"""Python's and NumPy's random numbers, left as they were by what calls the user's functions once more."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def undisturbed() -> Iterator[None]:
    """What is drawn inside from the generators that Python and NumPy share is not missing afterwards."""
    drawn, numpy_drawn = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(drawn)
        np.random.set_state(numpy_drawn)
