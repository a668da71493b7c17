"""nandoctor: names the first operation that turned a TensorFlow model's numbers non-finite, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nandoctor.api import TrainingError, Watch, check_data, scan, watch

__version__ = "0.1.0"
__all__ = ["TrainingError", "Watch", "check_data", "scan", "watch"]


def __getattr__(name: str) -> Any:
    # `import nandoctor` is to load nothing else: a training script does it before it imports TensorFlow.
    if name not in __all__:
        raise AttributeError(f"module 'nandoctor' has no attribute '{name}'")
    from nandoctor import api

    return api.callback() if name == "Watch" else getattr(api, name)


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext nandoctor` calls: it gives the cell magic `%%nandoctor`."""
    from nandoctor.notebook import install

    install(shell)
