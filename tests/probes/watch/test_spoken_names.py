"""Names of tensors and losses, as the user gave them."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.tensorflow


def noted(model, inputs, labels, predictions):
    from nandoctor.probes.watch.noted import Noted

    return Noted(inputs=inputs, labels=labels, predictions=predictions, model=model)


def tensors(count):
    import tensorflow as tf

    return [tf.constant([float(place)]) for place in range(count)]


def test_one_input_is_x_and_a_label_has_the_name_of_its_output() -> None:
    import keras

    from nandoctor.probes.watch.spoken_names import batch_names, losses_of

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid", name="score")])
    model.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
    x, y, prediction = tensors(3)
    page = noted(model, x, y, prediction)
    assert [batch_names(page)[id(one)] for one in (x, y, prediction)] == ["x", "score", "score"]
    (loss,) = losses_of(page)
    assert (loss.name, loss.from_logits, loss.output) == ("binary_crossentropy", True, "score")


def test_dicts_give_their_keys_and_each_output_its_loss() -> None:
    import keras

    from nandoctor.probes.watch.spoken_names import batch_names, losses_of

    entry = keras.Input((2,), name="entry")
    heads = {name: keras.layers.Dense(1, name=f"{name}_head")(entry) for name in ("price", "age")}
    model = keras.Model(entry, heads)
    model.compile("sgd", {"price": "mse", "age": "mae"})
    x, price, age, price_label = tensors(4)
    page = noted(model, {"entry": x}, {"price": price_label, "age": age}, {"price": price, "age": age})
    names = batch_names(page)
    assert (names[id(x)], names[id(price)], names[id(price_label)]) == ("entry", "price", "price")
    assert {loss.output: loss.name for loss in losses_of(page)} == {
        "price": "mean_squared_error",
        "age": "mean_absolute_error",
    }


def test_lists_are_numbered_and_an_own_loop_has_no_losses() -> None:
    from nandoctor.probes.watch.spoken_names import batch_names, losses_of

    one, other, y, prediction = tensors(4)
    page = noted(None, [one, other], y, prediction)
    assert [batch_names(page)[id(tensor)] for tensor in (one, other, prediction)] == ["x[0]", "x[1]", "output"]
    assert losses_of(page) == ()
