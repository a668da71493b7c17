import pytest

from nandoctor.errors import USAGE, NandoctorError
from nandoctor.probes.data.expected_model import expected_model


def test_nothing_said_is_no_model():
    assert expected_model("d.csv", None, None) is None


@pytest.mark.parametrize("given", ["mse", "MeanSquaredError", "mean_squared_error", "MSE"])
def test_a_loss_has_one_name(given):
    model = expected_model("d.csv", given, None)

    assert model is not None
    assert (model.kind, model.losses[0].name, model.losses[0].chosen) == ("data", "mean_squared_error", "given")


@pytest.mark.parametrize(
    ("head", "loss"),
    [
        ("10:softmax", "sparse_categorical_crossentropy"),
        ("1:sigmoid", "binary_crossentropy"),
        ("1:linear", "mean_squared_error"),
        ("3", "mean_squared_error"),
    ],
)
def test_a_head_has_its_usual_loss(head, loss):
    model = expected_model("d.csv", None, head)

    assert model is not None
    assert (model.losses[0].name, model.losses[0].chosen) == (loss, "inferred")
    assert model.target("y", None) == (model.losses[0], model.heads[0])


@pytest.mark.parametrize("head", ["softmax", "0:softmax", "ten:softmax", "10:swish", ""])
def test_what_is_no_head(head):
    with pytest.raises(NandoctorError, match="not UNITS:ACTIVATION") as error:
        expected_model("d.csv", None, head)
    assert error.value.exit_code == USAGE
