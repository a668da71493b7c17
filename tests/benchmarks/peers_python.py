"""The environment of the tools that are measured beside nandoctor: theirs differ from TensorFlow's needs."""

from __future__ import annotations

from pathlib import Path


def peers_python() -> Path | None:
    """The Python that has them (`make bench` installs it), None where there is none."""
    python = Path(__file__).parents[2] / ".venv-bench" / "bin" / "python"
    return python if python.exists() else None
