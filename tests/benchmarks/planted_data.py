"""Twenty kinds of faults, planted once each in a file of 100 MB: who finds which, in what time and memory."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
from peers_python import peers_python
from processes import COMMAND, OURS, run
from table import Table

ASKED = "--target label --head 10:softmax --dtype float32"
LABEL, LAST = "label", "last"
UNIFORM = "(random() * 2 - 1)::DECIMAL(9, 6)"
ROW, COLUMN, SOMEWHERE = "row", "column", "that there is one"


@dataclass(frozen=True)
class Fault:
    """A fault: what is wrong, the cause it has here, its column, what that holds, and the cells in planted rows.

    `row` is None where the whole column is the fault; `place` is what must be told to find it. `words` are parts of
    what a peer may call it.
    """

    kind: str
    cause: str
    column: str | None
    row: int | None = None
    cells: Mapping[int, bytes] | None = None
    holds: str = UNIFORM
    whole_row: bool = False
    words: tuple[str, ...] = ()

    @property
    def place(self) -> set[str]:
        """Row and column of a cell, the one of a whole row or column."""
        return {ROW} if self.column is None or self.whole_row else {COLUMN} if self.row is None else {ROW, COLUMN}


def _cell(fault: tuple[str, str], at: tuple[int, str], text: str, *words: str, holds: str = UNIFORM) -> Fault:
    """A fault of one cell: its kind and cause, its row and column, its text."""
    (kind, cause), (row, column) = fault, at
    return Fault(kind, cause, column, row, {row: text.encode("latin-1")}, holds, words=words)


MISSING = ("alert MISSING", "count n_missing", "not_nullable")
INFINITE = ("alert INFINITE", "count n_infinite")
TEXT = ("type Categorical", "type Text", "type Unsupported", "alert UNSUPPORTED", "coerce_dtype")
SENTINELS = dict.fromkeys((50_007, 55_008, 60_009), b"-999")
FAULTS: Sequence[Fault] = (
    _cell(("NaN", "nan-in-data"), (20_001, "speed"), "nan", *MISSING),
    _cell(("inf", "inf-in-data"), (25_002, "height"), "inf", *INFINITE),
    _cell(("1e400", "inf-in-data"), (30_003, "width"), "1e400", *INFINITE, *TEXT),
    _cell(("empty cell", "missing-in-data"), (35_004, "depth"), "", *MISSING),
    _cell(("text", "non-numeric-data"), (40_005, "mass"), "?", *TEXT),
    _cell(("decimal comma", "non-numeric-data"), (45_006, "force"), '"3,5"', *TEXT),
    Fault("-999 three times", "sentinel-in-data", "angle", 50_007, SENTINELS, words=("alert SKEWED",)),
    _cell(("outlier", "outliers"), (65_010, "work"), "123456.5", "alert SKEWED"),
    Fault("constant column", "constant-column", "gain", holds="7", words=("alert CONSTANT",)),
    Fault("column in the millions", "unscaled-input", "income", holds="(random() * 1e7)::DECIMAL(12, 2)"),
    _cell(("integer above 2^24", "precision-loss"), (70_011, "clicks"), "16777217", holds="(random() * 16777216)::INT"),
    _cell(("subnormal", "precision-loss"), (75_012, "charge"), "1e-310"),
    Fault("column over 60 binades", "wide-range", "dose", holds="pow(2, random() * 60 - 40)"),
    Fault("id", "id-like-column", "number", holds="i", words=("alert UNIQUE",)),
    Fault("codes as numbers", "category-as-number", "region", holds="(random() * 30)::INT", words=("type Categ",)),
    _cell(("class outside 0..9", "labels-out-of-range"), (80_013, LABEL), "12", "isin(", holds="i % 10"),
    Fault("copy of the target", "leak", "score", holds="(i % 10) * 2.5 + 1", words=("alert HIGH_CORRELATION",)),
    Fault("row twice", "duplicate-rows", None, 85_014, words=("alert DUPLICATES", "multiple_fields_uniqueness")),
    # A reader that fills the row up has a missing cell in the last column.
    Fault("row a cell short", "non-numeric-data", LAST, 90_015, whole_row=True, words=("ragged", *MISSING)),
    _cell(("byte that is not UTF-8", "non-numeric-data"), (95_016, "volume"), "0.\xff5", "not UTF-8", *TEXT),
)

# What a tool points at: data rows (empty: none), columns, and its words for it.
Place = tuple[Sequence[int], Sequence[str], str]


def measure(folder: Path, quick: bool) -> Table:
    """Which faults each tool finds, and where it says they are."""
    path = folder / "planted.csv"
    _write(path, 0.25 if quick else 1.0)
    python = peers_python()
    peers = [] if python is None else ["ydata-profiling", "pandera"]
    report = folder / "report.json"
    ours = run([*COMMAND, path, *ASKED.split(), "-o", report])
    taken = {OURS: ours}
    said: dict[str, list[Place]] = {OURS: list(_ours(report))}
    for name in peers:
        taken[name] = run([str(python), Path(__file__).with_name("peers.py"), name, path, LABEL])
        places = json.loads(taken[name].output.splitlines()[-1])
        said[name] = [([] if row is None else [row], [] if at is None else [at], words) for row, at, words in places]
    told = {name: [_told(fault, said[name], ours=name == OURS) for fault in FAULTS] for name in said}
    size = path.stat().st_size / 1e6
    rows = [[f"time for {size:.0f} MB", *(f"{one.seconds:.1f} s" for one in taken.values())]]
    rows += [["time of ours / of this", "", *(f"{ours.seconds / taken[name].seconds:.2f}x" for name in peers)]]
    rows += [["peak memory", *(f"{one.memory / 1e9:.2f} GB" for one in taken.values())]]
    rows += [[fault.kind, *(" and ".join(told[name][at]) or "no" for name in said)] for at, fault in enumerate(FAULTS)]
    exact = {name: sum(fault.place <= set(at) for fault, at in zip(FAULTS, told[name], strict=True)) for name in said}
    rows.append([f"found, of {len(FAULTS)}", *(str(sum(map(bool, told[name]))) for name in said)])
    rows.append(["of these with the whole place", *(str(exact[name]) for name in said)])
    about = (
        f"Each fault once; what is told of its place. nandoctor: `{ASKED}`; a finding with the fault's cause counts. "
        "ydata-profiling: `ProfileReport(table)` without the plots of pairs; an alert, a count or a type of the column "
        "that names the fault, or hints at it, counts. pandera: a schema of `Column(float, coerce=True, "
        "nullable=False)`, `isin(range(10))` for the label and `unique` over all columns, validated lazily; a failure "
        "case counts. What `pandas.read_csv` refuses counts for both, and they go on without it."
    )
    if python is None:
        about += " The others are not installed (`make bench` does that) and were left out."
    return Table("Planted faults", about, ("", *said), rows)


def _told(fault: Fault, said: Iterable[Place], *, ours: bool) -> tuple[str, ...]:
    """What is told of the fault's place by anything that names the fault; nothing, where nothing does."""
    best: set[str] = set()
    for rows, columns, words in said:
        if words != fault.cause if ours else not any(word in words for word in fault.words):
            continue
        told = {ROW} if fault.row in rows else set()
        if fault.column in columns:
            told.add(COLUMN)
        elif fault.column and (columns or not told):
            # It is said of another column, or of no place at all.
            continue
        best = max(best, told or {SOMEWHERE}, key=lambda places: (len(places - {SOMEWHERE}), len(places)))
    return tuple(place for place in (ROW, COLUMN, SOMEWHERE) if place in best)


