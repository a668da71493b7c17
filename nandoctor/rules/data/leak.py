"""ND119: a column that gives the target away."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nandoctor.facts import DataFacts
from nandoctor.facts.rows import Value, sampled
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import listing, number


@dataclass(frozen=True)
class Leak:
    r"""An input column nearly equals the target.

    What it finds:
        Columns that are the target itself: the same numbers, scaled, shifted or slightly noisy; or the same classes
        under other names. Training looks perfect, and the model is worthless where the target is not known yet.

    Evidence:
        The correlation of the column with the target over the sampled rows, or 1 for classes that stand in a one-to-one
        relation.

    Limit and source:
        `correlation` 0.999: the column leaves less than 0.2 % of the target's variance unexplained (1 - r^2), which is
        below what measurements of two different things agree in. `rows` 20: fewer say nothing.

    Remedy:
        Leave the column out, or find out at what time its value is known.

    When it is fine:
        When the value is known before the target and the target really follows from it (a unit converted, yesterday's
        price). The confidence is medium for that reason.

    Example:
        x = np.random.default_rng(0).normal(size=(64, 3))
        y = 3 * x[:, 1] + 2
    """

    code: ClassVar[str] = "ND119"
    cause: ClassVar[str] = "leak"
    title: ClassVar[str] = "A column that gives the target away"

    correlation: float = 0.999
    rows: int = 20

    def check(self, data: DataFacts) -> Iterator[Finding]:
        """One warning for each label that columns give away."""
        features = sampled(data.sample, data.inputs)
        for label in data.labels:
            targets = sampled(data.sample, (label,))
            if features is None or targets is None:
                continue
            found: dict[str, float] = {}
            for (_, name), values in features.columns.items():
                closeness = max(self._closeness(values, target) for target in targets.columns.values())
                if closeness >= self.correlation:
                    found[name] = closeness
            if not found:
                continue
            best = max(found, key=lambda name: found[name])
            yield Finding(
                rule=self.code,
                cause=self.cause,
                severity="warning",
                title=self.title,
                message=(
                    f"{listing(list(found))} nearly {'equal' if len(found) > 1 else 'equals'} labels "
                    f"{label.name!r} over "
                    f"{len(features.numbers):,} rows: the correlation of {best} is {found[best]:.6f} (limit "
                    f"{number(self.correlation)}; 1 for classes under other names)."
                ),
                confidence="medium",
                location=data.location(list(found)[:16]),
                evidence={"correlation": found[best], "columns": len(found), "rows": len(features.numbers)},
                limits={"correlation": self.correlation, "rows": self.rows},
                remedies=(Remedy("drop-column", f"Leave {best} out, unless it is known before the target"),),
                about=label.about,
            )

    def _closeness(self, values: Sequence[Value], target: Sequence[Value]) -> float:
        """The correlation of two columns, or 1 where they name the same classes; 0 where too few cells are known."""
        pairs = [pair for pair in zip(values, target, strict=True) if None not in pair]
        if len(pairs) < self.rows:
            return 0.0
        classes = set(pairs)
        named, meant = {one for one, _ in classes}, {one for _, one in classes}
        if 3 <= len(classes) == len(named) == len(meant) <= len(pairs) // 5:
            return 1.0
        if str in {*map(type, named), *map(type, meant)}:
            return 1.0 if 2 == len(classes) == len(named) == len(meant) else 0.0
        numbers = np.array(pairs, dtype=np.float64)
        if not np.isfinite(numbers).all() or (numbers.std(axis=0) == 0.0).any():
            return 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            centred = numbers - numbers.mean(axis=0)
            first, second = centred[:, 0], centred[:, 1]
            found = float(abs(first @ second) / np.sqrt((first @ first) * (second @ second)))
        return found if math.isfinite(found) else 0.0
