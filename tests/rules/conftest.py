"""Facts made by hand: an origin from the arrays that went in and came out of its op."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nandoctor.facts import GradientFacts, LayerFacts, Operand, Origin, StepFacts
from nandoctor.stats import TensorStats

INF = float("inf")
NAN = float("nan")


def _operand(index: int, values: Any, *, bad: Any, elementwise: bool, dtype: str, op_type: str | None) -> Operand:
    array = np.asarray(values)
    at_fault = None
    if elementwise:
        at_fault = TensorStats.of(np.broadcast_to(array, bad.shape)[bad])
    return Operand(
        index=index,
        dtype=dtype if array.dtype.kind == "f" else str(array.dtype),
        shape=array.shape,
        stats=TensorStats.of(array),
        op="model/before",
        op_type=op_type,
        at_fault=at_fault,
    )


@pytest.fixture
def origin_of() -> Callable[..., Origin]:
    """`origin_of("Log", [0.0, 1.0], result=[-inf, 0.0])`: at_fault is read off the result; more fields by name."""

    def make(
        op_type: str,
        *operands: Any,
        result: Any,
        elementwise: bool = True,
        dtype: str = "float32",
        made_by: str | None = None,
        **fields: Any,
    ) -> Origin:
        output = np.asarray(result, dtype=np.float64)
        bad = ~np.isfinite(output)
        given: dict[str, Any] = {
            "id": 0,
            "kind": "op",
            "phase": "forward",
            "op": "model/here",
            "layer": "here",
            "reaches": ("loss",),
            "rows": (1,),
        }
        if "gradient_of" in fields:
            forward = fields.pop("gradient_of")
            fields = {"phase": "backward", "backward_op": "gradients/here", "backward_op_type": op_type, **fields}
            op_type = forward
        return Origin(
            **{
                **given,
                "op_type": op_type,
                "output": TensorStats.of(output),
                "output_dtype": dtype,
                "output_shape": output.shape,
                "operands": tuple(
                    _operand(index, values, bad=bad, elementwise=elementwise, dtype=dtype, op_type=made_by)
                    for index, values in enumerate(operands)
                ),
                **fields,
            }
        )

    return make


@pytest.fixture
def step_of() -> Callable[..., StepFacts]:
    """`step_of(origin, ...)`: one batch of 8 rows with these origins; more fields by name."""

    def make(*origins: Origin, **fields: Any) -> StepFacts:
        given: dict[str, Any] = {"batches": 1, "rows": 8, "executions": 10, "losses": (1.0,), "layers": ()}
        return StepFacts(origins=origins, **{**given, **fields})

    return make


@pytest.fixture
def gradient_of() -> Callable[..., GradientFacts]:
    """`gradient_of("dense/kernel", norm, weight_norm)`: a gradient whose largest element is its norm."""

    def make(variable: str, norm: float, weight_norm: float = 1.0, **fields: Any) -> GradientFacts:
        given: dict[str, Any] = {
            "layer": variable.rpartition("/")[0],
            "shape": (4, 4),
            "dtype": "float32",
            "stats": TensorStats.of(np.array([norm, 0.0])),
        }
        return GradientFacts(variable=variable, norm=norm, weight_norm=weight_norm, **{**given, **fields})

    return make


@pytest.fixture
def layer_of() -> Callable[..., LayerFacts]:
    """`layer_of("dense", "Relu")`: a layer of 64 rows; more fields by name."""

    def make(layer: str, op_type: str, **fields: Any) -> LayerFacts:
        given: dict[str, Any] = {
            "op": f"model/{layer}/{op_type}",
            "dtype": "float32",
            "activation": TensorStats.of(np.array([0.0, 1.0])),
            "rows": 64,
        }
        return LayerFacts(layer=layer, op_type=op_type, **{**given, **fields})

    return make
