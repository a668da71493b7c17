"""ND218: NaN, Inf or an impossible value stored in the model's variables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import VariableFacts, WeightFacts
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.wording import listing, number, plural


@dataclass(frozen=True)
class NonfiniteWeights:
    """A variable of the model holds NaN or Inf, or a negative variance.

    What it finds:
        NaN or Inf stored in a variable, trainable or not: a poisoned update, kept. Also a moving variance of a batch
        normalization below 0, whose square root is NaN.

    Evidence:
        How many elements of how many are NaN and Inf, and the index of the first one; the lowest moving variance.

    Limit and source:
        One element (`elements`); 0 for a variance (`variance`), which is a mean of squares.

    Remedy:
        Restore a checkpoint from before the update, cure what the step did (scan that checkpoint with the same data),
        and guard the update. Reset a negative moving variance to 1 and let it be estimated again.

    When it is fine:
        A non-trainable buffer that holds -Inf as a mask.

    Example:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
        model.layers[0].set_weights([np.array([[1.0, np.nan], [0.0, 1.0]], np.float32), np.zeros(2, np.float32)])
        x = np.ones((4, 2), np.float32)
    """

    elements: int = 0
    variance: float = 0.0

    code: ClassVar[str] = "ND218"
    cause: ClassVar[str] = "nonfinite-weights"
    title: ClassVar[str] = "Non-finite or impossible weights"

    def check(self, weights: WeightFacts) -> Iterator[Finding]:
        """One error for each variable that holds NaN or Inf, or a negative moving variance; a note for a -Inf "
        "buffer."""
        bad = [one for one in weights.variables if one.stats.nonfinite > self.elements and not _masks(one)]
        if len(bad) > 1:
            yield self._several(bad, len(weights.variables))
        for variable in weights.variables:
            if variable.stats.nonfinite > self.elements:
                if len(bad) < 2 or variable not in bad:
                    yield self._nonfinite(variable)
            elif variable.role == "moving-variance" and (variable.stats.minimum or 0.0) < self.variance:
                yield self._negative(variable, variable.stats.minimum or 0.0)

    def _several(self, bad: Sequence[VariableFacts], count: int) -> Finding:
        first = bad[0]
        names = listing([f"{one.name} ({one.stats.nonfinite:,} of {one.stats.count:,})" for one in bad], 4)
        elements = sum(one.stats.nonfinite for one in bad)
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="error",
            title=self.title,
            message=f"{len(bad):,} of {count:,} variables hold NaN or Inf (limit {self.elements} elements): {names}.",
            location=Location(layer=first.layer),
            evidence={"elements": elements, "variables": len(bad), "first": first.name},
            limits={"elements": self.elements},
            remedies=(Remedy("restore-checkpoint", "Restore a checkpoint from before the update that did this"),),
            about="variables",
        )

    def _nonfinite(self, variable: VariableFacts) -> Finding:
        stats = variable.stats
        where = "" if variable.first_bad is None else f"; the first is at index {list(variable.first_bad)}"
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="note" if _masks(variable) else "error",
            title=self.title,
            message=(
                f"{variable.name} holds {stats.nan:,} NaN and {stats.positive_inf + stats.negative_inf:,} Inf in "
                f"{plural(stats.count, 'element')}{where}."
            ),
            location=Location(layer=variable.layer),
            evidence={
                "elements": stats.nonfinite,
                "nan": stats.nan,
                "inf": stats.positive_inf + stats.negative_inf,
                "first_bad": str(list(variable.first_bad or ())),
            },
            limits={"elements": self.elements},
            remedies=(Remedy("restore-checkpoint", "Restore a checkpoint from before the update that did this"),),
            about=f"variable:{variable.name}",
        )

    def _negative(self, variable: VariableFacts, lowest: float) -> Finding:
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="error",
            title=self.title,
            message=(
                f"{variable.name} is a variance and its lowest of {plural(variable.stats.count, 'element')} is "
                f"{number(lowest)}, below {number(self.variance)}: its square root is NaN."
            ),
            location=Location(layer=variable.layer),
            evidence={"variance": lowest},
            limits={"variance": self.variance},
            remedies=(Remedy("reset-variance", "Reset the moving variance to 1 and estimate it again"),),
            about=f"variable:{variable.name}",
        )


def _masks(variable: VariableFacts) -> bool:
    """Whether it is a buffer of -Inf, as masks are."""
    stats = variable.stats
    return not variable.trainable and variable.role == "other" and not stats.nan and not stats.positive_inf
