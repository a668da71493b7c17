"""A Dask scheduler in this process with worker processes that Ctrl-C does not reach."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory


@contextmanager
def local_workers() -> Iterator[str]:
    """The address of a scheduler for which one worker process a processor is being started; both end with the block.

    Dask's own local workers belong to the terminal's processes: interrupted while they start, they print tracebacks,
    and are waited for.
    """
    from distributed import LocalCluster

    command = [sys.executable, "-m", "distributed.cli.dask_worker", "--no-nanny", "--no-dashboard", "--nthreads", "1"]
    # What one part takes is bounded; a worker above Dask's limit would pause for ever.
    command += ["--memory-limit", "0", "--death-timeout", "30", "--host", "127.0.0.1"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with (
        _quiet("distributed"),
        TemporaryDirectory(prefix="nandoctor-dask-", ignore_cleanup_errors=True) as folder,
        # What fails on a worker is told in one line by whoever asked for it.
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None, silence_logs=logging.CRITICAL) as cluster,
    ):
        workers = [
            subprocess.Popen(
                [*command, "--local-directory", folder, cluster.scheduler_address],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            for _ in range(os.cpu_count() or 1)
        ]
        try:
            yield cluster.scheduler_address
        finally:
            for worker in workers:
                worker.kill()
            for worker in workers:
                worker.wait()


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Silence a logger; it stays silent where the block is interrupted, since what breaks off then says so late."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)
