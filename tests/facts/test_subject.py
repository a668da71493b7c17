from __future__ import annotations

import numpy as np
import pytest

from nandoctor.facts import HeadFacts, InputFacts, LossFacts, SubjectFacts
from nandoctor.stats import TensorStats


def entry(**known):
    return InputFacts("x", (None, 2), "float32", **known)


def head(output):
    return HeadFacts(output, None, None, None, 1, (None, 1), "float32", "linear")


def loss(output=None, label=None, chosen="compiled"):
    return LossFacts("mse", chosen, "said so", None, output, label)


def subject(losses=(), outputs=("out",)):
    return SubjectFacts(
        "keras", "m.keras", ".keras file", None, (entry(),), tuple(head(output) for output in outputs), losses
    )


@pytest.mark.parametrize(
    ("known", "reaches"),
    [
        ({"consumers": ("MatMul",)}, True),
        ({"consumers": ("Log1p",)}, False),
        ({}, False),
        ({"consumers": ("MatMul",), "embeds": True}, False),
        ({"consumers": ("MatMul",), "scaled_by": "normalization"}, False),
        ({"at_first_kernel": TensorStats.of(np.array([60.0]))}, True),
        ({"at_first_kernel": TensorStats.of(np.array([4.6]))}, False),
    ],
)
def test_whether_a_hundred_arrives_at_a_kernel(known, reaches):
    assert entry(**known).reaches_kernel(100.0) is reaches


def test_an_input_by_name():
    assert subject().input_named("x") == entry()
    assert subject().input_named("z") is None
    assert subject().input_named(None) is None


def test_the_loss_of_a_label_is_found_by_label_output_or_because_it_is_for_all():
    by_label, by_output, for_all = loss("b", "y"), loss("b"), loss()

    assert subject((loss("a", "z"), by_label), ("a", "b")).target("y", None) == (by_label, head("b"))
    assert subject((loss("a"), by_output), ("a", "b")).target("y", "b") == (by_output, head("b"))
    assert subject((for_all,), ("a", "b")).target("y", "a") == (for_all, head("a"))
    assert subject((for_all,), ("a",)).target("y", None) == (for_all, head("a"))


def test_a_loss_that_names_its_label_by_the_output_it_is_bound_to():
    bound = loss("b", "b")

    assert subject((loss("a", "a"), bound), ("a", "b")).target("y", "b") == (bound, head("b"))
    assert subject((bound,), ("a", "b")).target("y", "a") is None


def test_no_head_is_guessed_among_several():
    assert subject((loss(),), ("a", "b")).target("y", None) == (loss(), None)


def test_a_loss_without_labels_judges_none():
    assert subject((loss(chosen="outputs"),)).target("y", "out") is None
    assert subject().target("y", "out") is None
