from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nandoctor.facts import History, OptimizerFacts, RunFacts, TripFacts
from nandoctor.facts.dynamics import growth, update_ratios

INF, NAN = math.inf, math.nan


@given(
    factor=st.floats(1.05, 1e6),
    steps=st.integers(8, 40),
    scale=st.floats(1e-3, 1e3),
    seed=st.integers(0, 100),
)
def test_the_factor_of_geometric_growth_is_found_in_noise(factor, steps, scale, seed):
    steps = min(steps + int(6 / math.log10(factor)), int(200 / math.log10(factor)))
    noise = np.random.default_rng(seed).normal(0, 0.1 * math.log(factor), steps)
    values = [scale * factor**step * math.exp(noise[step]) for step in range(steps)]

    found = growth(values)

    assert found is not None
    assert math.log(found.factor) == pytest.approx(math.log(factor), rel=0.15)
    assert found.rise > factor**2
    assert found.last == pytest.approx(values[-1])


@given(st.lists(st.floats(width=32), max_size=60))
def test_any_numbers_can_be_asked_and_only_a_rise_is_growth(values):
    found = growth(values)

    if found is not None:
        assert found.factor > 1.0
        assert 0 < found.steps < len(values)


@given(seed=st.integers(0, 1000), wobble=st.floats(0.0, 0.5), steps=st.integers(3, 200))
def test_a_falling_noisy_loss_does_not_grow_a_thousandfold(seed, wobble, steps):
    noise = np.random.default_rng(seed).normal(0, wobble, steps)
    values = [2.3 * math.exp(-step / 50) * math.exp(noise[step]) for step in range(steps)]

    found = growth(values)

    assert found is None or found.rise < 100


@given(st.lists(st.floats(1e-6, 1e6), min_size=8, max_size=40), st.floats(1e-6, 1e6))
def test_the_unit_does_not_matter(values, unit):
    plain, scaled = growth(values), growth([value * unit for value in values])

    assert (plain is None) == (scaled is None)
    if plain is not None and scaled is not None:
        assert scaled.factor == pytest.approx(plain.factor, rel=1e-6)


def test_the_calm_before_the_growth_is_not_counted():
    calm = list(np.random.default_rng(0).uniform(0.8, 1.2, 100))

    found = growth([*calm, *(3.0**step for step in range(1, 21))])

    assert found is not None
    assert found.factor == pytest.approx(3.0, rel=0.05)
    assert found.steps == pytest.approx(20, abs=2)


def test_a_growth_that_speeds_up_is_told_by_its_last_steps():
    found = growth([2e7, 4e17, 3e28])

    assert found is not None
    assert found.steps == 2
    assert found.factor == pytest.approx(3.9e10, rel=0.1)


@pytest.mark.parametrize(
    "values",
    [
        [1.0, 0.9, 1.1, 3e38],  # one batch
        [1.0] * 50 + [1e6],
        [1.0] * 50 + [10.0, 1000.0],
        [2.0, 1e30],
        [1.0, 100.0] * 30,  # a seesaw
        [2.3] * 60,
        [],
        [NAN, INF, 0.0],
    ],
)
def test_a_leap_is_not_growth(values):
    assert growth(values) is None


def test_steps_without_a_number_are_passed_over():
    values = [2.0**step for step in range(20)]
    values[7], values[12] = NAN, INF

    found = growth(values)

    assert found is not None
    assert found.factor == pytest.approx(2.0)
    assert found.steps == 19


def test_the_step_at_which_it_will_overflow():
    found = growth([2.0**step for step in range(11)])

    assert found is not None
    assert found.steps_to(2.0**128) == 118
    assert found.steps_to(1.0) == 0


def test_plain_gradient_descent_moves_by_rate_times_gradient():
    history = History(0, (1.0,), (0.5,), gradient_norms={"k": (3.0,), "b": (4.0,)}, weight_norms={"k": (5.0,)})

    assert update_ratios(OptimizerFacts("SGD", 1), history) == (0.5,)
    assert update_ratios(OptimizerFacts("SGD", 1, clip="clipnorm=1.0"), history) == ()
    assert update_ratios(OptimizerFacts("Adam", 1), history) == ()


def test_measured_updates_are_taken_together():
    history = History(0, (1.0,), (0.5,), weight_norms={"k": (3.0,), "b": (4.0,)}, updates={"k": (0.1,), "b": (0.1,)})

    assert update_ratios(OptimizerFacts("Adam", 1), history) == pytest.approx((0.1,))


def test_the_records_before_a_step():
    history = History(5, (1.0, 2.0, 3.0), (0.1, 0.1, 0.1), gradient_norms={"k": (1.0, 2.0, NAN)})

    before = history.before(7)

    assert (before.first_step, before.loss, before.gradient_norm) == (5, (1.0, 2.0), (1.0, 2.0))
    assert history.before(3).steps == 0
    assert all(earlier < later for earlier, later in pairwise(before.loss))


def test_a_run_with_the_names_that_its_models_give_to_the_variables():
    history = History(0, (1.0,), (0.1,), gradient_norms={"net/k": (1.0,), "b": (2.0,)}, weight_norms={"net/k": (3.0,)})
    run = RunFacts("train.py", 1, (OptimizerFacts("SGD", 1, history=history),), TripFacts("weights", 0, bad=("net/k",)))

    found = run.renamed({"net/k": "k"})

    assert found.trip is not None
    assert found.trip.bad == ("k",)
    assert found.optimizers[0].history is not None
    assert dict(found.optimizers[0].history.gradient_norms) == {"k": (1.0,), "b": (2.0,)}
    assert dict(found.optimizers[0].history.weight_norms) == {"k": (3.0,)}
