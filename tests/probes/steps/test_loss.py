"""Which loss a step gets: the model's own, the user's, or the one that head and labels call for."""

from pathlib import Path

import numpy as np
import pytest

from nandoctor.errors import NandoctorError
from nandoctor.facts import HeadFacts
from nandoctor.facts.subject import Activation

pytestmark = pytest.mark.tensorflow


def a_head(units: int, activation: Activation = "linear", rank: int = 2) -> HeadFacts:
    return HeadFacts("y", "head", "head/op", None, units, (None,) * (rank - 1) + (units,), "float32", activation)


def a_subject(compiled_loss=None):
    from nandoctor.probes.models.subject import InputSpec, Subject

    inputs = (InputSpec("x", (None, 2), "float32"),)
    return Subject("keras", "model.keras", ".keras file", None, inputs, ("y",), dict, None, compiled_loss, ())


def choose(head: HeadFacts, labels, given: str | None = None):
    from nandoctor.probes.steps.loss import choose_loss

    return choose_loss(a_subject(), [head], {"y": np.asarray(labels)}, given)


@pytest.mark.parametrize(
    ("head", "labels", "name", "from_logits"),
    [
        (a_head(3, "softmax"), [0, 2, 1], "sparse_categorical_crossentropy", False),
        (a_head(3), [[0], [2], [1]], "sparse_categorical_crossentropy", True),
        (a_head(3, "softmax"), np.eye(3)[[0, 2]], "categorical_crossentropy", False),
        (a_head(3), np.eye(3)[[0, 2]], "categorical_crossentropy", True),
        (a_head(1, "sigmoid"), [0, 1, 1], "binary_crossentropy", False),
        (a_head(1), [[0.0], [1.0]], "binary_crossentropy", True),
        (a_head(3, "sigmoid"), [[0, 1, 1], [1, 0, 0]], "binary_crossentropy", False),
        (a_head(1), [0.3, 12.5], "mean_squared_error", None),
        (a_head(1, "tanh"), [7.0, 12.0], "mean_squared_error", None),
        (a_head(2, "relu"), [[0.3, 12.5], [1.0, 2.0]], "mean_squared_error", None),
        (a_head(5, "softmax", rank=3), [[0, 4], [1, 2]], "sparse_categorical_crossentropy", False),
    ],
)
def test_the_loss_is_inferred_from_head_and_labels(head, labels, name, from_logits):
    (facts,) = choose(head, labels).facts

    assert (facts.name, facts.from_logits, facts.chosen) == (name, from_logits, "inferred")
    assert "because the head is" in facts.reason


def test_labels_that_fit_no_loss_are_an_error_that_asks_for_one():
    with pytest.raises(NandoctorError, match=r"no loss fits output y of shape \[None, 3\].*--loss") as caught:
        choose(a_head(3), np.zeros((2, 7)))

    assert caught.value.exit_code == 2


def test_the_inferred_loss_gives_what_keras_gives():
    import keras
    import tensorflow as tf

    outputs = tf.constant([[0.2, 0.8], [0.6, 0.4]])
    chosen = choose(a_head(2, "softmax"), [1, 1])

    value = chosen.compute({}, {"y": tf.constant([1, 1])}, {"y": outputs}, False)

    expected = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(tf.constant([1, 1]), outputs))
    assert float(value) == pytest.approx(float(expected))


def test_labels_of_one_axis_are_not_broadcast_against_a_column_of_outputs():
    import tensorflow as tf

    chosen = choose(a_head(1), [1.5, 2.5], "mse")

    value = chosen.compute({}, {"y": tf.constant([1.5, 2.5])}, {"y": tf.constant([[1.5], [2.5]])}, False)

    assert float(value) == 0.0


def test_without_labels_the_mean_square_of_the_outputs_stands_in():
    import tensorflow as tf

    from nandoctor.probes.steps.loss import choose_loss

    chosen = choose_loss(a_subject(), [a_head(2)], {}, None)

    assert chosen.facts[0].chosen == "outputs"
    assert float(chosen.compute({}, {}, {"y": tf.constant([[1.0, 3.0]])}, False)) == 5.0


@pytest.mark.parametrize(
    ("given", "from_logits"),
    [("binary_crossentropy", False), ("binary_crossentropy(from_logits=True)", True)],
)
def test_a_given_keras_loss_is_taken_as_it_is(given, from_logits):
    (facts,) = choose(a_head(1, "sigmoid"), [0.0, 1.0], given).facts

    assert (facts.name, facts.from_logits, facts.chosen) == ("binary_crossentropy", from_logits, "given")


def test_a_function_of_the_users_own_file_is_a_loss(tmp_path: Path):
    import tensorflow as tf

    (tmp_path / "losses.py").write_text("def twice(y_true, y_pred):\n    return 2 * (y_pred - y_true)\n")

    chosen = choose(a_head(1), [[1.0]], f"{tmp_path / 'losses.py'}:twice")

    assert chosen.facts[0].name == "twice"
    assert float(chosen.compute({}, {"y": tf.constant([[1.0]])}, {"y": tf.constant([[4.0]])}, False)) == 6.0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("no_such_loss", "unknown loss 'no_such_loss'"),
        ("mse(from_logits=True)", "has no from_logits"),
        ("no_such_module:loss", "cannot load the loss no_such_module:loss"),
        ("math:no_such_function", "cannot load the loss math:no_such_function"),
        ("missing.py:loss", "cannot load the loss missing.py:loss"),
    ],
)
def test_an_unknown_loss_is_a_usage_error(given, said):
    with pytest.raises(NandoctorError, match=said.replace("(", r"\(")) as caught:
        choose(a_head(1), [1.0], given)

    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.message


def test_a_loss_without_labels_is_a_usage_error():
    from nandoctor.probes.steps.loss import choose_loss

    with pytest.raises(NandoctorError, match="--labels") as caught:
        choose_loss(a_subject(), [a_head(1)], {}, "mse")

    assert caught.value.exit_code == 2


def test_the_compiled_loss_is_preferred():
    from nandoctor.probes.models.subject import CompiledLoss
    from nandoctor.probes.steps.loss import choose_loss

    compiled = CompiledLoss(lambda *_: 7.0, {"y": "huber"}, {"y": None})

    chosen = choose_loss(a_subject(compiled), [a_head(1)], {"y": np.array([1.0])}, None)

    assert (chosen.facts[0].name, chosen.facts[0].chosen) == ("huber", "compiled")
    assert chosen.compute({}, {}, {}, True) == 7.0
