"""What the user says of a model that is not there: its loss, and its head."""

from __future__ import annotations

import re
from typing import cast, get_args

from nandoctor.errors import USAGE, NandoctorError
from nandoctor.facts.subject import Activation, HeadFacts, LossFacts, SubjectFacts
from nandoctor.wording import listing

LOSS_OF_HEAD = {"softmax": "sparse_categorical_crossentropy", "sigmoid": "binary_crossentropy"}
SHORT_NAMES = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy",
}


def expected_model(path: str, loss: str | None, head: str | None) -> SubjectFacts | None:
    """The model that `--loss NAME` and `--head UNITS:ACTIVATION` describe, None where neither is given.

    A head without a loss gets the one that it usually has. NandoctorError (exit code 2) for what is no head.
    """
    if loss is None and head is None:
        return None
    last = None if head is None else _head(head)
    if loss is not None:
        found = LossFacts(loss_name(loss), "given", f"{loss_name(loss)}, as given by --loss")
    else:
        name = LOSS_OF_HEAD.get(last.activation if last else "linear", "mean_squared_error")
        found = LossFacts(name, "inferred", f"{name}, inferred from --head {head}")
    return SubjectFacts(
        "data", path, "no model: the loss and the head are as given", None, (), (last,) if last else (), (found,)
    )


def loss_name(given: str) -> str:
    """Keras' snake-case name of a loss given by that, by its class (`MeanSquaredError`) or by its short name."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", given.strip()).lower()
    return SHORT_NAMES.get(snake, snake)


def _head(text: str) -> HeadFacts:
    units, _, activation = text.partition(":")
    known = get_args(Activation)
    if not units.isdigit() or not int(units) or (activation or "linear") not in known:
        raise NandoctorError(
            f"--head {text}: not UNITS:ACTIVATION, such as 10:softmax; activations are {listing(known)}", USAGE
        )
    named = cast(Activation, activation or "linear")
    return HeadFacts("output", None, None, None, int(units), (None, int(units)), "float32", named)
