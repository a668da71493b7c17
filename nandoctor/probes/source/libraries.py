"""How a guard is said in the library that the guarded operation is of."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from nandoctor.probes.source.text import Source, UnwritableError

# How each library calls what a guard is made of.
_LIBRARIES: Mapping[str, Mapping[str, str]] = {
    "tensorflow": {"maximum": "maximum", "clip": "clip_by_value", "where": "where", "ones_like": "ones_like",
                   "divide_no_nan": "math.divide_no_nan", "sqrt": "sqrt", "square": "square", "sum": "reduce_sum",
                   "variance": "math.reduce_variance", "softplus": "math.softplus", "log": "math.log"},
    "keras.ops": {"maximum": "maximum", "clip": "clip", "where": "where", "ones_like": "ones_like",
                  "divide_no_nan": "divide_no_nan", "sqrt": "sqrt", "square": "square", "sum": "sum",
                  "variance": "var", "softplus": "softplus", "log": "log"},
    "keras.backend": {"maximum": "maximum", "clip": "clip", "sqrt": "sqrt", "square": "square", "sum": "sum",
                      "variance": "var", "softplus": "softplus", "log": "log"},
    "numpy": {"maximum": "maximum", "clip": "clip", "where": "where", "ones_like": "ones_like", "sqrt": "sqrt",
              "square": "square", "sum": "sum", "variance": "var", "log": "log"},
}  # fmt: skip


def called_name(source: Source, call: ast.Call) -> str | None:
    """The last part of the name of what is called, of a library that the file imports."""
    name = source.full_name(call.func)
    known = name is not None and name.split(".")[0] in ("tensorflow", "keras", "numpy", "math")
    return name.rpartition(".")[2] if known and name is not None else None


def function_near(source: Source, near: ast.expr, function: str) -> str:
    """How to call a function of the library that the expression near it is of."""
    name = source.full_name(near.func) if isinstance(near, ast.Call) else None
    if name is not None and name.startswith("keras.backend."):
        return _spelled(source, "keras.backend", function)
    if name is not None and name.startswith("math.") and function == "maximum":
        return "max"
    if name is not None and name.startswith(("numpy.", "math.")):
        return _spelled(source, "numpy", function)
    if name is not None and name.startswith("keras."):
        return _spelled(source, "keras.ops", function)
    return own_library(source, function)


def own_library(source: Source, function: str) -> str:
    """How to call a function of TensorFlow, or of Keras where the file does not import TensorFlow."""
    library = "tensorflow" if source.imports("tensorflow") else "keras.ops"
    return _spelled(source, library, function)


def _spelled(source: Source, library: str, function: str) -> str:
    if function not in _LIBRARIES[library]:
        raise UnwritableError(f"{library} has no {function}")
    return source.spelled(f"{library}.{_LIBRARIES[library][function]}")
