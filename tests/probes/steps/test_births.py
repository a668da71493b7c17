"""Where an op made its output non-finite, on results computed here with numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nandoctor.probes.steps.births import Made, fresh_places
from nandoctor.probes.steps.interpreter import Execution, Scope
from nandoctor.probes.steps.observation import Mark
from nandoctor.probes.steps.program import Instruction, Kind, Program

pytestmark = pytest.mark.tensorflow

INF, NAN = np.inf, np.nan


def made(op_type: str, output: Any, *operands: Any, attrs: tuple[Any, ...] = ()) -> Made:
    arrays = [np.asarray(one, np.int32 if np.asarray(one).dtype.kind == "i" else np.float32) for one in operands]
    instruction = Instruction(0, op_type, op_type, Kind.OP, (), (), (), attrs, (), None, (0,), False)
    marks = [Mark(None, None, nan=bool(np.isnan(one).any()), inf=bool(np.isinf(one).any())) for one in arrays]
    scope = Scope((), Program("test", 0, (), (), ()), False, {})
    execution = Execution(scope, instruction, None, list(arrays), marks, [])
    return Made(execution, list(arrays), np.asarray(output, np.float32))


def places(one: Made, *, tainted: bool, rows: int = 2) -> list[Any] | None:
    found = fresh_places(one, tainted, rows)
    return None if found is None else np.broadcast_to(found, one.output.shape).tolist()


def test_of_finite_operands_everything_bad_is_fresh() -> None:
    assert places(made("Log", [0.0, -INF, NAN], [1.0, 0.0, -1.0]), tainted=False) == [False, True, True]


def test_what_is_only_passed_on_is_not_fresh() -> None:
    assert places(made("Mul", [INF, 6.0], [INF, 2.0], [3.0, 3.0]), tainted=True) is None
    assert places(made("Mul", [NAN, 6.0], [NAN, 2.0], [0.0, 3.0]), tainted=True) is None


def test_beside_what_is_passed_on_a_fresh_one_is_found() -> None:
    assert places(made("Log", [INF, -INF, 0.0], [INF, 0.0, 1.0]), tainted=True) == [False, True, False]


def test_an_infinity_that_becomes_nan_is_fresh() -> None:
    assert places(made("Sub", [NAN, 0.0], [INF, 1.0], [INF, 1.0]), tainted=True) == [True, False]


def test_operands_are_broadcast() -> None:
    one = made("RealDiv", [[1.0, INF], [NAN, INF]], [[1.0, 1.0], [NAN, 1.0]], [[1.0, 0.0]])

    assert places(one, tainted=True) == [[False, True], [False, True]]


def test_a_matrix_product_is_looked_at_row_by_row() -> None:
    kernel = [[3e38, 0.0], [3e38, 0.0]]
    one = made("MatMul", [[NAN, NAN], [INF, 0.0]], [[NAN, 1.0], [1.0, 1.0]], kernel)

    assert places(one, tainted=True) == [[False, False], [True, False]]


def test_a_product_of_two_matrices_passes_on_all_rows_of_the_second_one() -> None:
    rows = [[1.0, 1.0], [NAN, NAN]]
    similarities = made("MatMul", [[2.0, NAN], [NAN, NAN]], rows, rows, attrs=("transpose_b", True))

    assert places(similarities, tainted=True) is None


def test_a_product_of_matrices_for_each_row_keeps_rows_in_both_operands() -> None:
    finite, bad = [[3e38, 3e38]], [[NAN, NAN]]
    one = made("BatchMatMulV2", [[[INF]], [[NAN]]], [finite, bad], [[[1.0], [1.0]], [[NAN], [NAN]]])

    assert places(one, tainted=True) == [[[True]], [[False]]]


def test_a_reduction_keeps_rows_unless_it_reduces_them() -> None:
    along = made("Sum", [NAN, INF], [[NAN, 1.0], [3e38, 3e38]], [1])
    across = made("Sum", [NAN, INF], [[NAN, 3e38], [1.0, 3e38]], [0])

    assert places(along, tainted=True) == [False, True]
    assert places(across, tainted=True) is None  # which of the rows it came from cannot be told


def test_a_nan_out_of_infinities_is_fresh_where_rows_are_mixed() -> None:
    assert places(made("Sum", [NAN], [[INF], [-INF]], [0]), tainted=True) == [True]


@pytest.mark.parametrize("op_type", ["Relu", "Maximum", "SelectV2"])
def test_nothing_fresh_without_anything_bad_beyond_the_operands(op_type: str) -> None:
    assert places(made(op_type, [INF, 1.0], [INF, 1.0], [0.0, 0.0]), tainted=True) is None
