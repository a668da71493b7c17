"""Which graphs are brought into this process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nandoctor.errors import NandoctorError
from nandoctor.probes.watch.capture import StepCapture

pytestmark = pytest.mark.tensorflow

LINE = ("train.py", 1, "loss", "loss")
X = np.ones((3, 2), np.float32)
Y = np.ones(3, np.float32)


def capture_of(captured: Any, extra: Any) -> StepCapture:
    """A step whose loss also depends on `extra(x)`."""
    import tensorflow as tf

    def loss(weight: Any, x: Any, y: Any) -> Any:
        return tf.reduce_mean(tf.linalg.matvec(x, weight) - y + extra(x))

    return captured(loss, X, Y, np.ones(2, np.float32), LINE)


def test_an_honest_step_with_a_loop_random_numbers_and_a_print_is_allowed(captured: Any) -> None:
    import tensorflow as tf

    from nandoctor.probes.watch.needed import refuse_reaching_out

    def honest(x: Any) -> Any:
        total = tf.while_loop(lambda i, _: i < 3, lambda i, t: (i + 1, t + tf.reduce_sum(x)), (0, 0.0))[1]
        with tf.control_dependencies([tf.print("total", total)]):
            return total + tf.random.normal([]) + tf.nn.dropout(x, 0.5)[0, 0]

    assert refuse_reaching_out(capture_of(captured, honest)) is None


def reading_a_file(_x: Any) -> Any:
    import tensorflow as tf

    return tf.strings.to_number(tf.io.read_file("/etc/hostname"))


def calling_python(x: Any) -> Any:
    import tensorflow as tf

    return tf.py_function(lambda value: value, [x[0, 0]], tf.float32)


def writing_a_file(_x: Any) -> Any:
    import tensorflow as tf

    with tf.control_dependencies([tf.io.write_file("/tmp/never", "text")]):
        return tf.constant(1.0)


def printing_to_a_file(_x: Any) -> Any:
    import tensorflow as tf

    with tf.control_dependencies([tf.print("text", output_stream="file:///tmp/never")]):
        return tf.constant(1.0)


def reading_a_data_set(_x: Any) -> Any:
    import tensorflow as tf

    return tf.strings.to_number(next(iter(tf.data.TextLineDataset("/etc/hostname"))))


def reading_within_a_loop(x: Any) -> Any:
    import tensorflow as tf

    return tf.while_loop(lambda i, _: i < 3, lambda i, t: (i + 1, t + reading_a_file(x)), (0, 0.0))[1]


@pytest.mark.parametrize(
    ("extra", "op"),
    [
        (reading_a_file, "ReadFile"),
        (calling_python, "EagerPyFunc"),
        (writing_a_file, "WriteFile"),
        (printing_to_a_file, "PrintV2"),
        (reading_within_a_loop, "ReadFile"),
    ],
)
def test_a_step_that_reaches_out_is_refused(captured: Any, extra: Any, op: str) -> None:
    from nandoctor.probes.watch.needed import refuse_reaching_out

    with pytest.raises(NandoctorError, match=f"\\({op}\\) may touch what is outside of the step") as caught:
        refuse_reaching_out(capture_of(captured, extra))
    assert caught.value.exit_code == 3
    assert not Path("/tmp/never").exists()


def test_what_the_results_do_not_need_is_left_out(captured: Any) -> None:
    import tensorflow as tf

    from nandoctor.probes.watch.needed import needed_graph, refuse_reaching_out

    def unused(x: Any) -> Any:
        reading_a_file(x)
        return tf.constant(0.0)

    capture = capture_of(captured, unused)
    assert "ReadFile" in {node.op for node in tf.compat.v1.GraphDef.FromString(capture.graph).node}
    assert "ReadFile" not in {node.op for node in tf.compat.v1.GraphDef.FromString(needed_graph(capture).graph).node}
    assert refuse_reaching_out(capture) is None


def test_what_waits_for_a_variable_to_be_written_reads_it_as_it_is_given(captured: Any) -> None:
    import tensorflow as tf

    from nandoctor.probes.watch.needed import needed_graph

    other = tf.Variable(1.0)
    capture = capture_of(captured, lambda x: tf.reduce_sum(x) + other.assign_add(tf.reduce_sum(x)).read_value())

    needed = {node.op for node in tf.compat.v1.GraphDef.FromString(needed_graph(capture).graph).node}
    assert "AssignAddVariableOp" in {node.op for node in tf.compat.v1.GraphDef.FromString(capture.graph).node}
    assert "AssignAddVariableOp" not in needed
    assert "ReadVariableOp" in needed


def test_functions_of_the_same_name_in_two_captures_stay_apart(captured: Any) -> None:
    import tensorflow as tf

    from nandoctor.facts import Facts
    from nandoctor.finding import Tool
    from nandoctor.probes.watch.failure import facts_of

    def stepping(by: float) -> Any:
        return lambda x: tf.while_loop(lambda i, _: i < 2, lambda i, t: (i + 1, t + by), (0, tf.reduce_sum(x)))[1]

    first, second = (capture_of(captured, stepping(by)) for by in (1.0, 100.0))
    graphs = [tf.compat.v1.GraphDef.FromString(one.graph) for one in (first, second)]
    names = [sorted(function.signature.name for function in graph.library.function) for graph in graphs]
    for old, new in zip(names[1], names[0], strict=True):
        second = replace(second, graph=second.graph.replace(old.encode(), new.encode()))
    known = Facts(Tool("nandoctor", "1", None, None, "3"))
    losses = [facts_of(one, known).step.losses[0] for one in (first, second)]
    assert losses[1] - losses[0] == pytest.approx(198.0)


def test_an_op_that_nobody_knows_is_refused(plain: StepCapture) -> None:
    from nandoctor.probes.watch.needed import refuse_reaching_out

    unknown = replace(plain, graph=plain.graph.replace(b"Mean", b"Me\x1bn"))
    with pytest.raises(NandoctorError, match=r"TensorFlow does not know: 'Me\\x1bn'"):
        refuse_reaching_out(unknown)


@pytest.fixture
def plain(captured: Any) -> StepCapture:
    return capture_of(captured, lambda x: x[0, 0])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1), flip=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_graph_is_one_line_or_a_graph(plain: StepCapture, place: float, flip: int, cut: bool) -> None:
    from nandoctor.probes.watch.needed import needed_graph, refuse_reaching_out

    content = bytearray(plain.graph)
    index = min(int(place * len(content)), len(content) - 1)
    content[index] ^= flip
    broken = replace(plain, graph=bytes(content[:index] if cut else content))
    told = ""
    try:
        refuse_reaching_out(broken)
        needed_graph(broken)
    except NandoctorError as error:
        told = error.message
    assert "\n" not in told
