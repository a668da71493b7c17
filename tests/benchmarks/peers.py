"""ydata-profiling and pandera on a CSV file, as programs in an environment of their own: `peers.py NAME FILE LABEL`.

Prints what the tool said, as JSON: `places` are (data row or None, column or None) that its output points at, each
with the words for it.
"""

from __future__ import annotations

import json
import math
import re
import sys
import warnings
from typing import Any


def read(path: str) -> tuple[Any, list[tuple[int | None, str | None, str]]]:
    """The table as pandas reads it, and what reading it failed with first: each error names its place at least."""
    import pandas

    options: dict[str, str] = {}
    places: list[tuple[int | None, str | None, str]] = []
    while True:
        try:
            return pandas.read_csv(path, **options), places
        except UnicodeDecodeError as error:
            places.append((None, None, f"not UTF-8: {error}"))
            options["encoding_errors"] = "replace"
        except pandas.errors.ParserError as error:
            line = re.search(r"line (\d+)", str(error))
            places.append((int(line[1]) - 2 if line else None, None, f"ragged: {error}"))
            options["on_bad_lines"] = "skip"


def ydata(path: str, label: str) -> list[tuple[int | None, str | None, str]]:
    """The alerts of ydata-profiling's report, and the counts that it shows for a variable."""
    from ydata_profiling import ProfileReport

    table, places = read(path)
    found = ProfileReport(table, progress_bar=False, interactions={"continuous": False}).get_description()
    for alert in found.alerts:
        places.append((None, alert.column_name, f"alert {alert.alert_type.name}"))
    for name, variable in found.variables.items():
        places.append((None, name, f"type {variable['type']}"))
        for count in ("n_missing", "n_infinite", "n_negative"):
            if variable.get(count):
                places.append((None, name, f"count {count}"))
    return places


def pandera(path: str, label: str) -> list[tuple[int | None, str | None, str]]:
    """The failure cases of pandera: numbers in every column, none missing, classes 0 to 9, no row twice."""
    import pandera.pandas as pa

    table, places = read(path)
    columns = {name: pa.Column(float, coerce=True, nullable=False) for name in table.columns}
    columns[label] = pa.Column(float, pa.Check.isin(range(10)), coerce=True, nullable=False)
    try:
        pa.DataFrameSchema(columns, unique=list(table.columns)).validate(table, lazy=True)
    except pa.errors.SchemaErrors as errors:
        for case in errors.failure_cases.to_dict("records"):
            row = case["index"]
            column = case["column"] if isinstance(case["column"], str) and case["column"] in columns else None
            places.append((None if row is None or math.isnan(row) else int(row), column, f"{case['check']}"))
    return places


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    tool = {"ydata-profiling": ydata, "pandera": pandera}[sys.argv[1]]
    said = tool(*sys.argv[2:])
    print("\n" + json.dumps(said))
