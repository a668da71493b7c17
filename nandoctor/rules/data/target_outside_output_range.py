"""ND113: targets that the last activation cannot reach."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, Cell, ColumnFacts, DataFacts, HeadFacts, LossFacts, SubjectFacts
from nandoctor.facts.data import QUANTILE_LEVELS
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import listing, number

RANGES = {"sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, math.inf)}
REGRESSION_LOSSES = frozenset(
    {"mean_squared_error", "mse", "mean_absolute_error", "mae", "mean_absolute_percentage_error", "mape"}
    | {"mean_squared_logarithmic_error", "msle", "huber", "log_cosh", "logcosh"}
)


@dataclass(frozen=True)
class TargetOutsideOutputRange:
    """Targets lie where the last activation never gets.

    What it finds:
        A regression whose head ends in a bounded activation, with targets beyond its bounds: a sigmoid with targets of
        0..4, a tanh with 7..12, a ReLU with negative ones. The loss cannot fall below what is cut off; the
        head is driven into saturation, where its gradient vanishes.

    Evidence:
        The share of rows beyond the bounds: exact where fewer than 16 cells are outside on each side, else what the
        quantiles prove at least; the range of the targets; rows of the first known ones.

    Limit and source:
        `share` 1 % of the rows in the worst column: a few strays are outliers, not a wrong head. `hopeless` 0.5: when
        half of the targets cannot be reached it is an error. The ranges are those of the functions.

    Remedy:
        A linear head, or targets scaled into the activation's range.

    When it is fine:
        When the cut is wanted (a ReLU that clips slightly negative noise): raise `share`. Cross-entropies with targets
        outside 0..1 are labels-out-of-range.

    Example:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
        x = np.random.default_rng(0).uniform(0, 1, (64, 2)).astype(np.float32)
        y = 2 + 2 * x[:, :1]
        loss = "mean_squared_error"
    """

    code: ClassVar[str] = "ND113"
    cause: ClassVar[str] = "target-outside-output-range"
    title: ClassVar[str] = "Targets outside the range of the last activation"

    share: float = 0.01
    hopeless: float = 0.5

    def check(self, data: DataFacts, subject: SubjectFacts) -> Iterator[Finding]:
        """One finding for each regression label with more than the share of its rows out of the head's reach."""
        for array in data.labels:
            loss, head = subject.target(array.name, array.bound_to) or (None, None)
            if loss is None or head is None or head.activation not in RANGES:
                continue
            if loss.name.lower() not in REGRESSION_LOSSES:
                continue
            low, high = RANGES[head.activation]
            shares = [(column, *_share_outside(column, low, high)) for column in array.columns]
            worst = max(shares, key=lambda entry: entry[1], default=None)
            if worst is not None and worst[1] > self.share:
                yield self._explain(data, array, head, loss, worst)

    def _explain(
        self,
        data: DataFacts,
        array: ArrayFacts,
        head: HeadFacts,
        loss: LossFacts,
        worst: tuple[ColumnFacts, float, tuple[Cell, ...], bool],
    ) -> Finding:
        column, share, cells, exact = worst
        low, high = RANGES[head.activation]
        minimum, maximum = column.stats.minimum or 0.0, column.stats.maximum or 0.0
        limits: dict[str, int | float] = {"share": self.share, "hopeless": self.hopeless, "low": low}
        if math.isfinite(high):
            limits["high"] = high
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="error" if share >= self.hopeless else "warning",
            title=self.title,
            message=(
                f"{'' if exact else 'At least '}{share:.1%} of labels {array.name!r} (limit {self.share:.0%}), which "
                f"lie in {number(minimum)}..{number(maximum)}, are outside {number(low)}..{number(high)}, all that the "
                f"{head.activation} at the end of {head.layer or head.output} can give; rows "
                f"{listing([cell.row for cell in cells])}."
            ),
            location=data.location([column.name], cells[:16]),
            evidence={
                "share": share,
                "minimum": minimum,
                "maximum": maximum,
                "activation": head.activation,
                "loss": loss.name,
            },
            limits=limits,
            remedies=(
                Remedy("linear-head", "End the model in a linear layer"),
                Remedy("scale-target", f"Scale the targets into the range of {head.activation}"),
            ),
            about=array.about,
        )


def _none_inside(column: ColumnFacts, low: float, high: float) -> bool:
    """Whether all values lie on one side of the range."""
    minimum, maximum = column.stats.minimum, column.stats.maximum
    return (minimum is not None and minimum > high) or (maximum is not None and maximum < low)


def _share_outside(column: ColumnFacts, low: float, high: float) -> tuple[float, tuple[Cell, ...], bool]:
    """The share of values outside low..high that the facts prove, the known cells, and whether the share is exact."""
    cells, exact = column.outside(low, high)
    counted = len(cells) / column.stats.finite if column.stats.finite else 0.0
    if _none_inside(column, low, high):
        return 1.0, cells, True
    if exact or not column.quantiles:
        return counted, cells, exact
    above = max((1 - level for level in QUANTILE_LEVELS if column.quantile(level) > high), default=0.0)
    below = max((level for level in QUANTILE_LEVELS if column.quantile(level) < low), default=0.0)
    return min(max(counted, above + below), 1.0), cells, False
