"""`check-data` beside DuckDB's SUMMARIZE and pandas on the same files, each in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy as np
from table import Table, against

OURS = "nandoctor check-data"
PROGRAMS: Mapping[str, str] = {
    OURS: "from nandoctor.probes.data.stream.observe import observe_data; observe_data([{path!r}])",
    "DuckDB SUMMARIZE": "import duckdb; duckdb.sql(\"SUMMARIZE FROM read_csv('{path}')\").fetchall()",
    "pandas.read_csv": "import pandas; pandas.read_csv({path!r})",
}
WHOLE = "from nandoctor.cli.main import run; run()"
# Of another's time, per file: from the issue that asked for the command.
RATIOS: Mapping[str, Mapping[str, float]] = {
    "narrow.csv": {"DuckDB SUMMARIZE": 0.6, "pandas.read_csv": 0.9},
    "wide.csv": {"pandas.read_csv": 1.5},
}
MEMORY: Mapping[str, float] = {"narrow.csv": 0.6, "wide.csv": 1.0, "stored.npz": 0.5, "compressed.npz": 0.5}
SMALL_SECONDS = 0.5
SIZE = "NANDOCTOR_BENCH_GB"


def measure(folder: Path, quick: bool) -> Table:
    """Wall time and highest resident memory of whole processes; NANDOCTOR_BENCH_GB (1; quick 0.1) scales the files."""
    gigabytes = float(os.environ.get(SIZE, "0.1" if quick else "1"))
    rows: list[list[str]] = []
    for name in ("narrow.csv", "wide.csv", "stored.npz", "compressed.npz"):
        path = folder / name
        _write(path, gigabytes)
        rows.extend(_compared(path))
        path.unlink()
    small = folder / "small.csv"
    small.write_text("a,b\n" + "".join(f"{row}.5,{row % 7}\n" for row in range(1000)))
    seconds, memory = _run([sys.executable, "-c", WHOLE, "check-data", str(small)])
    rows.append(["1,000 rows", f"{OURS}, all of it", against(seconds, SMALL_SECONDS, " s"), _gigabytes(memory), ""])
    return Table(
        "Reading a data set",
        f"Whole processes, started in turn; {gigabytes:g} GB of CSV, five times as much in an array.",
        ("file", "program", "time", "peak memory", "time of ours / of this"),
        rows,
    )


def _compared(path: Path) -> list[list[str]]:
    programs = {name: text for name, text in PROGRAMS.items() if name == OURS or path.suffix == ".csv"}
    if path.name == "wide.csv":
        # No bound is set beside it.
        programs.pop("DuckDB SUMMARIZE")
    if importlib.util.find_spec("pandas") is None:
        programs.pop("pandas.read_csv", None)
    found = {name: _run([sys.executable, "-c", text.format(path=str(path))]) for name, text in programs.items()}
    rows = []
    for name, (seconds, memory) in found.items():
        ratio = found[OURS][0] / seconds
        bound = RATIOS.get(path.name, {}).get(name)
        beside = "" if name == OURS else f"{ratio:.2f}x" if bound is None else against(ratio, bound)
        peak = against(memory / 1e9, MEMORY[path.name], " GB") if name == OURS else _gigabytes(memory)
        rows.append([path.name, name, f"{seconds:.1f} s", peak, beside])
    return rows


def _run(command: list[str]) -> tuple[float, int]:
    """Seconds and highest resident bytes of a command."""
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise RuntimeError(errors.decode(errors="replace"))
    return time.perf_counter() - started, usage.ru_maxrss * 1024


def _write(path: Path, gigabytes: float) -> None:
    if path.suffix == ".npz":
        _write_array(path, int(gigabytes * 5e9) // 400)
        return
    # Ten columns take about 104 bytes; the wide table has 60,000 rows of 784 at 1 GB.
    columns, rows = (100, int(gigabytes * 1e9 / 1040)) if path.name == "narrow.csv" else (784, int(gigabytes * 60_000))
    cells = ", ".join(f"(random() * 200 - 100)::DECIMAL(9, 6) AS f{place}" for place in range(columns))
    duckdb.sql(f"COPY (SELECT {cells} FROM range({rows})) TO '{path}' (HEADER)")


def _write_array(path: Path, rows: int) -> None:
    """A float32 array of 100 columns, written in blocks."""
    block = np.random.default_rng(0).normal(size=(100_000, 100)).astype(np.float32)
    kind = zipfile.ZIP_STORED if path.name.startswith("stored") else zipfile.ZIP_DEFLATED
    with (
        zipfile.ZipFile(path, "w", kind, compresslevel=1) as archive,
        archive.open("x.npy", "w", force_zip64=True) as file,
    ):
        header = {"descr": "<f4", "fortran_order": False, "shape": (rows, 100)}
        np.lib.format.write_array_header_1_0(file, header)  # type: ignore[arg-type]
        for first in range(0, rows, len(block)):
            file.write(block[: rows - first].tobytes())


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB"
