"""ND813: a fit on columns that the data report flags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import ClassVar

from nandoctor.facts import FlaggedColumn, FlaggedData, SourceFacts, SourceFit
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain_source
from nandoctor.wording import named_columns

SCALES = frozenset(
    {"unscaled-input", "disparate-scales", "unscaled-target", "outliers", "heavy-tail", "wide-range", "precision-loss"}
)
MISSING = frozenset({"nan-in-data", "inf-in-data", "missing-in-data"})


@dataclass(frozen=True)
class FlaggedColumns:
    """`fit` is called on data whose columns a look at the data found fault with.

    What it finds:
        Calls of a model's `fit` in files that read the data named by `--data`, with the columns that `check-data`
        reported an error or a warning about. Columns that the file drops, or leaves out when it picks columns, are
        not reported; nor are scales where it scales, and missing values where it fills or drops them.

    Evidence:
        The columns, the rules that flag them, and whether the file names the data file.

    Limit and source:
        What check-data measured in the data; from the source only names are read, so that a column that is left out
        by its number is not noticed. Where no file names the data, each `fit` is reported with low confidence.

    Remedy:
        What `nandoctor check-data` prescribes for the column.

    When it is fine:
        Where the columns are mended in another file.

    Example:
        import keras
        import pandas

        table = pandas.read_csv("houses.csv")
        model = keras.Sequential([keras.layers.Dense(1)])
        model.compile(optimizer="adam", loss="mse")
        model.fit(table[["area", "income"]], table["price"])
    """

    code: ClassVar[str] = "ND813"
    cause: ClassVar[str] = "flagged-columns"
    title: ClassVar[str] = "Training on columns that the data report flags"

    def check(self, source: SourceFacts) -> Iterator[Finding]:
        """One finding for each call of fit and each rule that flags columns it is given."""
        data = source.data
        if data is None:
            return
        every = [fit for file in source.files for fit in file.fits]
        naming = [fit for fit in every if PurePath(data.path).name in map(_file_name, fit.texts)]
        for fit in naming or every:
            flagged: dict[str, list[FlaggedColumn]] = {}
            for one in data.columns:
                if _is_given(fit, one):
                    flagged.setdefault(one.rule, []).append(one)
            for columns in flagged.values():
                yield self._explain(fit, columns, data, named=bool(naming))

    def _explain(self, fit: SourceFit, columns: list[FlaggedColumn], data: FlaggedData, *, named: bool) -> Finding:
        first = columns[0]
        names = [one.column for one in columns]
        finding = explain_source(
            self,
            fit.place,
            f"This fit is given {named_columns(names)} of {data.path}, which {first.rule} ({first.cause}) flags: "
            f"{first.message}",
            severity="warning",
            phase="data",
            evidence={"flagged_by": first.rule, "data_cause": first.cause, "columns": len(columns), "data": data.path},
            remedies=(Remedy("prescription", f"Do what `nandoctor check-data {data.path}` prescribes for it"),),
            confidence="medium" if named else "low",
        )
        return replace(finding, location=replace(finding.location, columns=tuple(names[:16])))


def _is_given(fit: SourceFit, one: FlaggedColumn) -> bool:
    """Whether the file neither leaves the column out nor mends what is wrong with it."""
    left_out = one.column in fit.dropped or (fit.selected and one.column not in fit.selected)
    mended = (one.cause in SCALES and "scales" in fit.cares_for) or (one.cause in MISSING and "fills" in fit.cares_for)
    return not left_out and not mended


def _file_name(text: str) -> str:
    return PurePath(text).name
