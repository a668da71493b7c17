"""ND111: values that the model's dtype cannot hold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, ColumnFacts, DataFacts, SubjectFacts
from nandoctor.finding import Finding, Remedy, Severity
from nandoctor.stats import DTYPE_LIMITS, DtypeLimits
from nandoctor.wording import named_columns, number


@dataclass(frozen=True)
class _Loss:
    """What one column loses: how bad, what (a sentence's predicate), and the measured values."""

    column: ColumnFacts
    severity: Severity
    what: str
    evidence: tuple[tuple[str, int | float], ...]


@dataclass(frozen=True)
class PrecisionLoss:
    """Values change when they are stored in the dtype that the model takes.

    What it finds:
        Input columns whose values overflow the input's dtype to Inf; whose offset is so large for their spread that
        neighbouring values become one (timestamps in float32); whole numbers beyond the dtype's exact range
        (2^24 in float32); and values so small that they become 0 or subnormal. The cast comes first: a
        Normalization layer behind it cannot bring back what is lost.

    Evidence:
        The magnitude of the bulk (|mean| + std), the distance of neighbouring numbers of the dtype there (`step`),
        and how many steps fit into one standard deviation; or how many values become 0 or subnormal.

    Limit and source:
        Exact arithmetic on the dtype (IEEE 754; bfloat16: 8 bits of precision). Overflow and rounding of whole
        numbers: one value that was seen to change. `steps_per_std` 32: networks quantized to 8 bits spread 256 levels
        over about eight standard deviations and keep their accuracy (Jacob et al., 2018), so fewer than 32 is more
        than rounding noise.

    Remedy:
        Subtract the offset in float64 before the cast (`x - x.min()`), split the value into parts (day, second of
        day), or feed ids as integers.

    When it is fine:
        Whole numbers that go into an integer input or an embedding are not judged. Rounding that leaves at least
        `steps_per_std` steps, and subnormals (TensorFlow flushes them to 0), are a note. Overflow to Inf is an error.

    Example:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        x = 1.7e9 + np.random.default_rng(0).uniform(0, 600, (64, 2))
    """

    code: ClassVar[str] = "ND111"
    cause: ClassVar[str] = "precision-loss"
    title: ClassVar[str] = "Precision lost in the input's dtype"

    steps_per_std: float = 32.0

    def check(self, data: DataFacts, subject: SubjectFacts | None = None) -> Iterator[Finding]:
        """One finding for each input array that its dtype cannot hold; float32 is assumed where none is known."""
        for array in data.inputs:
            entry = subject.input_named(array.bound_to) if subject else None
            dtype = entry.dtype if entry else data.fed_as or "float32"
            known = entry is not None or data.fed_as is not None
            limits = DTYPE_LIMITS.get(dtype)
            if limits is None or (entry is not None and entry.embeds):
                continue
            stored = DTYPE_LIMITS.get(array.dtype)
            rounded = stored is not None and stored.epsilon >= limits.epsilon
            columns = [column for column in array.columns if known or not column.integral]
            losses = [
                loss for loss in (self._loss(column, dtype, limits, rounded) for column in columns) if loss is not None
            ]
            if losses:
                yield self._explain(data, array, losses, dtype, known=known)

    def _loss(self, column: ColumnFacts, dtype: str, limits: DtypeLimits, rounded: bool) -> _Loss | None:
        stats = column.stats
        if not stats.finite:
            return None
        overflow = limits.largest * (1 + limits.epsilon / 4)
        if stats.max_abs >= overflow:
            return _Loss(
                column,
                "error",
                f"become Inf: magnitudes of up to {number(stats.max_abs)}, {dtype} holds {number(limits.largest)}",
                (("max_abs", stats.max_abs), ("largest", limits.largest)),
            )
        bulk = abs(stats.mean) + stats.std
        step = _step(bulk, limits)
        evidence = (("bulk", bulk), ("step", step), ("steps_per_std", stats.std / step))
        fits = stats.max_abs * limits.epsilon <= 2.0
        exact = column.integral and (fits or not (rounded or _changes(column, limits)))
        if not stats.constant and not exact and stats.std / step < self.steps_per_std:
            return _Loss(
                column,
                "warning",
                f"keep {number(stats.std / step)} steps of {dtype} in one standard deviation (limit "
                f"{number(self.steps_per_std)}): numbers near {number(bulk)} are {number(step)} apart there, "
                f"the standard deviation is {number(stats.std)}",
                evidence,
            )
        if column.integral and _changes(column, limits):
            return _Loss(
                column,
                "note",
                f"are whole numbers of up to {number(stats.max_abs)}, some of which {dtype} rounds: its numbers are "
                f"{number(_step(stats.max_abs, limits))} apart there",
                (*evidence, ("max_abs", stats.max_abs)),
            )
        return self._tiny(column, dtype, limits)

    def _tiny(self, column: ColumnFacts, dtype: str, limits: DtypeLimits) -> _Loss | None:
        tiny = column.stats.below(round(math.log2(limits.normal)))
        if not tiny:
            return None
        return _Loss(
            column,
            "note",
            f"hold {tiny:,} values other than 0 below the smallest normal {dtype}, {number(limits.normal)}: "
            "they become 0 or subnormal",
            (("subnormal", tiny), ("normal", limits.normal)),
        )

    def _explain(self, data: DataFacts, array: ArrayFacts, losses: list[_Loss], dtype: str, *, known: bool) -> Finding:
        order: tuple[Severity, ...] = ("error", "warning", "note")
        losses = sorted(losses, key=lambda loss: order.index(loss.severity))
        worst = losses[0]
        names = [loss.column.name for loss in losses if loss.severity == worst.severity]
        limit = DTYPE_LIMITS[dtype].largest
        cells, _ = worst.column.outside(-limit, limit) if worst.severity == "error" else ((), True)
        assumed = "" if known else " No model was given: float32 is assumed."
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity=worst.severity if known else "note",
            title=self.title,
            message=(
                f"{len(names):,} of {len(array.columns):,} columns of input {array.name!r} ({named_columns(names)}) "
                f"{worst.what}.{assumed}"
            ),
            location=data.location(names[:16], cells),
            evidence={"dtype": dtype, "columns": len(names), **dict(worst.evidence)},
            limits={"steps_per_std": self.steps_per_std},
            remedies=(
                Remedy("subtract-offset", "Subtract the offset, or rescale, in float64 before the cast"),
                Remedy("integer-input", "Feed ids as integers"),
            ),
            about=array.about,
        )


def _step(magnitude: float, limits: DtypeLimits) -> float:
    """The distance of neighbouring numbers of the dtype at that magnitude."""
    if magnitude < limits.normal:
        return limits.subnormal
    return math.ldexp(limits.epsilon, math.frexp(magnitude)[1] - 1)


def _changes(column: ColumnFacts, limits: DtypeLimits) -> bool:
    """Whether a whole number that was seen is no number of the dtype."""
    seen = [cell.value for cell in (*column.lowest, *column.highest)]
    return any(math.fmod(value, _step(abs(value), limits)) != 0.0 for value in seen)
