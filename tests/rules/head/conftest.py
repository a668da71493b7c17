"""A model made by hand: one head, one loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nandoctor.facts import HeadFacts, LossFacts, SubjectFacts
from nandoctor.stats import TensorStats


@pytest.fixture
def subject_of() -> Callable[..., SubjectFacts]:
    """`subject_of("sigmoid", "binary_crossentropy", units=1, values=[0.1, 0.9])`."""

    def make(
        activation: Any,
        loss: str,
        *,
        units: int = 3,
        values: Any = (0.1, 0.9),
        from_logits: bool | None = False,
        chosen: Any = "compiled",
        earlier: Any = None,
    ) -> SubjectFacts:
        head = HeadFacts(
            output="out",
            layer="dense",
            op="model/dense/Last",
            op_type="Last",
            units=units,
            shape=(None, units),
            dtype="float32",
            activation=activation,
            earlier_activation=earlier,
            stats=TensorStats.of(np.array(values)),
        )
        losses = (LossFacts(loss, chosen, "for the test", from_logits),)
        return SubjectFacts("keras", "m.keras", ".keras file", None, (), heads=(head,), losses=losses)

    return make
