"""TensorFlow's own log lines, kept away from standard error.

`TF_CPP_MIN_LOG_LEVEL` does not reach the lines that TensorFlow's libraries write while they are loaded (oneDNN,
CUDA, "All log messages before absl::InitializeLog()"): they go straight to file descriptor 2. So that
descriptor is led through a process of its own, which drops log lines and passes on everything else, a crash's last
words included. This file is that process, too: it is run by path, and imports nothing but the standard library.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TextIO

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_STDERR = 2
_LOG_LINE = re.compile(
    rb"([IWE]\d{4} \d\d:\d\d:[\d.]+\s+\d+ \S+:\d+\] )"
    rb"|(\d{4}-\d\d-\d\d \d\d:\d\d:[\d.]+: [IWE] )"
    rb"|(WARNING: All log messages before absl::InitializeLog)"
    rb"|(To enable the following instructions: )"
)


def is_log_line(line: bytes) -> bool:
    """Whether TensorFlow or absl wrote the line to its log below the level of a fatal error."""
    return _LOG_LINE.match(line) is not None


@contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Drop TensorFlow's log lines while the block runs; a user who has set TF_CPP_MIN_LOG_LEVEL gets them all.

    Python's `sys.stderr` keeps writing to the terminal itself. Where it is not the process's standard error (in a
    notebook, in a test) nothing is redirected.
    """
    if LEVEL in os.environ:
        yield
        return
    os.environ[LEVEL] = "2"
    _silence_python_loggers()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _filtered() if _is_descriptor(sys.stderr) else nullcontext():
                yield
    finally:
        del os.environ[LEVEL]


@contextmanager
def _filtered() -> Iterator[None]:
    """Lead descriptor 2 through the filter process, and `sys.stderr` past it."""
    sys.stderr.flush()
    # In a session of its own, since Ctrl-C must not end the filter before the program.
    command = [sys.executable, "-I", "-S", __file__]
    filtering = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    assert filtering.stdin is not None
    terminal, python_stderr = os.dup(_STDERR), sys.stderr
    os.dup2(filtering.stdin.fileno(), _STDERR)
    filtering.stdin.close()
    sys.stderr = open(terminal, "w", encoding=python_stderr.encoding, errors="backslashreplace", buffering=1)  # noqa: SIM115
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(terminal, _STDERR)
        sys.stderr.close()
        sys.stderr = python_stderr
        try:
            filtering.wait(timeout=5)
        except subprocess.TimeoutExpired:  # a process that the model started still holds the pipe
            filtering.kill()


def _silence_python_loggers() -> None:
    import logging

    for name in ("tensorflow", "absl", "h5py"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _is_descriptor(stream: TextIO) -> bool:
    try:
        return stream.fileno() == _STDERR
    except (OSError, ValueError):
        return False


def _filter() -> None:
    for line in sys.stdin.buffer:
        if not is_log_line(line):
            sys.stderr.buffer.write(line)
            sys.stderr.buffer.flush()


if __name__ == "__main__":
    _filter()
