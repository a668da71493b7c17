"""ND107: inputs of large magnitude that nothing scales."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, ColumnFacts, DataFacts, InputFacts, SubjectFacts
from nandoctor.finding import Finding, Remedy, Severity
from nandoctor.wording import named_columns, number


@dataclass(frozen=True)
class UnscaledInput:
    """Inputs far from unit magnitude reach the first kernel as they are.

    What it finds:
        Columns with magnitudes in the hundreds and more that no normalization, constant factor or embedding stands
        in front of. The first activations, and the gradients of the first kernel, are that many times
        larger: plain SGD diverges to Inf, sigmoid and tanh saturate.

    Evidence:
        The largest magnitude between the 1st and the 99th percentile (so that one stray cell does not count: see
        outliers), the largest ratio of mean to standard deviation, and the magnitude measured where the values
        enter the first kernel.

    Limit and source:
        `max_abs` 100: initial kernels (Glorot, He, LeCun) assume inputs of unit variance (LeCun et al., Efficient
        BackProp, 1998); at 100 the squared gradient is 10^4 times what they are made for. `mean_to_std` 10: the
        curvature's condition grows with the square of that ratio; alone it is a note.

    Remedy:
        A `keras.layers.Normalization()` as first layer, adapted to the training data; for pixels
        `keras.layers.Rescaling(1 / 255)`.

    When it is fine:
        With a scaling layer in front, with ids into an embedding, and with values that the model squashes first. None
        of these is reported. Pixels of 0..255 are a note. Without a model, whole numbers
        other than pixels are not judged: they may be ids.

    Example:
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1)])
        x = np.random.default_rng(0).uniform(0, 10000, (64, 3)).astype(np.float32)
    """

    code: ClassVar[str] = "ND107"
    cause: ClassVar[str] = "unscaled-input"
    title: ClassVar[str] = "Unscaled input"

    max_abs: float = 1e2
    mean_to_std: float = 10.0

    def check(self, data: DataFacts, subject: SubjectFacts | None = None) -> Iterator[Finding]:
        """One finding for each input array with columns beyond a limit."""
        for array in data.inputs:
            entry = subject.input_named(array.bound_to) if subject else None
            if entry is None and not array.image_like:
                columns = [column for column in array.columns if not column.integral]
            else:
                columns = list(array.columns)
            large = [column for column in columns if column.magnitude > self.max_abs and self._arrives(entry, column)]
            offset = [
                column
                for column in columns
                if _mean_to_std(column) > self.mean_to_std and (entry is None or entry.reaches_kernel(column.magnitude))
            ]
            if large:
                yield self._explain_large(data, array, large, entry)
            elif offset and not array.image_like:
                yield self._explain_offset(data, array, offset)

    def _arrives(self, entry: InputFacts | None, column: ColumnFacts) -> bool:
        if entry is None:
            return True
        at_kernel = entry.at_first_kernel
        return entry.reaches_kernel(column.magnitude) and (at_kernel is None or at_kernel.max_abs > self.max_abs)

    def _explain_large(
        self, data: DataFacts, array: ArrayFacts, columns: list[ColumnFacts], entry: InputFacts | None
    ) -> Finding:
        worst = max(column.magnitude for column in columns)
        severity: Severity = "note" if array.image_like else "warning"
        at_kernel = entry.at_first_kernel if entry else None
        if at_kernel is not None:
            reach = f" They reach the first kernel with magnitudes of up to {number(at_kernel.max_abs)}."
        elif entry is not None:
            reach = " No scaling was found between them and the first kernel."
        else:
            reach = " No model was given: a scaling layer would make this harmless."
        layer = "keras.layers.Rescaling(1 / 255)" if array.image_like else "keras.layers.Normalization()"
        evidence: dict[str, int | float | str] = {
            "max_abs": worst,
            "mean_to_std": max(_mean_to_std(column) for column in columns),
            "columns": len(columns),
        }
        if at_kernel is not None:
            evidence["max_abs_at_first_kernel"] = at_kernel.max_abs
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity=severity,
            title=self.title,
            message=(
                f"{len(columns):,} of {len(array.columns):,} columns of input {array.name!r} have magnitudes above "
                f"{number(self.max_abs)}: up to {number(worst)} at their 1st and 99th percentiles "
                f"({named_columns([column.name for column in columns])}).{reach}"
            ),
            confidence="medium" if entry is None else "high",
            location=data.location([column.name for column in columns[:16]]),
            evidence=evidence,
            limits={"max_abs": self.max_abs, "mean_to_std": self.mean_to_std},
            remedies=(Remedy("scale-input", f"Put {layer} in front, or scale the data the same way"),),
            about=array.about,
        )

    def _explain_offset(self, data: DataFacts, array: ArrayFacts, columns: list[ColumnFacts]) -> Finding:
        worst = max(_mean_to_std(column) for column in columns)
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="note",
            title=self.title,
            message=(
                f"{len(columns):,} of {len(array.columns):,} columns of input {array.name!r} lie far from 0 for their "
                f"spread: the mean is up to {number(worst)} standard deviations (limit {number(self.mean_to_std)}): "
                f"{named_columns([column.name for column in columns])}."
            ),
            location=data.location([column.name for column in columns[:16]]),
            evidence={
                "max_abs": max(column.magnitude for column in columns),
                "mean_to_std": worst,
                "columns": len(columns),
            },
            limits={"max_abs": self.max_abs, "mean_to_std": self.mean_to_std},
            remedies=(Remedy("scale-input", "Put keras.layers.Normalization() in front, or subtract the mean"),),
            about=array.about,
        )


def _mean_to_std(column: ColumnFacts) -> float:
    """How many standard deviations the mean is from 0; 0 for a constant column."""
    return abs(column.stats.mean) / column.stats.std if column.stats.std and not column.stats.constant else 0.0