def _ours(report: Path) -> Iterable[Place]:
    for finding in json.loads(report.read_text())["findings"]:
        for one in (finding, *finding.get("consequences", ())):
            where = one["location"] or {}
            yield where.get("dataset_rows") or [], where.get("columns") or [], one["cause"]


def _write(path: Path, share: float) -> None:
    """The file: 24 columns, 480,000 rows of about 210 bytes (100 MB), of which `share` are written."""
    columns = {fault.column: fault.holds for fault in FAULTS if fault.column}
    columns = {f"f{place}": UNIFORM for place in range(24 - len(columns))} | columns
    names = sorted(columns, key=LAST.__eq__)
    cells = ", ".join(f"{columns[name]} AS {name}" for name in names)
    duckdb.sql("SELECT setseed(0.5)")
    duckdb.sql(f"COPY (SELECT {cells} FROM range({int(480_000 * share)}) AS t(i)) TO '{path}' (HEADER)")
    lines = path.read_bytes().splitlines()
    for fault in FAULTS:
        for row, text in (fault.cells or {}).items():
            cells_of_row = lines[row + 1].split(b",")
            cells_of_row[names.index(str(fault.column))] = text
            lines[row + 1] = b",".join(cells_of_row)
        if fault.kind == "row twice":
            assert fault.row is not None
            lines[fault.row + 1] = lines[fault.row]
        if fault.kind == "row a cell short":
            assert fault.row is not None
            lines[fault.row + 1] = lines[fault.row + 1].rpartition(b",")[0]
    path.write_bytes(b"\n".join(lines) + b"\n")
    os.sync()
