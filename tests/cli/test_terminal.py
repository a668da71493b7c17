"""`check-data` at a real terminal: its progress, and Ctrl-C."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = """
import fcntl, termios
# The session's terminal, so that Ctrl-C reaches all of its processes.
fcntl.ioctl(2, termios.TIOCSCTTY, 0)
from nandoctor.cli.reading import reading_progress
# The bar appears at once, not after seconds.
reading_progress.__wrapped__.__kwdefaults__["after"] = 0.0
from nandoctor.cli.main import run
run()
"""
ROWS = 1_500_000
CTRL_C = b"\x03"


class Terminal:
    """A command whose standard error and keyboard are a terminal."""

    def __init__(self, *arguments: str) -> None:
        self.keyboard, inside = pty.openpty()
        termios.tcsetwinsize(inside, (24, 100))
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "check-data", *arguments],
            stdin=inside,
            stdout=subprocess.DEVNULL,
            stderr=inside,
            env={**os.environ, "TERM": "xterm"},
            start_new_session=True,
        )
        os.close(inside)
        self.shown = ""

    def wait_for(self, pattern: str) -> re.Match[str]:
        """What the terminal shows, as soon as it does."""
        while not (found := re.search(pattern, self.shown)):
            assert self._read(60), f"not shown: {pattern}; but: {self.shown}"
        return found

    def press(self, key: bytes) -> None:
        os.write(self.keyboard, key)

    def ended(self) -> int:
        """The exit code, and in `shown` all that was shown."""
        while self._read(60):
            pass
        return self.process.wait(timeout=60)

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self.keyboard], [], [], seconds)
        try:
            data = os.read(self.keyboard, 1 << 16) if ready else b""
        except OSError:  # nobody has the other end any more
            data = b""
        self.shown += data.decode()
        return bool(data)


@contextmanager
def terminal(*arguments: str) -> Iterator[Terminal]:
    opened = Terminal(*arguments)
    try:
        yield opened
    finally:
        opened.process.kill()
        opened.process.wait()
        os.close(opened.keyboard)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of a dozen parts and more."""
    path = tmp_path_factory.mktemp("terminal") / "table.csv"
    header = ",".join(f"c{place}" for place in range(16))
    rows = ",".join("1234567812345678") + "\n" + ",".join("8765432187654321") + "\n"
    path.write_text(f"{header}\n" + rows * (ROWS // 2))
    return str(path)


def test_the_progress_tells_rows_bytes_and_the_time_left(table: str) -> None:
    with terminal(table) as shell:
        shell.wait_for(r"reading [\d,]*\d{3} rows: +\d+%\|.*\| [\d.]+M/48.0M \[\d\d:\d\d<\d\d:\d\d, ")
        code = shell.ended()

    assert code in (0, 1)
    # The bar is taken away in the end.
    assert shell.shown.rsplit("\r", 2)[-2].strip() == ""


@pytest.mark.parametrize("more", [(), ("--dask", "local")], ids=["here", "dask"])
def test_ctrl_c_ends_the_reading_and_says_what_was_read(table: str, more: tuple[str, ...]) -> None:
    with terminal(table, *more) as shell:
        shell.wait_for(r"reading [\d,]*\d{3} rows")
        shell.press(CTRL_C)
        code = shell.ended()

    assert code == 130
    told = re.search(r"nandoctor: interrupted; read so far: ([\d,]+) rows, ([\d,]+) of ([\d,]+) bytes\s+$", shell.shown)
    assert told is not None, shell.shown
    rows, read, size = (int(number.replace(",", "")) for number in told.groups())
    assert 0 < rows < ROWS
    assert 0 < read < size == Path(table).stat().st_size
    assert "Traceback" not in shell.shown


@pytest.mark.parametrize("seconds", [0.2, 1.0])
def test_ctrl_c_while_the_local_workers_start(table: str, seconds: float) -> None:
    with terminal(table, "--dask", "local") as shell:
        shell.wait_for(r"0%\|.*/48.0M ")
        time.sleep(seconds)
        shell.press(CTRL_C)
        code = shell.ended()

    assert code == 130
    assert "nandoctor: interrupted; read so far: 0 rows" in shell.shown
    assert "Traceback" not in shell.shown
