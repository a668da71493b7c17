"""What was observed as TensorBoard's series: numbers and histograms by tag."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nandoctor.facts import GradientFacts, History, StepFacts
from nandoctor.probes.board.buckets import buckets
from nandoctor.probes.models.unique_names import unique_names
from nandoctor.stats import Array, TensorStats


@dataclass(frozen=True)
class Looked:
    """A look at a step: numbers by tag, and histograms as the buckets that `buckets` makes."""

    scalars: Mapping[str, float] = field(default_factory=dict)
    histograms: Mapping[str, Array] = field(default_factory=dict)


def recorded(history: History, after: int) -> Iterator[tuple[int, dict[str, float]]]:
    """The numbers of each recorded step after that one, by tag; NaN and infinities as they were measured."""
    first = max(after + 1, history.first_step)
    gradient_norm = history.gradient_norm
    for step in range(first, history.first_step + history.steps):
        place = step - history.first_step
        numbers = {"loss": history.loss[place], "learning_rate": history.learning_rate[place]}
        numbers |= {f"loss_term/{name}": values[place] for name, values in history.terms.items()}
        if history.gradient_norms:
            numbers["gradient_norm"] = gradient_norm[place]
        numbers |= {f"gradient_norm/{name}": values[place] for name, values in history.gradient_norms.items()}
        # Not a number is here what was not measured.
        measured = {name: values[place] for name, values in history.updates.items() if not math.isnan(values[place])}
        numbers |= {f"update_ratio/{name}": value for name, value in measured.items()}
        yield step, numbers


def looked(step: StepFacts) -> Looked:
    """How far the layers and gradients of a step that was looked at are from the limits of their dtypes, and how full.

    A layer that is called several times has a tag for each.
    """
    names = unique_names(layer.layer for layer in step.layers)
    gradients = [(one, one.stats) for one in step.gradients if one.stats is not None]
    seen = [(f"activation/{name}", one.activation, one.dtype) for name, one in zip(names, step.layers, strict=True)]
    seen += [(f"gradient/{one.variable}", stats, one.dtype) for one, stats in gradients]
    scalars: dict[str, float] = {}
    histograms: dict[str, Array] = {}
    for name, stats, dtype in seen:
        headroom = stats.headroom(dtype)
        if headroom is not None:
            scalars[f"headroom/{name}"] = headroom
        if stats.nonfinite:
            scalars[f"nonfinite/{name}"] = stats.nonfinite
        if stats.histogram is not None:
            histograms[name] = buckets(stats)
    if scalars:
        known = [value for tag, value in scalars.items() if tag.startswith("headroom/")]
        scalars |= {"headroom": min(known)} if known else {}
    return Looked(scalars, histograms)


def scanned(step: StepFacts) -> Iterator[tuple[int, dict[str, float]]]:
    """The numbers of a scan: the loss of each batch, and with the first of them what is known of all batches together.

    A term of the loss is its mean, the norm of a gradient the largest of one batch; either is NaN where a value was not
    finite.
    """
    together = {f"loss_term/{one.name}": _mean(one.stats) for one in step.terms}
    norms = {one.variable: _norm(one) for one in step.gradients if one.stats is not None}
    together |= {f"gradient_norm/{name}": norm for name, norm in norms.items()}
    yield 0, together
    yield from ((batch, {"loss": loss}) for batch, loss in enumerate(step.losses))


def _mean(stats: TensorStats) -> float:
    return math.nan if stats.nonfinite or not stats.count else stats.mean


def _norm(gradient: GradientFacts) -> float:
    return math.nan if gradient.stats is None or gradient.stats.nonfinite else gradient.norm
