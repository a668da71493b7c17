"""The same fold over the same parts on the workers of a Dask scheduler."""

from __future__ import annotations

import logging
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nandoctor import __version__
from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.stream.part import Fold, Part, Progress, Run
from nandoctor.probes.data.stream.partial import Partial

if TYPE_CHECKING:
    from distributed import Client

LOCAL = "local"
_CONNECT_SECONDS = 5
# A cluster that grows on demand begins without workers.
_FIRST_WORKER_SECONDS = 60


@contextmanager
def running_on(address: str) -> Iterator[Run]:
    """What does the work of `run_parts` on the scheduler at `address`; "local" starts one worker process a processor.

    The workers must have this version of nandoctor and see the files under the same absolute paths. NandoctorError
    (exit code 3) where Dask is not installed, no scheduler answers, or its workers cannot do the work.
    """
    try:
        from distributed import Client, LocalCluster
        from distributed.comm import get_address_host_port
    except ImportError:
        raise NandoctorError(
            f'--dask {address}: Dask is not installed; pip install "nandoctor[dask]"', UNEXAMINABLE
        ) from None
    with ExitStack() as opened:
        where: Any = address
        if address == LOCAL:
            where = opened.enter_context(
                LocalCluster(
                    host="127.0.0.1",
                    n_workers=os.cpu_count(),
                    threads_per_worker=1,
                    dashboard_address=None,
                    # What fails on a worker is told here, in one line.
                    silence_logs=logging.CRITICAL,
                )
            )
        try:
            if address != LOCAL:
                # A client made with what is no address at all fails once more when it is deleted.
                get_address_host_port(address, strict=True)
            client = opened.enter_context(Client(where, timeout=_CONNECT_SECONDS, set_as_default=False))
        except (OSError, ValueError) as error:
            raise NandoctorError(
                f"--dask {address}: no scheduler answers there; give its address, such as tcp://host:8786, or local",
                UNEXAMINABLE,
            ) from error
        _check_workers(client, address)
        if address == LOCAL:
            client.run(ignore_interrupts)

        def run(parts: Iterable[Part], fold: Fold, progress: Progress | None = None) -> Partial:
            total = Partial()
            for partial in _in_order(client, address, iter(parts), fold):
                total = total + partial
                if progress is not None:
                    progress(total.rows, total.bytes)
            return total

        yield run


def installed_version() -> str:
    """The version of nandoctor where this runs."""
    return __version__


def ignore_interrupts() -> None:
    """Ctrl-C reaches all processes of a terminal: here it is left to the one that ends the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _check_workers(client: Client, address: str) -> None:
    try:
        found = client.submit(installed_version, pure=False).result(timeout=_FIRST_WORKER_SECONDS)
    except TimeoutError as error:
        raise NandoctorError(
            f"--dask {address}: no worker took up work within {_FIRST_WORKER_SECONDS} s; start some", UNEXAMINABLE
        ) from error
    except Exception as error:  # whatever importing nandoctor raises over there
        raise NandoctorError(
            f"--dask {address}: nandoctor cannot be loaded there ({type(error).__name__}); install version "
            f"{__version__} where the scheduler and the workers run",
            UNEXAMINABLE,
        ) from error
    if found != __version__:
        raise NandoctorError(
            f"--dask {address}: the workers have nandoctor {found}, here it is {__version__}; install the same version",
            UNEXAMINABLE,
        )


def _in_order(client: Client, address: str, parts: Iterator[Part], fold: Fold) -> Iterator[Partial]:
    # Sums of floats depend on their order: they are taken here, one after another, as on a single machine.
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    most = 2 * max(2, sum(client.nthreads().values()))
    waiting: deque[Any] = deque()
    try:
        for part in parts:
            there = replace(part, path=os.path.abspath(part.path))
            waiting.append(client.submit(fold, there, pure=False))
            if len(waiting) >= most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except FileNotFoundError as error:
        raise NandoctorError(
            f"{error.filename}: the workers of {address} do not see this file; put it where all of them do",
            UNEXAMINABLE,
        ) from error
    except KilledWorker as error:
        raise NandoctorError(
            f"--dask {address}: several workers died of the same part of the data; give them more memory", UNEXAMINABLE
        ) from error
    except (CancelledError, CommClosedError) as error:
        raise NandoctorError(f"--dask {address}: the scheduler went away before the end", UNEXAMINABLE) from error
    finally:
        client.cancel(list(waiting))
