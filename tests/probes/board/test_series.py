"""What was observed, as numbers and histograms by tag."""

from __future__ import annotations

import math

import numpy as np

from nandoctor.facts import GradientFacts, History, LayerFacts, StepFacts, TermFacts
from nandoctor.probes.board.series import looked, recorded, scanned
from nandoctor.stats import TensorStats

NAN, INF = math.nan, math.inf
HISTORY = History(
    first_step=5,
    loss=(1.0, 0.5, INF),
    learning_rate=(0.1, 0.1, 0.05),
    terms={"mse": (0.75, 0.25, INF)},
    gradient_norms={"dense/kernel": (3.0, 0.0, NAN), "dense/bias": (4.0, 1.0, NAN)},
    updates={"dense/kernel": (NAN, 0.25, NAN)},
)


def stats(*values: float) -> TensorStats:
    return TensorStats.of(np.array(values))


def layer(name: str, *values: float) -> LayerFacts:
    return LayerFacts(name, name, "Relu", "float32", stats(*values), len(values))


def gradient(variable: str, values: TensorStats | None) -> GradientFacts:
    norm = values.norm if values is not None else 0.0
    return GradientFacts(variable, None, (2,), "float32", values, norm, 1.0)


def step(*layers: LayerFacts, gradients: tuple[GradientFacts, ...] = (), **more: object) -> StepFacts:
    known = {"batches": 2, "rows": 4, "executions": 9, "losses": (), "origins": (), **more}
    return StepFacts(layers=layers, gradients=gradients, **known)  # type: ignore[arg-type]


def test_a_record_gives_each_step_its_numbers() -> None:
    (first, numbers), (second, after), _ = recorded(HISTORY, -1)

    assert (first, second) == (5, 6)
    assert numbers == {
        "loss": 1.0,
        "learning_rate": 0.1,
        "loss_term/mse": 0.75,
        "gradient_norm": 5.0,
        "gradient_norm/dense/kernel": 3.0,
        "gradient_norm/dense/bias": 4.0,
    }
    assert after["update_ratio/dense/kernel"] == 0.25


def test_what_was_not_finite_is_there_as_it_was_measured() -> None:
    *_, (last, numbers) = recorded(HISTORY, -1)

    assert (last, numbers["loss"]) == (7, INF)
    assert math.isnan(numbers["gradient_norm"])
    assert "update_ratio/dense/kernel" not in numbers


def test_only_what_is_new_is_given() -> None:
    assert [number for number, _ in recorded(HISTORY, 5)] == [6, 7]
    assert [number for number, _ in recorded(HISTORY, 7)] == []
    assert [number for number, _ in recorded(HISTORY, 2)] == [5, 6, 7]


def test_a_look_gives_headroom_and_histograms() -> None:
    found = looked(step(layer("hidden", 0.0, 2.0, NAN), gradients=(gradient("hidden/kernel", stats(2.0**126)),)))

    assert {tag: round(value) for tag, value in found.scalars.items()} == {
        "headroom": 2,
        "headroom/activation/hidden": 127,
        "headroom/gradient/hidden/kernel": 2,
        "nonfinite/activation/hidden": 1,
    }
    assert found.histograms["activation/hidden"].tolist() == [[0, 0, 1], [2, 2, 1]]
    assert found.histograms["gradient/hidden/kernel"][0, 2] == 1


def test_a_layer_that_is_called_twice_has_two_tags() -> None:
    assert list(looked(step(layer("shared", 1.0), layer("shared", 2.0))).histograms) == [
        "activation/shared",
        "activation/shared_2",
    ]


def test_without_a_gradient_or_a_histogram_nothing_is_given() -> None:
    alone = LayerFacts("a", "a", "Relu", "float32", TensorStats.quickly(np.zeros(3)), 3)

    found = looked(step(alone, gradients=(gradient("a/kernel", None),)))

    assert (found.scalars, found.histograms) == ({}, {})


def test_a_scan_gives_the_loss_of_each_batch_and_the_rest_once() -> None:
    terms = (TermFacts("mse", "Mean", None, (), stats(1.0, 2.0)), TermFacts("log", "Mean", None, (), stats(1.0, INF)))
    gradients = (gradient("kernel", stats(3.0, 4.0)), gradient("bias", stats(1.0, NAN)), gradient("cut", None))

    (_, together), *losses = scanned(step(losses=(1.5, INF), terms=terms, gradients=gradients))

    assert losses == [(0, {"loss": 1.5}), (1, {"loss": INF})]
    assert (together["loss_term/mse"], together["gradient_norm/kernel"]) == (1.5, 5.0)
    assert math.isnan(together["loss_term/log"])
    assert math.isnan(together["gradient_norm/bias"])
    assert "gradient_norm/cut" not in together
