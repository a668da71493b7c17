"""Faults planted at a known op of a known layer in known rows: the scan must name exactly these, in every format."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from nandoctor.api import scan
from nandoctor.finding import Finding, Report

pytestmark = pytest.mark.tensorflow

FORMATS = ("export", "tf-save", "keras")
ARCHITECTURES = ("dense", "convolution", "recurrent", "attention")
ROWS = 32
BATCH = 16
PLACES = ((5, 11), (7,), (19,))
Plant = Callable[..., Path]


@dataclass(frozen=True)
class Fault:
    """A fault, and what a report must say of it.

    `formula(keras, a, g)` builds the faulty layer from `a`, the model's activations squeezed into 0.9..1.1, and
    `g`, the gate of each row. The gate is `healthy` in most rows and `sick` in those that are to blame. `inner` is
    the path of the layer at fault within the faulty layer.
    """

    cause: str
    phase: str
    op_type: str
    healthy: float
    sick: float
    formula: Callable[[Any, Any, Any], Any]
    inner: str = ""


def _half(keras: Any, a: Any, g: Any) -> Any:
    dense = keras.layers.Dense(4, kernel_initializer="ones", dtype="float16", name="half")
    return keras.ops.cast(keras.ops.mean(dense(a * g), axis=-1, keepdims=True), "float32")


def _masked(keras: Any, g: Any, a: Any) -> Any:
    return keras.ops.where(g > 5.0, float("-inf"), a)


def _trap(keras: Any, g: Any, taken: Any) -> Any:
    return keras.ops.where(g > 0.5, taken, 0.0)


class Cell(NamedTuple):
    """One cell of the matrix."""

    fault: str
    kind: str
    architecture: str

    @property
    def layer(self) -> str:
        """The path of the layer at fault."""
        return "fault" if self.architecture == "dense" else "encoder/fault"

    @property
    def rows(self) -> tuple[int, ...]:
        """The rows of the data that are to blame: another of `PLACES` from cell to cell."""
        number = ARCHITECTURES.index(self.architecture) + FORMATS.index(self.kind) + len(self.fault)
        return PLACES[number % len(PLACES)]


def cells(faults: Iterable[str], architectures: Iterable[str] = ARCHITECTURES) -> list[Any]:
    """The matrix: each fault in each architecture in each format (the formats last, to build a model only once)."""
    found = itertools.product(faults, architectures, FORMATS)
    return [pytest.param(Cell(fault, kind, arch), id=f"{fault}-{kind}-{arch}") for fault, arch, kind in found]


FAULTS: dict[str, Fault] = {
    "log-of-zero": Fault("log-of-zero", "forward", "Log", 1.0, 0.0, lambda k, a, g: k.ops.log(a * g)),
    "log-of-negative": Fault("log-of-negative", "forward", "Log", 1.0, -1.0, lambda k, a, g: k.ops.log(a * g)),
    "division-by-zero": Fault("division-by-zero", "forward", "RealDiv", 1.0, 0.0, lambda k, a, g: a / (a * g)),
    "exp-overflow": Fault("exp-overflow", "forward", "Exp", 1.0, 200.0, lambda k, a, g: k.ops.exp(a * g)),
    "square-overflow": Fault("pow-overflow", "forward", "Square", 1.0, 1e25, lambda k, a, g: k.ops.square(a * g)),
    "sqrt-of-negative": Fault("invalid-domain", "forward", "Sqrt", 1.0, -1.0, lambda k, a, g: k.ops.sqrt(a * g)),
    "inf-minus-inf": Fault(
        "inf-minus-inf",
        "forward",
        "Sub",
        1.0,
        9.0,
        lambda k, a, g: _masked(k, g, a) - _masked(k, g, g),
    ),
    "zero-times-inf": Fault(
        "zero-times-inf",
        "forward",
        "Mul",
        1.0,
        9.0,
        lambda k, a, g: _masked(k, g, a) * k.ops.relu(5.0 - g),
    ),
    "softmax-of-all-minus-inf": Fault(
        "softmax-of-all-minus-inf",
        "forward",
        "Softmax",
        1.0,
        9.0,
        lambda k, a, g: k.ops.softmax(_masked(k, g, a)),
    ),
    "sum-overflow": Fault(
        "accumulation-overflow", "forward", "Sum", 1.0, 2e38, lambda k, a, g: k.ops.sum(a * g, axis=-1, keepdims=True)
    ),
    "matmul-float16": Fault("float16-overflow", "forward", "MatMul", 1.0, 3e4, _half, inner="half"),
    "sqrt-gradient-at-zero": Fault(
        "sqrt-gradient-at-zero", "backward", "Sqrt", 1.0, 0.0, lambda k, a, g: k.ops.sqrt(a * g)
    ),
    "where-trap-log": Fault(
        "where-gradient-trap", "backward", "Log", 1.0, 0.0, lambda k, a, g: _trap(k, g, k.ops.log(a * g))
    ),
    "acos-gradient-at-one": Fault(
        "acos-gradient-at-one", "backward", "Acos", 1.0, 0.0, lambda k, a, g: k.ops.arccos(1.0 - 0.5 * g * a)
    ),
    "pow-gradient": Fault("pow-gradient", "backward", "Pow", 1.0, 0.0, lambda k, a, g: k.ops.power(a * g, 0.5)),
}
VARIANTS: dict[str, Fault] = {
    "log1p-of-minus-one": Fault(
        "log-of-zero", "forward", "Log1p", 1.0, -1.0, lambda k, a, g: k.ops.log1p(g * k.ops.sign(a))
    ),
    "zero-over-zero": Fault("division-by-zero", "forward", "RealDiv", 1.0, 0.0, lambda k, a, g: (a * g) / g),
    "rsqrt-of-zero": Fault("division-by-zero", "forward", "Rsqrt", 1.0, 0.0, lambda k, a, g: k.ops.rsqrt(a * g)),
    "power-overflow": Fault("pow-overflow", "forward", "Pow", 1.0, 1e20, lambda k, a, g: k.ops.power(a * g, 3.0)),
    "acos-beyond-one": Fault("invalid-domain", "forward", "Acos", 0.5, 2.0, lambda k, a, g: k.ops.arccos(a * g)),
    "cast-float16": Fault(
        "float16-overflow",
        "forward",
        "Cast",
        1.0,
        1e5,
        lambda k, a, g: k.ops.cast(k.ops.cast(a * g, "float16"), "float32"),
    ),
    "norm-gradient-at-zero": Fault(
        "sqrt-gradient-at-zero",
        "backward",
        "Sqrt",
        1.0,
        0.0,
        lambda k, a, g: k.ops.norm(a * g, axis=-1, keepdims=True),
    ),
    "where-trap-division": Fault(
        "where-gradient-trap", "backward", "RealDiv", 1.0, 0.0, lambda k, a, g: _trap(k, g, 1.0 / (a * g))
    ),
    "where-trap-exp": Fault(
        "where-gradient-trap",
        "backward",
        "Exp",
        1.0,
        200.0,
        lambda k, a, g: k.ops.where(g > 50.0, 0.0, k.ops.exp(a * g)),
    ),
    "division-gradient": Fault(
        "division-gradient", "backward", "RealDiv", 1.0, 1e-30, lambda k, a, g: k.ops.minimum(g * 1e10, 1.0) / (a * g)
    ),
}


def healthy(gate: float = 1.0) -> np.ndarray:
    return np.full(ROWS, gate)


def examine(model: Path, arrays: dict[str, np.ndarray], folder: Path, *, treat: bool = False) -> Report:
    np.savez(folder / "data.npz", **arrays)
    return scan(model, folder / "data.npz", batch_size=BATCH, max_batches=2, check_numerics=False, treat=treat)


def errors(report: Report) -> list[Finding]:
    """The errors that stand for themselves; what compiled kernels hide is told beside its cause."""
    return [one for one in report.findings if one.severity == "error" and one.cause != "hidden-nonfinite"]


def harmless(keras: Any, a: Any, g: Any) -> Any:
    return a * g


@pytest.mark.parametrize("cell", cells(FAULTS) + cells(VARIANTS, ["dense"]))
def test_a_planted_fault_is_found(planted: Plant, arrays: Any, tmp_path: Path, cell: Cell) -> None:
    fault = (FAULTS | VARIANTS)[cell.fault]
    rows = cell.rows
    gate = healthy(fault.healthy)
    gate[list(rows)] = fault.sick

    # A trial is another few runs of the step: one in each architecture, and each fault once, will do.
    treat = cell.kind == "export" and (cell.architecture == "dense" or cell.fault == "where-trap-log")

    report = examine(planted(*cell, fault.formula), arrays(cell.architecture, gate), tmp_path, treat=treat)

    first = report.findings[0]
    place = first.location
    layer = "/".join(filter(None, (cell.layer, fault.inner)))
    assert (first.cause, first.severity) == (fault.cause, "error")
    assert (place.phase, place.layer, place.op_type) == (fault.phase, layer, fault.op_type)
    assert place.dataset_rows == rows
    assert place.batch == rows[0] // BATCH
    assert place.rows == tuple(row % BATCH for row in rows)
    assert errors(report) == [first]
    best = first.remedies[0]
    assert best.verdict == ("verified" if treat else "untried")
    assert not treat or best.trial["rows_unchanged"] == best.trial["rows_compared"] == BATCH - len(rows)


@pytest.mark.parametrize("cell", cells(["healthy"]))
def test_a_healthy_model_has_neither_errors_nor_warnings(
    planted: Plant, arrays: Any, tmp_path: Path, cell: Cell
) -> None:
    report = examine(planted(*cell, harmless), arrays(cell.architecture, healthy()), tmp_path)

    assert report.summary.verdict == "healthy"


@pytest.mark.parametrize("cell", cells(["nan-in-data", "inf-in-data"]))
def test_a_non_finite_cell_of_the_data_is_found(planted: Plant, arrays: Any, tmp_path: Path, cell: Cell) -> None:
    given = arrays(cell.architecture, healthy())
    given["x"].reshape(ROWS, -1)[list(cell.rows), 2] = {"nan": np.nan, "inf": np.inf}[cell.fault[:3]]

    report = examine(planted("healthy", *cell[1:], harmless), given, tmp_path)

    first = report.findings[0]
    assert (first.cause, first.severity, first.location.phase) == (cell.fault, "error", "data")
    assert first.location.dataset_rows == cell.rows
    assert first.location.rows == tuple(row % BATCH for row in cell.rows)
    assert errors(report) == [first]


POISONED = {  # the layer to poison, and the part of it that holds the weight
    "dense": ("hidden", ""),
    "convolution": ("encoder/conv", ""),
    "recurrent": ("encoder/lstm", "/lstm_cell"),
    "attention": ("encoder/attention", "/query"),
}


@pytest.mark.parametrize("cell", cells(["nonfinite-weights"]))
def test_a_non_finite_weight_is_found(planted: Plant, arrays: Any, tmp_path: Path, cell: Cell) -> None:
    poisoned, inner = POISONED[cell.architecture]

    report = examine(planted(*cell, harmless, poisoned), arrays(cell.architecture, healthy()), tmp_path)

    first = report.findings[0]
    assert (first.cause, first.severity) == ("nonfinite-weights", "error")
    assert (first.location.layer, first.location.rows) == (poisoned + inner, None)
    assert errors(report) == [first]


def _squashed(keras: Any, a: Any, g: Any) -> Any:
    return keras.ops.tanh(keras.ops.log(a * g))


@pytest.mark.parametrize("cell", cells(["log-of-zero, squashed"]))
def test_a_fault_whose_infinity_is_squashed_again_is_the_cause_of_its_gradient(
    planted: Plant, arrays: Any, tmp_path: Path, cell: Cell
) -> None:
    gate = healthy()
    gate[list(cell.rows)] = 0.0

    report = examine(planted(*cell, _squashed), arrays(cell.architecture, gate), tmp_path)

    first = report.findings[0]
    assert (first.cause, first.severity, first.location.phase) == ("log-of-zero", "error", "forward")
    assert first.location.dataset_rows == cell.rows
    assert errors(report) == [first]
