"""nandoctor: names the first operation that turned a TensorFlow model's numbers non-finite, and why."""

from __future__ import annotations

__version__ = "0.1.0"
