"""Dask: a real scheduler and two real worker processes, one of which dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pytest

import nandoctor
from nandoctor.api import check_data
from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.stream.dask import running_on
from nandoctor.probes.data.stream.observe import fold_files, observe_data

distributed = pytest.importorskip("distributed")
SOURCE = os.pathsep.join([str(Path(nandoctor.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
ENVIRONMENT = {**os.environ, "PYTHONPATH": SOURCE}
COMMAND = (sys.executable, "-c", "from nandoctor.cli.main import run; run()", "check-data")


@dataclass(frozen=True)
class Cluster:
    address: str
    scheduler: subprocess.Popen[bytes]
    workers: tuple[subprocess.Popen[bytes], ...]


def start(*arguments: str) -> subprocess.Popen[bytes]:
    """A process of Dask's own, which finds the nandoctor that is under test."""
    return subprocess.Popen(
        [sys.executable, "-m", *arguments, "--host", "127.0.0.1", "--no-dashboard"],
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def written(path: Path, process: subprocess.Popen[bytes]) -> str:
    """The text of the file, as soon as the process has written it."""
    while not path.exists() or not path.read_text().endswith("}"):
        assert process.poll() is None, "the scheduler did not start"
        time.sleep(0.05)
    return path.read_text()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    file = tmp_path / "scheduler.json"
    processes = [start("distributed.cli.dask_scheduler", "--port", "0", "--scheduler-file", str(file))]
    try:
        address = json.loads(written(file, processes[0]))["address"]
        for _ in range(2):
            processes.append(start("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny"))
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield Cluster(address, processes[0], tuple(processes[1:]))
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """20,000 rows with a NaN, an Inf, a text and a row that is too short."""
    values = np.random.default_rng(0).normal(size=(20_000, 4)) * [1, 1e3, 1e-3, 1]
    lines = ["a,b,c,d", *(",".join(map(repr, row)) for row in values.tolist())]
    lines[12_346] = "1,nan,3,4"
    lines[17_001] = "1,2,inf,4"
    lines[19_001] = "1,2,3,?"
    lines[19_501] = "1,2"
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_worker_that_dies_in_mid_job_changes_nothing(cluster: Cluster, table: Path) -> None:
    told: list[tuple[int, int]] = []

    def kill_one(rows: int, size: int) -> None:
        if not told:
            assert all(worker.poll() is None for worker in cluster.workers)
            cluster.workers[0].kill()
        told.append((rows, size))

    here = fold_files([str(table)], None, (), None, None, chunk_bytes=30_000)
    with running_on(cluster.address) as run:
        there = fold_files([str(table)], None, (), None, kill_one, chunk_bytes=30_000, run=run)

    assert cluster.workers[0].poll() is not None
    assert len(told) > 20
    # NaN is not equal to itself, its text is.
    assert repr(there) == repr(here)
    bad = {column.name: column.bad for array in there.arrays for column in array.columns}
    assert (bad["b"][0].row, bad["b"][0].line, bad["c"][0].row) == (12_345, 12_347, 17_000)
    assert (there.rejected[0].row, there.rejected[0].line) == (19_500, 19_502)


def test_a_scheduler_that_dies_in_mid_job_is_told(cluster: Cluster, table: Path) -> None:
    with (
        pytest.raises(NandoctorError, match="the scheduler went away before the end") as error,
        running_on(cluster.address) as run,
    ):
        fold_files([str(table)], None, (), None, lambda *_: cluster.scheduler.kill(), chunk_bytes=30_000, run=run)

    assert error.value.exit_code == UNEXAMINABLE


def test_the_same_numbers_from_every_format(cluster: Cluster, tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(size=(5_000, 3))
    values[4_321, 1] = np.nan
    np.savez(tmp_path / "d.npz", x=values, y=values[:, 0])
    text = "".join(json.dumps({"a": a, "b": b}) + "\n" for a, b in values[:, :2].tolist())
    (tmp_path / "d.jsonl").write_text(text.replace("NaN", "null"))
    duckdb.sql(f"COPY (SELECT i, sin(i) AS s FROM range(9000) AS t(i)) TO '{tmp_path}/d.parquet' (ROW_GROUP_SIZE 2048)")

    with running_on(cluster.address) as run:
        for name in ("d.npz", "d.jsonl", "d.parquet"):
            path = str(tmp_path / name)
            assert repr(observe_data([path], run=run)) == repr(observe_data([path])), name

        # What a worker finds wrong with the data is told as it is without Dask.
        (tmp_path / "d.csv.gz").write_bytes(b"\x1f\x8b\x08\x00 this is no gzip file")
        with pytest.raises(NandoctorError, match="not a whole compressed file"):
            observe_data([str(tmp_path / "d.csv.gz")], run=run)


def test_local_worker_processes(table: Path) -> None:
    reports = [
        subprocess.run(
            [*COMMAND, str(table), "--format", "json", *more], check=False, env=ENVIRONMENT, capture_output=True
        )
        for more in ([], ["--dask", "local"])
    ]

    assert reports[0].returncode == 1
    assert b"Traceback" not in reports[1].stderr
    assert json.loads(reports[1].stdout) == json.loads(reports[0].stdout)


@pytest.mark.parametrize("address", ["nonsense", "tcp://127.0.0.1:9"])
def test_where_no_scheduler_answers(address: str, table: Path) -> None:
    with pytest.raises(NandoctorError, match=f"--dask {address}: no scheduler answers there") as error:
        check_data(table, dask=address)

    assert error.value.exit_code == UNEXAMINABLE
    assert "\n" not in error.value.message


def test_without_dask_the_command_to_install_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)

    with pytest.raises(NandoctorError, match=r'pip install "nandoctor\[dask\]"'), running_on("local"):
        pass
