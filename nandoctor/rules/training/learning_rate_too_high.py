"""ND401: a training that diverges."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import ClassVar

from nandoctor.facts import History, LayerFacts, OptimizerFacts, Origin, RunFacts, StepFacts
from nandoctor.facts.dynamics import Growth, growth, largest_update, update_ratios
from nandoctor.finding import Finding, Location, Remedy, Scalar, Severity
from nandoctor.stats import DTYPE_LIMITS
from nandoctor.wording import number, plural

LARGEST = DTYPE_LIMITS["float32"].largest


@dataclass(frozen=True)
class LearningRateTooHigh:
    """The steps are too long: loss, gradients and weights grow from step to step.

    What it finds:
        Geometric growth of the loss (without a loss: of the gradient) up to the last step, together with that of
        gradient and weights. Before anything overflows it is a warning with the step at which it will; where something
        did overflow, an error and the cause of the overflow. Also a single update that multiplied the weights and
        overflowed in the next step; updates that drove a softmax or sigmoid so far that it gave the zero a logarithm or
        division failed on; updates as large as the weights, and a loss far above its first while the weights grow,
        which both lead nowhere (warning).

    Evidence:
        The factor of growth a step and for how many steps, from which value to which; the growth of gradient and
        weights over the same steps; the learning rate; the ratio of update to weights where it is known. The factor is
        that of a robust line through the logarithms of the last finite values.

    Limit and source:
        Gradient descent diverges geometrically above 2 / curvature (LeCun et al., Efficient BackProp, 1998). The loss
        must have risen `rise` 1e3 times, the gradient by its root, and the norm of some variable `weight_rise` 2 times
        over these steps: a loss may grow for a while and come back (Lewkowycz et al., The large learning rate phase,
        2020), but then the weights shrink. Before anything overflows it must last for `steps` 5, and the loss must be
        `leap` 10 times above all that was recorded before. One update: `leap` times the norm of all weights, or a norm
        of `norm` 1e6 after the first one. Updates of `driven` 0.3 of the weights among the last `recent` 20 where what
        failed is a zero that a softmax or sigmoid rounded to. A loss `worse` 100 times the first one. Updates of
        `update_ratio` 1 of the weights, where 1e-3 is usual (CS231n). Measured on 800 small networks of random scales,
        rates and optimizers: of 245 that overflowed 244 were named, of 489 whose loss fell in the end 6 were warned of,
        while it had just risen far above all that it had been.

    Remedy:
        A learning rate 10 times lower, a warm-up, clipping by the global norm (`global_clipnorm=1.0`), and scaled
        inputs and targets, which allow for larger rates.

    When it is fine:
        Spikes that pass, oscillating adversarial losses and a loss that rises in a warm-up are not reported.

    Example:
        import keras
        import numpy as np

        keras.utils.set_random_seed(0)
        x = np.random.default_rng(0).normal(size=(640, 20)).astype("float32")
        model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(16), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.9), "mse")
        model.fit(x, x.sum(axis=1, keepdims=True), batch_size=32, epochs=5, verbose=0)
    """

    rise: float = 1e3
    weight_rise: float = 2.0
    leap: float = 10.0
    steps: int = 5
    norm: float = 1e6
    worse: float = 1e2
    update_ratio: float = 1.0
    driven: float = 0.3
    recent: int = 20

    code: ClassVar[str] = "ND401"
    cause: ClassVar[str] = "learning-rate-too-high"
    title: ClassVar[str] = "Learning rate too high"

    def check(self, run: RunFacts, step: StepFacts | None = None) -> Iterator[Finding]:
        """At most one finding for each optimizer."""
        for place, optimizer in enumerate(run.optimizers):
            if optimizer.history is None:
                continue
            trip = run.trip if run.trip is not None and run.trip.optimizer == place else None
            tripped = trip is not None and trip.kind in ("loss", "gradient", "weights")
            history = optimizer.history if trip is None else optimizer.history.before(trip.step)
            overflowed = tripped and _overflowed(step)
            losses = (*history.loss, *(_beyond(optimizer.history, history.steps) if overflowed else ()))
            has_loss = any(0.0 < loss < math.inf for loss in history.loss)
            values = losses if has_loss else history.gradient_norm
            found = growth(values) if self._has_risen(values) else None
            if found is not None and self._diverges(found, history, tripped):
                yield self._diverging(optimizer, history, found, overflowed, tripped)
            elif overflowed and self._leaps(optimizer, history):
                yield self._leap(optimizer, history)
            elif tripped and step is not None and (rounded := step.rounded_to_zero()) is not None:
                yield from self._driven(optimizer, history, *rounded)
            elif not tripped:
                yield from self._leading_nowhere(optimizer, history)

    def _has_risen(self, values: Sequence[float]) -> bool:
        """Whether the last value is far enough above any other for growth that counts: following that takes longer."""
        known = [value for value in values if 0.0 < value < math.inf]
        return bool(known) and known[-1] >= self.rise * min(known)

    def _diverges(self, found: Growth, history: History, tripped: bool) -> bool:
        """Whether gradient and weights grow with the loss; before a trip also beyond all that the record has before."""
        if not tripped:
            earlier = _finite((history.loss if found.last in history.loss else history.gradient_norm)[: -found.steps])
            if found.steps < self.steps or found.last < self.leap * max(earlier, default=0.0):
                return False
        gradient = _rise(history.gradient_norm, found.steps)
        weights = max((_rise(norms, found.steps) for norms in history.weight_norms.values()), default=math.inf)
        return found.rise >= self.rise and gradient >= math.sqrt(self.rise) and weights >= self.weight_rise

    def _leaps(self, optimizer: OptimizerFacts, history: History) -> bool:
        """Whether the last update multiplied the weights, or, of one step alone, made nearly all of what they are."""
        weights = history.weight_norm
        if len(weights) > 1:
            return weights[-1] >= self.leap * weights[-2] > 0.0
        ratios = update_ratios(optimizer, history)
        return bool(ratios) and ratios[-1] >= 0.5 and weights[-1] >= self.norm

    def _diverging(
        self, optimizer: OptimizerFacts, history: History, found: Growth, overflowed: bool, tripped: bool
    ) -> Finding:
        gradient = _rise(history.gradient_norm, found.steps)
        weights = max((_rise(norms, found.steps) for norms in history.weight_norms.values()), default=math.nan)
        what = "loss" if found.last in history.loss or found.last >= LARGEST / 2 else "gradient norm"
        last = history.first_step + history.steps - 1
        ahead = last + found.steps_to(LARGEST)
        reached = number(found.last) if found.last < LARGEST else f"beyond {number(LARGEST)}"
        if overflowed:
            then = "Then it overflowed."
        elif tripped:
            then = "What tripped is not an overflow."
        else:
            then = f"At this growth it passes float32's largest number ({number(LARGEST)}) at step {ahead:,}."
        evidence: dict[str, Scalar] = {
            "growth": found.factor,
            "steps": found.steps,
            "rise": found.rise,
            "gradient_rise": gradient,
            "weight_rise": weights,
        }
        return self._finding(
            optimizer,
            history,
            "error" if overflowed else "warning",
            (
                f"The {what} grew {number(found.factor)} times a step for the last {plural(found.steps, 'step')}, from "
                f"{number(found.first)} to {reached} (limit {number(self.rise)}-fold), the gradient norm "
                f"{_fold(gradient)}, the norm of a variable {_fold(weights)} (limit "
                f"{number(self.weight_rise)}). {then}"
            ),
            evidence=evidence if tripped else {**evidence, "overflow_step": ahead},
            limits={"rise": self.rise, "weight_rise": self.weight_rise},
        )

    def _leap(self, optimizer: OptimizerFacts, history: History) -> Finding:
        weights = history.weight_norm
        leap = weights[-1] / weights[-2] if len(weights) > 1 else math.nan
        told = (
            f"multiplied the weights' norm by {number(leap)} (limit {number(self.leap)}), to {number(weights[-1])}"
            if len(weights) > 1
            else f"made the weights what they are, with a norm of {number(weights[-1])} (limit {number(self.norm)})"
        )
        return self._finding(
            optimizer,
            history,
            "error",
            f"The last update before the overflow {told}; the gradient's norm was {number(history.gradient_norm[-1])}.",
            evidence={"leap": leap, "norm": weights[-1], "gradient_norm": history.gradient_norm[-1]},
            limits={"leap": self.leap, "norm": self.norm},
        )

    def _driven(
        self, optimizer: OptimizerFacts, history: History, origin: Origin, layer: LayerFacts
    ) -> Iterator[Finding]:
        """An error where the updates were long enough to drive the layer into the saturation that failed."""
        ratio, at_least = largest_update(optimizer, history, self.recent)
        if ratio < self.driven:
            return
        yield self._finding(
            optimizer,
            history,
            "error",
            f"Within the last {plural(min(self.recent, history.steps), 'step')} an update was "
            f"{'at least ' if at_least else ''}{number(ratio)} times as large as the weights (usual 0.001, limit "
            f"{number(self.driven)}), and the {layer.op_type} of {layer.layer} was driven so far that it rounds to 0: "
            f"its logits differ by up to {number(layer.margin or 0.0)}.",
            evidence={"update_ratio": ratio, "margin": layer.margin or 0.0, "drove": origin.op},
            limits={"driven": self.driven},
        )

    def _leading_nowhere(self, optimizer: OptimizerFacts, history: History) -> Iterator[Finding]:
        """A warning where updates replace the weights, or the loss is far above its first with weights that grew."""
        if history.first_step > 0 or history.steps < 20:
            return
        first = median(_finite(history.loss[:5]) or [math.nan])
        last = median(_finite(history.loss[-(history.steps // 4) :]) or [math.nan])
        ratios = _finite(update_ratios(optimizer, history)[-20:])
        weights = history.weight_norm[-1] / history.weight_norm[0] if history.weight_norm[0] else math.nan
        losses = f"the loss was {number(first)} at the start and is {number(last)} (medians)"
        if last > self.worse * first > 0.0 and weights >= self.leap:
            yield self._finding(
                optimizer,
                history,
                "warning",
                f"After {plural(history.steps, 'step')} {losses}, above {number(self.worse)} times as much, and the "
                f"norm of the weights grew {number(weights)}-fold (limit {number(self.leap)}).",
                evidence={"worse": last / first, "weight_rise": weights},
                limits={"worse": self.worse, "leap": self.leap},
            )
        elif len(ratios) == 20 and median(ratios) >= self.update_ratio and last >= first > 0.0:
            yield self._finding(
                optimizer,
                history,
                "warning",
                f"Each update is {number(median(ratios))} times as large as the weights (median of 20 steps, limit "
                f"{number(self.update_ratio)}), and {losses}: nothing is kept from one step to the next.",
                evidence={"update_ratio": median(ratios), "worse": last / first},
                limits={"update_ratio": self.update_ratio},
            )

    def _finding(
        self,
        optimizer: OptimizerFacts,
        history: History,
        severity: Severity,
        message: str,
        *,
        evidence: dict[str, Scalar],
        limits: dict[str, float],
    ) -> Finding:
        rate = history.learning_rate[-1] if history.learning_rate else math.nan
        known = [(place, one) for place, one in enumerate(update_ratios(optimizer, history)) if math.isfinite(one)]
        told, ratios = "", dict[str, Scalar]()
        if known and known[-1][0] == history.steps - 1:
            told = f", and the last update was {number(known[-1][1])} times as long as the weights"
            ratios["last_update"] = known[-1][1]
        elif known:
            step = history.first_step + known[-1][0]
            told = f", and the update of step {step:,} was {number(known[-1][1])} times as long as the weights"
        clip = f", with {optimizer.clip}" if optimizer.clip else ""
        if known and history.first_step == 0 and optimizer.name == "SGD" and optimizer.clip is None:
            ratios["first_update_norm"] = abs(history.learning_rate[0]) * history.gradient_norm[0]
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity=severity,
            title=self.title,
            message=f"{message} The learning rate of {optimizer.name} is {number(rate)}{clip}{told}.",
            location=Location(phase="update"),
            evidence={"learning_rate": rate, **evidence, **ratios},
            limits=limits,
            remedies=(
                Remedy("lower-learning-rate", f"Lower the learning rate, to {number(rate / 10)} to start with"),
                Remedy("clip-gradient", "Clip the gradient by its norm: the optimizer's global_clipnorm=1.0"),
                Remedy("scale-data", "Scale inputs and targets to unit variance, which allows for larger rates"),
            ),
            about=f"optimizer:{optimizer.name}",
        )


def _overflowed(step: StepFacts | None) -> bool:
    """Whether what tripped began as an overflow, or nothing is known of how it began.

    Of the places where it began one must be an op that made an infinity of finite numbers, or took numbers whose
    square is one.
    """
    roots = [origin for origin in step.origins if not origin.parents and not origin.contained] if step else []
    return not roots or any(
        origin.from_finite
        and (
            origin.output.positive_inf + origin.output.negative_inf > 0
            or any(operand.blamed.max_abs > math.sqrt(LARGEST) for operand in origin.floats)
        )
        for origin in roots
    )


def _beyond(history: History, place: int) -> Sequence[float]:
    """The largest number for an infinite loss at that place: it is no smaller."""
    return (LARGEST,) if place < history.steps and history.loss[place] == math.inf else ()


def _rise(values: Sequence[float], steps: int) -> float:
    """How many times larger the last finite value is than that of so many steps before; Inf where there is none."""
    window = [value for value in values[-steps - 1 :] if 0.0 < value < math.inf]
    return window[-1] / window[0] if len(window) > 1 else math.inf


def _fold(rise: float) -> str:
    return f"{number(rise)}-fold" if math.isfinite(rise) else "beyond the range of the record"


def _finite(values: Sequence[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]
