"""Runs made by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from nandoctor.facts import History, OptimizerFacts, RunFacts, TripFacts


@pytest.fixture
def history_of() -> Callable[..., History]:
    """`history_of(losses, gradients=, weights=, rates=)`: one kernel; what is not given is 1 at each step."""

    def make(
        losses: Sequence[float],
        gradients: Sequence[float] | None = None,
        weights: Sequence[float] | None = None,
        *,
        rates: Sequence[float] | float = 0.1,
        first_step: int = 0,
        updates: Sequence[float] | None = None,
    ) -> History:
        ones = (1.0,) * len(losses)
        return History(
            first_step=first_step,
            loss=tuple(losses),
            learning_rate=(rates,) * len(losses) if isinstance(rates, float) else tuple(rates),
            gradient_norms={"dense/kernel": ones if gradients is None else tuple(gradients)},
            weight_norms={"dense/kernel": ones if weights is None else tuple(weights)},
            updates={} if updates is None else {"dense/kernel": tuple(updates)},
        )

    return make


@pytest.fixture
def run_of() -> Callable[..., RunFacts]:
    """`run_of(history, trip=kind, name="SGD")`: one optimizer, tripped at the last recorded step if at all."""

    def make(history: History | None = None, trip: Any = None, run: Any = None, **optimizer: Any) -> RunFacts:
        steps = history.first_step + history.steps if history else 100
        told = OptimizerFacts(**{"name": "SGD", "steps": steps, "history": history, **optimizer})
        if isinstance(trip, str):
            trip = TripFacts(trip, steps - 1)
        return RunFacts(script="train.py", steps=steps, optimizers=(told,), trip=trip, **(run or {}))

    return make
