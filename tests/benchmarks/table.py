"""A table of measurements, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tabulate import tabulate


@dataclass(frozen=True)
class Table:
    """A title, what is measured and how, the columns and the rows; numbers come as text."""

    title: str
    about: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """Heading, sentence and table."""
        aligned = ("left", *("right" for _ in self.headers[1:]))
        table = tabulate(self.rows, self.headers, tablefmt="github", colalign=aligned, disable_numparse=True)
        return f"### {self.title}\n\n{self.about}\n\n{table}"


def milliseconds(seconds: float) -> str:
    """Seconds as text, in the unit of this package's tables."""
    return f"{seconds * 1000:,.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:,.1f} ms"


def against(value: float, bound: float, unit: str = "x") -> str:
    """A measured value with the bound that it must not pass, and whether it does."""
    return f"{value:.{1 if bound >= 2 else 2}f}{unit} (bound {bound:g}{unit}{'' if value <= bound else ', MISSED'})"
