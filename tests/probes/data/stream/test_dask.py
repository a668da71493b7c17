"""Dask: a real scheduler and two real worker processes, one of which dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pytest

import nandoctor
from nandoctor.api import check_data
from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.facts.data import Dialect
from nandoctor.probes.data.stream import text_table
from nandoctor.probes.data.stream.dask import fold_same_file, running_on
from nandoctor.probes.data.stream.observe import fold_files, observe_data
from nandoctor.probes.data.stream.part import Part

distributed = pytest.importorskip("distributed")
SOURCE = os.pathsep.join([str(Path(nandoctor.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
ENVIRONMENT = {**os.environ, "PYTHONPATH": SOURCE}
COMMAND = (sys.executable, "-c", "from nandoctor.cli.main import run; run()", "check-data")


# Loading Dask costs half a second, and these tests need two dozen processes that have done so.
FORKS = """
import json, os, signal, sys
from distributed.cli import dask_scheduler, dask_worker

# A child that has ended is gone at once.
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    before, sys.argv = json.loads(line)
    child = os.fork()
    if not child:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(0, 1)
        exec(before)
        {"dask_scheduler": dask_scheduler, "dask_worker": dask_worker}[sys.argv[0]].main()
        os._exit(0)
    print(child, flush=True)
"""


@dataclass(frozen=True)
class Process:
    number: int

    def runs(self) -> bool:
        try:
            os.kill(self.number, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        """Kill it, and wait until it is gone."""
        while self.runs():
            with suppress(ProcessLookupError):
                os.kill(self.number, signal.SIGKILL)
            time.sleep(0.01)


@dataclass(frozen=True)
class Cluster:
    address: str
    scheduler: Process
    workers: tuple[Process, ...]


# Starts Dask's own scheduler or worker as a process, which finds the nandoctor that is under test.
Start = Callable[..., Process]


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    """`start(program, argument, ..., before=)`: `before` is Python that the process begins with."""
    with subprocess.Popen(
        [sys.executable, "-c", FORKS],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as forks:
        orders, answers = forks.stdin, forks.stdout
        assert orders is not None
        assert answers is not None

        def one(program: str, *arguments: str, before: str = "") -> Process:
            print(
                json.dumps((before, [program, *arguments, "--host", "127.0.0.1", "--no-dashboard"])),
                file=orders,
                flush=True,
            )
            return Process(int(answers.readline()))

        yield one


def written(path: Path, process: Process) -> str:
    """The text of the file, as soon as the process has written it."""
    while not path.exists() or not path.read_text().endswith("}"):
        assert process.runs(), "the scheduler did not start"
        time.sleep(0.05)
    return path.read_text()


Running = Callable[..., AbstractContextManager[Cluster]]


@pytest.fixture
def running(start: Start, tmp_path: Path) -> Running:
    """`running(workers, before_scheduler=, before_worker=)`: `before_...` is Python that these processes begin with."""

    @contextmanager
    def cluster(workers: int, *, before_scheduler: str = "", before_worker: str = "") -> Iterator[Cluster]:
        file = tmp_path / "scheduler.json"
        processes = [start("dask_scheduler", "--port", "0", "--scheduler-file", str(file), before=before_scheduler)]
        try:
            address = json.loads(written(file, processes[0]))["address"]
            for _ in range(workers):
                options = ("--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path))
                processes.append(start("dask_worker", address, *options, before=before_worker))
            if workers:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    with distributed.Client(address, set_as_default=False) as client:
                        client.wait_for_workers(workers, timeout=60)
            yield Cluster(address, processes[0], tuple(processes[1:]))
        finally:
            for process in reversed(processes):
                process.kill()

    return cluster


@pytest.fixture
def cluster(running: Running) -> Iterator[Cluster]:
    with running(workers=2) as cluster:
        yield cluster


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
            assert all(worker.runs() for worker in cluster.workers)
            cluster.workers[0].kill()
        told.append((rows, size))

    here = fold_files([str(table)], None, (), None, None, chunk_bytes=30_000)
    with running_on(cluster.address) as run:
        there = fold_files([str(table)], None, (), None, kill_one, chunk_bytes=30_000, run=run)

    assert not cluster.workers[0].runs()
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


@contextmanager
def refused(told: str) -> Iterator[None]:
    with pytest.raises(NandoctorError, match=told) as error:
        yield

    assert error.value.exit_code == UNEXAMINABLE
    assert "\n" not in error.value.message


@pytest.mark.parametrize("address", ["nonsense", "tcp://127.0.0.1:9"])
def test_where_no_scheduler_answers(address: str, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nandoctor.probes.data.stream.dask._CONNECT_SECONDS", 1)

    with refused(f"--dask {address}: no scheduler answers there"):
        check_data(table, dask=address)


# Versions are what the installed packages' metadata say.
WITHOUT_US = "import sys; sys.modules['nandoctor'] = None"
OLD_DASK = """
import distributed.versions
version = distributed.versions.version
distributed.versions.version = lambda name: "2020.1.0" if name == "distributed" else version(name)
"""


@pytest.mark.parametrize(
    ("scheduler", "worker", "told"),
    [
        (OLD_DASK, "", "the scheduler has Dask 2020.1.0, here it is .*; install the same version"),
        ("", OLD_DASK, "a worker has Dask 2020.1.0, here it is .*; install the same version"),
        ("", "import nandoctor; nandoctor.__version__ = '0.0.9'", "the workers have nandoctor 0.0.9, here it is"),
        ("", WITHOUT_US, "nandoctor cannot be loaded there"),
        (WITHOUT_US, "", "nandoctor cannot be loaded there"),
    ],
)
def test_other_versions_are_told(scheduler: str, worker: str, told: str, table: Path, running: Running) -> None:
    with (
        running(workers=1, before_scheduler=scheduler, before_worker=worker) as cluster,
        refused(told),
    ):
        check_data(table, dask=cluster.address)


def test_a_scheduler_without_workers_is_told(running: Running) -> None:
    with (
        running(workers=0) as cluster,
        refused("the scheduler has no workers"),
        running_on(cluster.address, patience=1),
    ):
        pass


def test_workers_that_all_go_away_in_mid_job_are_told(running: Running, table: Path) -> None:
    with (
        running(workers=1) as cluster,
        running_on(cluster.address, patience=1) as run,
        refused("the scheduler has no workers"),
    ):
        fold_files([str(table)], None, (), None, lambda *_: cluster.workers[0].kill(), chunk_bytes=30_000, run=run)


DIALECT = Dialect(",", '"', header=False, encoding="utf-8", decimal=".")


def test_a_file_that_the_workers_do_not_see_is_told(running: Running, tmp_path: Path) -> None:
    part = Part(str(tmp_path / "elsewhere.csv"), "csv", 0, 0, 100, sample_rows=16, dialect=DIALECT)
    with (
        running(workers=1) as cluster,
        running_on(cluster.address) as run,
        refused(r"elsewhere.csv: the workers of tcp://.* do not see this file"),
    ):
        run([part], text_table.fold, None)


def test_another_file_under_the_same_name_is_told(table: Path) -> None:
    part = Part(str(table), "csv", 0, 0, None, sample_rows=16)

    with refused("table.csv: a worker sees another file under this name"):
        fold_same_file(text_table.fold, part, table.stat().st_size + 1)


def test_without_dask_the_command_to_install_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)

    with pytest.raises(NandoctorError, match=r'pip install "nandoctor\[dask\]"'), running_on("local"):
        pass
