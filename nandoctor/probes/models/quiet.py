"""Keeps the libraries' own messages off the user's terminal while a model is loaded."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing that Python, TensorFlow or its C++ code writes to standard error is shown inside.

    TensorFlow writes to file descriptor 2 directly (among others before its log level is read), hence the
    descriptor is redirected, and restored whatever happens.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with tempfile.TemporaryFile() as sink, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            os.dup2(sink.fileno(), 2)
            yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
