"""ND112: labels that the loss is not defined for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, Cell, ColumnFacts, DataFacts, HeadFacts, LossFacts, StepFacts, SubjectFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import listing, number

PROBABILITY_LOSSES = frozenset(
    {"binary_crossentropy", "categorical_crossentropy", "binary_focal_crossentropy", "categorical_focal_crossentropy"}
)
SPARSE_LOSS = "sparse_categorical_crossentropy"
POISSON_LOSS = "poisson"


@dataclass(frozen=True)
class _Fault:
    """What is wrong with a label array: a sentence, the columns and cells, measured values and limits."""

    message: str
    columns: tuple[str, ...]
    cells: tuple[Cell, ...]
    evidence: dict[str, int | float | str]
    limits: dict[str, int | float]


@dataclass(frozen=True)
class LabelsOutOfRange:
    """Labels lie outside the range that the loss is defined on.

    What it finds:
        Class ids below 0 or not below the number of classes, or that are no whole numbers; targets of a cross-entropy
        outside 0..1; negative counts for a Poisson loss; one-hot labels whose width is not the head's.
        A class id out of range is NaN on a GPU and an exception on a CPU (tensorflow issue 8484); a cross-entropy
        of targets outside 0..1 has no lower bound, and training runs towards -Inf.

    Evidence:
        The smallest and largest label, how many are outside at least (exactly where there are fewer than 16 on a
        side), their rows.

    Limit and source:
        One label: more than `outside` (0) of them. The range follows from the loss and the head: 0..units - 1, 0..1,
        0..Inf.

    Remedy:
        Number the classes from 0; give the head as many units as there are classes; scale targets to 0..1, or
        take a regression loss. Else leave the rows out.

    When it is fine:
        When the loss was told to leave a class out (`ignore_class`). If the step ran over these rows and every loss
        was finite, class ids out of range are a note. NaN labels are nan-in-data.

    Example:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
        x = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)
        y = (1 + (x[:, :1] > 0)).astype(np.float32)
        loss = "binary_crossentropy"
    """

    code: ClassVar[str] = "ND112"
    cause: ClassVar[str] = "labels-out-of-range"
    title: ClassVar[str] = "Labels out of the loss's range"

    outside: int = 0

    def check(self, data: DataFacts, subject: SubjectFacts, step: StepFacts | None = None) -> Iterator[Finding]:
        """One finding for each label array that its loss is not defined for."""
        for array in data.labels:
            target = subject.target(array.name, array.bound_to)
            if target is None or array.stats is None:
                continue
            loss, head = target
            fault = self._fault(array, loss.name, head)
            if fault is not None:
                yield self._explain(data, array, loss, fault, step)

    def _fault(self, array: ArrayFacts, loss: str, head: HeadFacts | None) -> _Fault | None:
        if loss == SPARSE_LOSS:
            return self._class_ids(array, head)
        if loss in PROBABILITY_LOSSES:
            outside = self._beyond(array, 0.0, 1.0, f"{loss} is not bounded below there")
            return outside or self._width(array, head)
        if loss == POISSON_LOSS:
            return self._beyond(array, 0.0, math.inf, "a Poisson loss has no minimum for negative counts")
        return None

    def _class_ids(self, array: ArrayFacts, head: HeadFacts | None) -> _Fault | None:
        units = head.units if head is not None else None
        one_hot = array.row_sums == (1.0, 1.0) and len(array.columns) > 1
        if one_hot and head is not None and len(head.shape) == 2 and array.shape[-1] == units:
            return _Fault(
                f"Labels {array.name!r} are one-hot rows of width {array.shape[-1]}, but {SPARSE_LOSS} takes one "
                "class id a row",
                (),
                (),
                {"width": array.shape[-1]},
                {"width": 1},
            )
        fractional = [column for column in array.columns if column.stats.finite and not column.integral]
        if fractional:
            return _Fault(
                f"Labels {array.name!r} are no class ids: {len(fractional):,} of {len(array.columns):,} columns hold "
                f"values that are no whole numbers (limit 0), and {SPARSE_LOSS} cuts off the fraction",
                tuple(column.name for column in fractional[:16]),
                _not_whole(fractional[0]),
                {"fractional_columns": len(fractional)},
                {"fractional_columns": 0},
            )
        if units is None or units < 2:
            return self._beyond(array, 0.0, math.inf, "class ids count from 0")
        return self._beyond(array, 0.0, units - 1.0, f"the head has {units} units")

    def _beyond(self, array: ArrayFacts, low: float, high: float, why: str) -> _Fault | None:
        assert array.stats is not None
        minimum, maximum = array.stats.minimum, array.stats.maximum
        if minimum is None or maximum is None or (minimum >= low and maximum <= high):
            return None
        found = [(column, *column.outside(low, high)) for column in array.columns]
        cells = tuple(cell for _, some, _ in found for cell in some)
        verb = "is" if len(cells) == 1 else "are"
        at_least = "" if cells and all(complete for _, _, complete in found) else "at least "
        return _Fault(
            f"{at_least}{max(len(cells), 1):,} of {array.stats.finite:,} labels in {array.name!r} {verb} outside "
            f"{number(low)}..{number(high)} (they lie in {number(minimum)}..{number(maximum)}; limit {self.outside}): "
            f"{why}",
            tuple(column.name for column, some, _ in found if some)[:16],
            cells,
            {"outside": max(len(cells), 1), "minimum": minimum, "maximum": maximum, "labels": array.stats.finite},
            {"outside": self.outside, "low": low, **({"high": high} if math.isfinite(high) else {})},
        )

    def _width(self, array: ArrayFacts, head: HeadFacts | None) -> _Fault | None:
        if head is None or head.units is None or len(array.shape) != len(head.shape) or len(array.shape) < 2:
            return None
        if array.shape[-1] == head.units:
            return None
        return _Fault(
            f"Labels {array.name!r} are {array.shape[-1]} wide and head {head.output!r} has {head.units} units "
            "(the limit): each unit needs its own target",
            (),
            (),
            {"width": array.shape[-1]},
            {"width": head.units},
        )

    def _explain(
        self, data: DataFacts, array: ArrayFacts, loss: LossFacts, fault: _Fault, step: StepFacts | None
    ) -> Finding:
        ran = step is not None and len(step.losses) == step.batches and all(map(math.isfinite, step.losses))
        seen = any(data.place_in_batch(cell.row) is not None for cell in fault.cells)
        left_out = loss.name == SPARSE_LOSS and "outside" in fault.evidence and ran and seen
        noun = "row" if len(fault.cells) == 1 else "rows"
        rows = f"; {noun} {listing([cell.row for cell in fault.cells])}" if fault.cells else ""
        remark = ". The step ran over such rows and every loss was finite: the loss leaves them out" if left_out else ""
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="note" if left_out else "error",
            title=self.title,
            message=f"{fault.message}{rows}{remark}.",
            confidence="medium" if loss.chosen == "inferred" else "high",
            location=data.location(fault.columns, fault.cells[:16]),
            evidence={**fault.evidence, "loss": loss.name},
            limits=fault.limits,
            remedies=(
                Remedy("renumber-classes", "Number the classes from 0 and give the head one unit a class"),
                Remedy("other-loss", "Take a loss that is defined for these labels"),
                Remedy("drop-rows", "Leave out the rows with such labels"),
            ),
            about=array.about,
        )


def _not_whole(column: ColumnFacts) -> tuple[Cell, ...]:
    """The known cells that are no whole numbers, by row."""
    known = {cell.row: cell for cell in (*column.lowest, *column.highest) if not cell.value.is_integer()}
    return tuple(known[row] for row in sorted(known))
