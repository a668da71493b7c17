from __future__ import annotations

import math

import numpy as np
import pytest

from nandoctor.rules.training.learning_rate_too_high import LearningRateTooHigh

INF, NAN = math.inf, math.nan


def descent(rate, steps=400, seed=0, columns=8, noise=0.0):
    """Losses, gradient and weight norms of gradient descent on a linear regression in float32, up to a trip."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(256, columns)).astype("f4")
    y = (x @ random.normal(size=columns)).astype("f4") + noise * random.normal(size=256).astype("f4")
    w = (random.normal(size=columns) / 3).astype("f4")
    losses, gradients, weights = [], [], []
    for _ in range(steps):
        rows = random.integers(0, 256, 16)
        with np.errstate(over="ignore", invalid="ignore"):
            error = x[rows] @ w - y[rows]
            gradient = 2 * x[rows].T @ error / np.float32(16)
            losses.append(float(np.mean(error * error)))
            gradients.append(float(np.sqrt(np.sum(gradient * gradient))))
            if not math.isfinite(losses[-1]):
                weights.append(0.0)
                break
            w = (w - np.float32(rate) * gradient).astype("f4")
            weights.append(float(np.sqrt(np.sum(w * w))))
    return losses, gradients, weights


def test_a_diverging_descent_is_the_cause_of_its_overflow(history_of, run_of, origin_of, step_of):
    overflow = origin_of("Square", [1e30], result=[INF])
    history = history_of(*descent(2.0), rates=2.0)

    (finding,) = LearningRateTooHigh().check(run_of(history, "loss"), step_of(overflow))

    assert (finding.cause, finding.severity, finding.location.phase) == ("learning-rate-too-high", "error", "update")
    assert finding.evidence["growth"] > 10
    assert finding.evidence["learning_rate"] == 2.0
    assert finding.limits == {"rise": 1e3, "weight_rise": 2.0}
    assert "times a step for the last" in finding.message
    assert "Then it overflowed" in finding.message


def test_divergence_is_named_before_anything_overflows_with_the_step_at_which_it_will(history_of, run_of):
    losses, gradients, weights = descent(2.0)
    trip = len(losses) - 1
    seen = slice(0, trip // 2)

    (finding,) = LearningRateTooHigh().check(
        run_of(history_of(losses[seen], gradients[seen], weights[seen], rates=2.0))
    )

    assert finding.severity == "warning"
    assert finding.evidence["overflow_step"] == pytest.approx(trip, rel=0.2)
    assert f"at step {finding.evidence['overflow_step']:,}" in finding.message


@pytest.mark.parametrize("rate", [0.003, 0.01, 0.03, 0.05])
@pytest.mark.parametrize("seed", range(4))
def test_a_descent_that_converges_is_silent_at_every_step(rate, seed, history_of, run_of):
    losses, gradients, weights = descent(rate, steps=120, seed=seed, noise=0.1)
    for seen in range(1, 120, 7):
        history = history_of(losses[:seen], gradients[:seen], weights[:seen], rates=rate)
        assert not list(LearningRateTooHigh().check(run_of(history)))


def test_an_overflow_in_three_steps(history_of, run_of):
    history = history_of([2e7, 4e17, 3e28, INF], [1e9, 1e15, 1e20, NAN], [4.0, 1e7, 1e13, 0.0])

    (finding,) = LearningRateTooHigh().check(run_of(history, "loss"))

    assert finding.evidence["steps"] == 3
    assert finding.severity == "error"


def test_one_update_that_multiplied_the_weights(history_of, run_of):
    history = history_of([0.7, 0.6, 0.7, INF], [1.0, 1.0, 1e9, NAN], [4.0, 4.0, 1e8, 0.0])

    (finding,) = LearningRateTooHigh().check(run_of(history, "loss", name="Adam"))

    assert finding.evidence["leap"] == 2.5e7
    assert finding.limits["leap"] == 10.0


def test_a_first_update_that_is_all_there_is_of_the_weights(history_of, run_of):
    history = history_of([2e7, INF], [1e12, NAN], [1e11, 0.0])

    (finding,) = LearningRateTooHigh().check(run_of(history, "loss"))

    assert "made the weights what they are" in finding.message


@pytest.mark.parametrize("before", [[0.7, 0.69, 0.71], [0.7] * 100, [2.0, 1e3, 0.7]])
def test_a_batch_that_is_bad_by_itself_is_not_the_rates_fault(before, history_of, run_of, origin_of, step_of):
    history = history_of([*before, INF])
    overflow = origin_of("Square", [1e30], result=[INF])

    assert not list(LearningRateTooHigh().check(run_of(history, "loss"), step_of(overflow)))


def test_growth_before_a_trip_that_is_no_overflow_is_a_warning(history_of, run_of, origin_of, step_of):
    from_data = origin_of("", result=[NAN], kind="input")
    history = history_of(*descent(2.0, steps=15), rates=2.0)

    (finding,) = LearningRateTooHigh().check(run_of(history, "loss"), step_of(from_data))

    assert finding.severity == "warning"
    assert "not an overflow" in finding.message


def test_updates_as_large_as_the_weights(history_of, run_of):
    history = history_of([2.3, 400.0] * 20, [100.0] * 40, [9.0] * 40)

    (finding,) = LearningRateTooHigh().check(run_of(history))

    assert finding.severity == "warning"
    assert finding.evidence["update_ratio"] == pytest.approx(10 / 9)


def test_a_loss_far_above_its_start_with_weights_that_grew(history_of, run_of):
    losses = [2.3] * 5 + [9e3, 1e5] * 20
    history = history_of(losses, [1.0] * 45, [5.0] + [900.0] * 44)

    (finding,) = LearningRateTooHigh().check(run_of(history, name="Adam"))

    assert finding.evidence["worse"] > 1e3


@pytest.mark.parametrize(
    "losses",
    [
        [2.3 * 0.97**step for step in range(100)] + [80.0],  # a spike
        [2.0 - math.sin(step / 3) for step in range(100)],  # adversarial
        [1.0, 2.0, 5.0, 20.0, 60.0, 90.0, 40.0, 9.0, 3.0, *([1.0] * 40)],  # a warm-up that rises and comes back
        [1e-12 * 2**step for step in range(30)],  # converged, and moving away again
        [-0.5 * step for step in range(60)],  # a critic without a bound
        [NAN] * 40,
    ],
)
def test_healthy_histories_are_silent(losses, history_of, run_of):
    assert not list(LearningRateTooHigh().check(run_of(history_of(losses, losses), name="Adam")))


def test_a_loss_that_grows_while_the_weights_do_not_comes_from_elsewhere(history_of, run_of):
    losses = [2.0**step for step in range(40)]

    assert not list(LearningRateTooHigh().check(run_of(history_of(losses, losses), name="Adam")))


def test_without_a_loss_the_gradient_tells(history_of, run_of):
    grows = [2.0**step for step in range(40)]

    (finding,) = LearningRateTooHigh().check(run_of(history_of([0.0] * 40, grows, grows)))

    assert "The gradient norm grew 2 times a step" in finding.message


def test_a_run_that_goes_on_after_a_trip_is_judged_by_what_came_before(history_of, run_of):
    from nandoctor.facts import TripFacts

    losses = [1.0] * 30 + [NAN] + [1.0] * 30

    assert not list(LearningRateTooHigh().check(run_of(history_of(losses), TripFacts("loss", 30))))
