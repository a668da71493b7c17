"""Random small graphs: op by op they give what TensorFlow gives, and the first origin is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.tensorflow

ROWS, COLUMNS = 4, 3
UNARY = ("exp", "log", "sqrt", "square", "negative", "reciprocal", "tanh", "abs", "sigmoid", "log1p", "acos", "rsqrt")
BINARY = ("add", "subtract", "multiply", "divide", "maximum", "pow")
REDUCTIONS = ("reduce_sum", "reduce_max", "reduce_mean", "reduce_prod")

values = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-40, -1e-45, 3e38, -3e38, 1e20, 88.7, 89.0, 0.5]),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
)
operations = st.one_of(
    st.tuples(st.sampled_from(UNARY), st.integers(0, 9)),
    st.tuples(st.sampled_from(BINARY), st.integers(0, 9), st.integers(0, 9)),
    st.tuples(st.sampled_from(REDUCTIONS), st.integers(0, 9), st.sampled_from([0, 1])),
)


def graph(recipe: list[tuple[Any, ...]]) -> Callable[[Any, Any], Any]:
    """The function of two tensors that a recipe describes: each op takes earlier results by number."""
    import tensorflow as tf

    def compute(x: Any, y: Any) -> Any:
        made = [x, y]
        for name, first, *rest in recipe:
            function = getattr(tf.math, name)
            operand = made[first % len(made)]
            if name in REDUCTIONS:
                made.append(function(operand, axis=rest[0], keepdims=True))
            else:
                made.append(function(operand, *(made[number % len(made)] for number in rest)))
        return made[-1] + tf.zeros_like(x)

    return compute


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    recipe=st.lists(operations, min_size=1, max_size=8),
    numbers=st.lists(values, min_size=2 * ROWS * COLUMNS, max_size=2 * ROWS * COLUMNS),
)
def test_a_random_graph_gives_what_tensorflow_gives(recipe: list[tuple[Any, ...]], numbers: list[float]) -> None:
    import tensorflow as tf

    from nandoctor.probes.models.subject import InputSpec, Subject
    from nandoctor.probes.steps.examine import examine
    from nandoctor.probes.steps.observation import Observations
    from nandoctor.probes.steps.run import run_batch
    from nandoctor.probes.steps.trace import Batch, tensors, trace_inference

    x, y = np.array(numbers, np.float32).reshape(2, ROWS, COLUMNS)
    compute = graph(recipe)
    specs = tuple(InputSpec(name, (None, COLUMNS), "float32") for name in "xy")
    subject = Subject(
        kind="saved_model",
        path="random",
        format="random",
        signature=None,
        inputs=specs,
        outputs=("z",),
        infer=lambda given: {"z": compute(given["x"], given["y"])},
        train=None,
        compiled_loss=None,
        variables=(),
    )
    batch = Batch(0, range(ROWS), tensors({"x": x, "y": y}, specs), {})
    observations = Observations()

    ran = run_batch(trace_inference(subject, batch), batch, observations, {}, {})

    np.testing.assert_array_equal(ran.values[0], compute(tf.constant(x), tf.constant(y)))
    examination = examine(
        subject,
        {"x": x, "y": y},
        {},
        [range(ROWS)],
        take=lambda array, rows: array[rows.start : rows.stop],
        loss=None,
        backward=False,
        check_numerics=False,
        notices=(),
        progress=lambda *_: None,
    )
    origins = [origin for origin in examination.step.origins if origin.kind == "op"]
    wrong = not np.isfinite(ran.values[0]).all()
    assert bool(origins) or not wrong
    if origins:
        first = origins[0]
        assert first.output.nonfinite > 0
        assert not first.parents
        assert all(operand.stats.nonfinite == 0 for operand in first.operands)
        if first.rows is not None and first.rows_note is None and "output" in first.reaches:
            assert _bad_op(subject, first.op, x, y, first.rows)
            assert not _bad_op(subject, first.op, x, y, [row for row in range(ROWS) if row not in first.rows])


def _bad_op(subject: Any, op: str, x: np.ndarray, y: np.ndarray, rows: Any) -> bool:
    """Whether that op gives a non-finite result on these rows alone."""
    from nandoctor.probes.steps.observation import Observations
    from nandoctor.probes.steps.run import run_batch
    from nandoctor.probes.steps.trace import Batch, tensors, trace_inference

    rows = list(rows)
    if not rows:
        return False
    batch = Batch(0, range(len(rows)), tensors({"x": x[rows], "y": y[rows]}, subject.inputs), {})
    observations = Observations()
    run_batch(trace_inference(subject, batch), batch, observations, {}, {})
    return any(birth.name == op for birth in observations.births.values())
