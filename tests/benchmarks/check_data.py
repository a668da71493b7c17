"""`check-data` beside DuckDB's SUMMARIZE and pandas on the same files, each in a process of its own."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import numpy as np
from peers_python import peers_python
from processes import COMMAND, OURS, run
from rounds import medians
from table import Table, against

SUMMARIZE, PANDAS = "DuckDB SUMMARIZE", "pandas.read_csv"
PROGRAMS: Mapping[str, str] = {
    SUMMARIZE: "import duckdb; duckdb.sql(\"SUMMARIZE FROM read_csv('{path}')\").fetchall()",
    PANDAS: "import pandas; pandas.read_csv({path!r})",
}
BESIDE: Mapping[str, tuple[str, ...]] = {"narrow": (SUMMARIZE, PANDAS), "wide": (SUMMARIZE, PANDAS)}
# Of another's time, per file: from the issue that asked for the command.
RATIOS: Mapping[str, Mapping[str, float]] = {"narrow": {SUMMARIZE: 0.6, PANDAS: 0.9}, "wide": {PANDAS: 1.5}}
MEMORY: Mapping[str, float] = {"narrow": 0.6, "narrow, three times": 0.6, "wide": 1.0, "stored": 0.5, "compressed": 0.5}
SMALL_SECONDS = 0.5
SIZE = "NANDOCTOR_BENCH_GB"


def measure(folder: Path, quick: bool) -> Table:
    """Wall time and highest resident memory of whole processes; NANDOCTOR_BENCH_GB (1; quick 0.1) scales the files."""
    gigabytes = float(os.environ.get(SIZE, "0.1" if quick else "1"))
    rows: list[list[str]] = []
    for name in MEMORY:
        path = folder / ("data.npz" if name in ("stored", "compressed") else "data.csv")
        _write(name, path, gigabytes)
        rows.extend(_compared(name, path))
        path.unlink()
    rows += _small(folder, 5 if quick else 15)
    return Table(
        "Reading a data set",
        "Whole processes, each on its own, one after another. narrow: 100 columns of floats as CSV; wide: 784 columns; "
        "stored, compressed: a float32 array of 100 columns in an .npz file. Small files: the median, with Python's "
        "compiled modules in place, as an installed package has them.",
        ("file", "size", "program", "time", "peak memory", "time of ours / of this"),
        rows,
    )


def _compared(name: str, path: Path) -> list[list[str]]:
    commands: dict[str, list[str | Path]] = {OURS: [*COMMAND, path]}
    for other in BESIDE.get(name, ()):
        python = peers_python() if other == PANDAS else sys.executable
        if python is not None:
            commands[other] = [python, "-c", PROGRAMS[other].format(path=str(path))]
    found = {program: run(command) for program, command in commands.items()}
    rows = []
    for program, taken in found.items():
        ratio = found[OURS].seconds / taken.seconds
        bound = RATIOS.get(name, {}).get(program)
        beside = "" if program == OURS else f"{ratio:.2f}x" if bound is None else against(ratio, bound)
        gigabytes = taken.memory / 1e9
        peak = against(gigabytes, MEMORY[name], " GB") if program == OURS else f"{gigabytes:.2f} GB"
        rows.append([name, f"{path.stat().st_size / 1e9:.2f} GB", program, f"{taken.seconds:.1f} s", peak, beside])
    return rows


def _small(folder: Path, rounds: int) -> list[list[str]]:
    """1,000 rows as CSV and as .npz."""
    table, arrays = folder / "small.csv", folder / "small.npz"
    table.write_text("a,b\n" + "".join(f"{row}.5,{row % 7}\n" for row in range(1000)))
    np.savez(arrays, x=np.random.default_rng(0).normal(size=(1000, 2)))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")

    def timed(path: Path) -> Callable[[], float]:
        return lambda: run([*COMMAND, path], environment).seconds

    taken = medians({path.name: timed(path) for path in (table, arrays)}, rounds)
    return [
        [name, "1,000 rows", OURS, against(seconds, SMALL_SECONDS, " s"), "", ""] for name, seconds in taken.items()
    ]


def _write(name: str, path: Path, gigabytes: float) -> None:
    if path.suffix == ".npz":
        _write_array(
            path, int(gigabytes * 5e9) // 400, zipfile.ZIP_STORED if name == "stored" else zipfile.ZIP_DEFLATED
        )
        return
    # Ten columns take about 104 bytes; the wide table has 60,000 rows of 784 at 1 GB.
    columns, rows = (784, int(gigabytes * 60_000)) if name == "wide" else (100, int(gigabytes * 1e9 / 1040))
    if name == "narrow, three times":
        rows *= 3
    cells = ", ".join(f"(random() * 200 - 100)::DECIMAL(9, 6) AS f{place}" for place in range(columns))
    duckdb.sql(f"COPY (SELECT {cells} FROM range({rows})) TO '{path}' (HEADER)")


def _write_array(path: Path, rows: int, kind: int) -> None:
    """A float32 array of 100 columns, written in blocks."""
    block = np.random.default_rng(0).normal(size=(100_000, 100)).astype(np.float32)
    with (
        zipfile.ZipFile(path, "w", kind, compresslevel=1) as archive,
        archive.open("x.npy", "w", force_zip64=True) as file,
    ):
        header = {"descr": "<f4", "fortran_order": False, "shape": (rows, 100)}
        np.lib.format.write_array_header_1_0(file, header)  # type: ignore[arg-type]
        for first in range(0, rows, len(block)):
            file.write(block[: rows - first].tobytes())
