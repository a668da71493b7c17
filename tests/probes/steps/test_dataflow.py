"""TensorFlow 1 control flow, run as values arrive: real SavedModels written by TensorFlow 1's API."""

from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def v1_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A loop with a condition inside, then a condition with a branch outside of its domain."""
    import tensorflow as tf

    v1 = tf.compat.v1
    path = tmp_path_factory.mktemp("v1") / "model"
    v1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default(), v1.Session() as session:
            x = v1.placeholder(tf.float32, (None, 3), name="x")
            weights = v1.get_variable(
                "weights", (3, 3), initializer=v1.constant_initializer(np.eye(3) * 1.5), use_resource=True
            )

            def body(turn, state):
                state = tf.matmul(state, weights)
                return turn + 1, tf.cond(tf.reduce_sum(state) > 100.0, lambda: state * 0.5, lambda: state * 1.0)

            _, state = v1.while_loop(lambda turn, _: turn < 5, body, [tf.constant(0), x])
            signed = tf.cond(
                tf.reduce_sum(x) > 0, lambda: state * 2.0, lambda: tf.sqrt(-tf.abs(state) - 1.0, name="root")
            )
            y = tf.identity(signed, name="y")
            session.run(v1.global_variables_initializer())
            v1.saved_model.simple_save(session, str(path), {"x": x}, {"y": y})
    finally:
        v1.enable_control_flow_v2()
    return path


@pytest.mark.parametrize("scale", [1.0, 30.0, -30.0])
def test_loops_and_conditions_give_what_tensorflow_gives(v1_model: Path, scale: float):
    import tensorflow as tf

    from nandoctor.probes.models.load import load_subject
    from nandoctor.probes.steps.observation import Observations
    from nandoctor.probes.steps.run import run_batch
    from nandoctor.probes.steps.trace import Batch, trace_inference

    x = scale * (np.random.default_rng(0).random((4, 3), dtype=np.float32) + 1)
    subject = load_subject(v1_model)
    batch = Batch(0, range(4), {"x": tf.constant(x)}, {})

    ran = run_batch(trace_inference(subject, batch), batch, Observations(), {}, {})

    np.testing.assert_array_equal(ran.values[0].numpy(), subject.infer({"x": tf.constant(x)})["y"].numpy())


def test_the_branch_that_is_not_taken_is_not_reported(v1_model: Path, tmp_path: Path):
    from nandoctor.api import scan

    np.savez(tmp_path / "data.npz", x=np.ones((8, 3), np.float32))

    report = scan(v1_model, tmp_path / "data.npz")

    assert report.summary.verdict == "healthy"
    assert any("TensorFlow 1 control flow" in notice for notice in report.notices)


def test_the_branch_that_is_taken_is_reported_and_no_gradients_are_claimed(v1_model: Path, tmp_path: Path):
    from nandoctor.api import scan

    np.savez(tmp_path / "data.npz", x=np.full((8, 3), -20.0, np.float32))

    report = scan(v1_model, tmp_path / "data.npz")

    assert report.findings[0].cause == "invalid-domain"
    assert report.findings[0].location.op == "cond/root"
    assert report.findings[0].chain == ("nonfinite-outputs", "invalid-domain")
    assert any(notice.startswith("scanned forward only") for notice in report.notices)
    assert not any("gradients were taken" in notice for notice in report.notices)
