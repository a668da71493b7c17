"""What sums, means, norms and spreads make of what is known of their terms."""

from __future__ import annotations

import math
from dataclasses import replace

from nandoctor.probes.source.value import MEAN_OF_SQUARES, UNKNOWN, Arguments, Named, Value, joined, within

# Sums of these are 0 where every one of them is; that a mask is empty is up to the data.
_VANISHING = frozenset({"relu", "square", "maximum", MEAN_OF_SQUARES})


def total(arguments: Arguments, _named: Named) -> Value:
    """A sum is as positive as its terms; it vanishes where all of them can."""
    first = arguments[0]
    if first.items:
        first = joined(first.items)
    low, high = (first.low if first.low >= 0 else -math.inf), (first.high if first.high <= 0 else math.inf)
    return replace(within(low, high, _vanishing(first)), exps=first.exps)


def mean(arguments: Arguments, _named: Named) -> Value:
    """A mean lies where its terms lie."""
    first = arguments[0]
    made_by = MEAN_OF_SQUARES if first.made_by == "square" else None
    return replace(within(first.low, first.high, _vanishing(first), made_by), exps=first.exps)


def _vanishing(terms: Value) -> list[tuple[float, str]]:
    if terms.low != 0.0 or terms.made_by not in _VANISHING:
        return []
    of_what = {"relu": "ReLUs that all give 0", "square": "zeros"}.get(terms.made_by, "zeros")
    return [(0.0, f"the sum over {of_what} is 0")]


def extreme(arguments: Arguments, _named: Named) -> Value:
    """The largest or smallest value, which lies where the values lie."""
    values = arguments[0]
    if values.made_by in _VANISHING:
        return total(arguments, _named)
    # The largest of probabilities that sum to 1 is not 0.
    return replace(values, made_by=None, reaches=() if values.made_by == "softmax" else values.reaches)


def spread(_arguments: Arguments, _named: Named) -> Value:
    """A standard deviation or a variance, which is 0 for equal values."""
    return within(0.0, math.inf, [(0.0, "the spread of equal values is 0")])


def norm(_arguments: Arguments, _named: Named) -> Value:
    """A norm, which is 0 for zeros."""
    return within(0.0, math.inf, [(0.0, "the norm of zeros is 0")])


def moments(arguments: Arguments, named: Named) -> Value:
    """Mean and variance."""
    return replace(UNKNOWN, items=(replace(UNKNOWN, made_by="reduce_mean"), spread(arguments, named)))
