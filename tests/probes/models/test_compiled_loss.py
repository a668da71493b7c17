"""The names of compiled losses, and whether they take logits."""

from __future__ import annotations

from typing import Any

import pytest

from nandoctor.probes.models.compiled_loss import from_logits_by_output, names_by_output

pytestmark = pytest.mark.tensorflow


def described(loss: Any, *outputs: str) -> tuple[dict[str, str], dict[str, bool | None]]:
    import keras

    return (
        names_by_output(loss, outputs, keras.losses.get),
        from_logits_by_output(loss, outputs, keras.losses.get),
    )


def test_a_short_name_is_written_out() -> None:
    assert described("mae", "y") == ({"y": "mean_absolute_error"}, {"y": None})


def test_a_class_has_the_name_of_its_function() -> None:
    import keras

    loss = keras.losses.CategoricalCrossentropy(from_logits=True, name="my name")
    assert described(loss, "y") == ({"y": "categorical_crossentropy"}, {"y": True})


def test_a_function_takes_logits_as_its_default_says() -> None:
    import keras

    assert described(keras.losses.binary_crossentropy, "y") == ({"y": "binary_crossentropy"}, {"y": False})


def test_a_class_of_the_users_own_is_written_in_snake_case() -> None:
    import keras

    class MarginLoss(keras.losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return y_pred - y_true

    assert described(MarginLoss(), "y")[0] == {"y": "margin_loss"}


def test_losses_go_to_outputs_by_key_by_place_or_all() -> None:
    wanted = {"a": "mean_squared_error", "b": "mean_absolute_error"}
    assert described({"b": "mae", "a": "mse"}, "a", "b")[0] == wanted
    assert described(["mse", "mae"], "a", "b")[0] == wanted
    assert described("mse", "a", "b")[0] == {"a": "mean_squared_error", "b": "mean_squared_error"}


def test_an_output_without_a_loss_is_left_out() -> None:
    assert described({"a": "mse"}, "a", "b") == ({"a": "mean_squared_error"}, {"a": None})


def test_several_losses_of_one_output_are_joined() -> None:
    assert described([["mse", "mae"]], "a")[0] == {"a": "mean_squared_error + mean_absolute_error"}


def test_a_name_that_depends_on_the_shapes_stays() -> None:
    assert described("crossentropy", "y") == ({"y": "crossentropy"}, {"y": None})
