"""The same fold over the same parts on the workers of a Dask scheduler."""

from __future__ import annotations

import asyncio
import os
import pkgutil
import time
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nandoctor import __version__
from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.stream.local_workers import local_workers
from nandoctor.probes.data.stream.part import Fold, Part, Progress, Run
from nandoctor.probes.data.stream.partial import Partial

if TYPE_CHECKING:
    from distributed import Client

LOCAL = "local"
_CONNECT_SECONDS = 5
# How long a job waits for a worker, at its beginning and when all have gone.
_WORKER_SECONDS = 15
_LOCAL_WORKER_SECONDS = 60
_LOOK_SECONDS = 1


@contextmanager
def running_on(address: str, *, patience: float | None = None) -> Iterator[Run]:
    """What does the work of `run_parts` on the scheduler at `address`; "local" starts one worker process a processor.

    The workers must have this version of nandoctor and see the files under the same absolute paths. `patience` is how
    many seconds there may be no worker at all. NandoctorError (exit code 3) where Dask is not installed, no scheduler
    answers, or its workers cannot do the work.
    """
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise NandoctorError(
            f'--dask {address}: Dask is not installed; pip install "nandoctor[dask]"', UNEXAMINABLE
        ) from None
    local = address == LOCAL
    patience = patience or (_LOCAL_WORKER_SECONDS if local else _WORKER_SECONDS)
    with ExitStack() as opened:
        client = opened.enter_context(_connected(opened.enter_context(local_workers()) if local else address, address))
        _check_workers(client, address, patience)

        def run(parts: Iterable[Part], fold: Fold, progress: Progress | None = None) -> Partial:
            total = Partial()
            for partial in _in_order(client, address, iter(parts), fold, patience):
                total = total + partial
                if progress is not None:
                    progress(total.rows, total.bytes)
            return total

        yield run


def installed_version() -> str:
    """The version of nandoctor where this runs."""
    return __version__


def fold_same_file(fold: Fold, part: Part, size: int | None) -> Partial:
    """The fold of the part, where its file is as long as the one that the parts were cut from (None: not a file)."""
    if size is not None and os.path.getsize(part.path) != size:
        raise NandoctorError(
            f"{part.path}: a worker sees another file under this name ({os.path.getsize(part.path):,} bytes, here "
            f"{size:,}); give all of them the same",
            UNEXAMINABLE,
        )
    return fold(part)


def _connected(where: str, address: str) -> Client:
    """A client of the scheduler, once it is known to be one that it can talk to."""
    import distributed
    from distributed.versions import VersionMismatchWarning

    try:
        there = _scheduler_version(where)
    except (OSError, ValueError) as error:
        raise NandoctorError(
            f"--dask {address}: no scheduler answers there; give its address, such as tcp://host:8786, or local",
            UNEXAMINABLE,
        ) from error
    if there != distributed.__version__:
        raise NandoctorError(_other_version(address, "the scheduler has", there), UNEXAMINABLE)
    with warnings.catch_warnings():
        # What matters of it is told as an error.
        warnings.simplefilter("ignore", VersionMismatchWarning)
        return distributed.Client(where, timeout=_CONNECT_SECONDS, set_as_default=False)


def _scheduler_version(where: str) -> str:
    """Which Dask the scheduler has: asked first, since a client of another one fails in tracebacks."""
    from distributed.comm import get_address_host_port
    from distributed.core import rpc
    from distributed.security import Security

    get_address_host_port(where, strict=True)

    async def asked() -> str:
        async with rpc(where, connection_args=Security().get_connection_args("client")) as scheduler:
            said = await asyncio.wait_for(scheduler.versions(), _CONNECT_SECONDS)
            return str(said["packages"]["distributed"])

    # In a notebook, this thread has an event loop that is running.
    thread = ThreadPoolExecutor(1)
    try:
        return thread.submit(asyncio.run, asked()).result()
    finally:
        # An interruption does not wait for the answer.
        thread.shutdown(wait=False)


def _other_version(address: str, whose: str, there: str) -> str:
    import distributed

    return f"--dask {address}: {whose} Dask {there}, here it is {distributed.__version__}; install the same version"


def _check_workers(client: Client, address: str, patience: float) -> None:
    import distributed

    try:
        # By a function of Python's own, since a worker dies of one that it cannot load; the scheduler loads it, too.
        for asked, *about in ((pkgutil.resolve_name, "nandoctor:__version__"), (installed_version,)):
            found = _result(client, address, client.submit(asked, *about, pure=False), patience)
    except NandoctorError:
        raise
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
    for one in client.get_versions()["workers"].values():
        if one and one["packages"]["distributed"] != distributed.__version__:
            raise NandoctorError(_other_version(address, "a worker has", one["packages"]["distributed"]), UNEXAMINABLE)


def _in_order(client: Client, address: str, parts: Iterator[Part], fold: Fold, patience: float) -> Iterator[Partial]:
    # Sums of floats depend on their order: they are taken here, one after another, as on a single machine.
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    waiting: deque[Any] = deque()
    try:
        for part in parts:
            there = replace(part, path=os.path.abspath(part.path))
            size = os.path.getsize(part.path) if os.path.isfile(part.path) else None
            waiting.append(client.submit(fold_same_file, fold, there, size, pure=False))
            if len(waiting) >= 2 * max(2, _threads(client, address)):
                yield _result(client, address, waiting.popleft(), patience)
        while waiting:
            yield _result(client, address, waiting.popleft(), patience)
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
        raise _gone(address) from error
    finally:
        client.cancel(list(waiting))


def _threads(client: Client, address: str) -> int:
    """How many threads the workers have together; NandoctorError where the scheduler does not answer any more."""
    try:
        return sum(client.nthreads().values())
    except OSError as error:  # asked over a connection of its own, which a dead scheduler refuses or lets time out
        raise _gone(address) from error


def _gone(address: str) -> NandoctorError:
    return NandoctorError(f"--dask {address}: the scheduler went away before the end", UNEXAMINABLE)


def _result(client: Client, address: str, future: Any, patience: float) -> Any:
    """What the future holds; NandoctorError where there is no worker at all for more than `patience` seconds."""
    seen = time.monotonic()
    while True:
        try:
            return future.result(timeout=_LOOK_SECONDS)
        except TimeoutError:
            if future.done():
                return future.result()
        if _threads(client, address):
            seen = time.monotonic()
        elif time.monotonic() - seen > patience:
            raise NandoctorError(
                f"--dask {address}: the scheduler has no workers (for {patience:.0f} s now); start some", UNEXAMINABLE
            )
