"""Files behind addresses: a real server on this machine, and what fsspec keeps in memory."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.stream.observe import observe_data

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")

ROWS = b"a,b\n" + b"1,2\n" * 2_000_000 + b"3,nan\n"


class Handler(BaseHTTPRequestHandler):
    """Serves `ROWS` as any file but those named missing, and goes away in the midst of those named cut."""

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, *, with_body: bool) -> None:
        if "missing" in self.path:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(ROWS)))
        self.end_headers()
        if with_body:
            self.wfile.write(ROWS[: len(ROWS) // 2] if "cut" in self.path else ROWS)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where copies are kept."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def refused(url: str) -> str:
    with pytest.raises(NandoctorError, match=r"^[^\n]*$") as error:
        observe_data([url])
    assert error.value.exit_code == UNEXAMINABLE
    return error.value.message


def test_a_file_on_a_server(server: str, temporary: Path) -> None:
    url = f"{server}/folder/d.csv?version=2"

    facts = observe_data([url])

    assert (facts.path, facts.rows) == (url, 2_000_001)
    (cell,) = facts.arrays[0].columns[1].bad
    assert (cell.row, cell.line) == (2_000_000, 2_000_002)
    assert list(temporary.iterdir()) == []


def test_files_of_the_same_name_are_kept_apart(temporary: Path) -> None:
    for place in range(3):
        with fsspec.open(f"memory://names/{place}/d.npy", "wb") as file:
            np.save(file, np.full((2, 2), float(place)))

    facts = observe_data([f"memory://names/{place}/d.npy" for place in range(3)])

    assert (facts.rows, facts.arrays[0].columns[0].stats.mean) == (6, 1.0)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing.csv", "/missing.csv: there is no such file"),
        ("cut.csv", "/cut.csv: cannot be fetched (Response payload is not completed"),
        ("d.csv.gz", "/d.csv.gz: not a whole compressed file"),
        ("d.xyz", "/d.xyz: cannot read .xyz files"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_line(server: str, temporary: Path, name: str, says: str) -> None:
    message = refused(f"{server}/{name}")

    assert says in message
    assert str(temporary) not in message
    assert list(temporary.iterdir()) == []


def test_a_server_that_does_not_answer_is_told(temporary: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    assert "cannot be fetched" in refused(f"http://127.0.0.1:{port}/d.csv")


def test_what_is_not_in_memory_and_what_is_empty() -> None:
    with fsspec.open("memory://empty.csv", "wb"):
        pass

    assert refused("memory://nothing.csv") == "memory://nothing.csv: there is no such file"
    assert refused("memory://empty.csv") == "memory://empty.csv: the file is empty"


@pytest.mark.skipif(importlib.util.find_spec("s3fs") is not None, reason="the driver of s3:// is installed")
def test_a_driver_that_is_not_installed_is_named() -> None:
    assert "s3fs" in refused("s3://bucket/d.csv")


@pytest.mark.parametrize(("package", "says"), [("aiohttp", "aiohttp"), ("fsspec", "pip install fsspec")])
def test_without_its_packages_an_address_says_what_to_install(package: str, says: str) -> None:
    program = f"""
import sys
sys.modules[{package!r}] = None
from nandoctor.cli.main import run
sys.argv = ["nandoctor", "check-data", "http://127.0.0.1:9/d.csv"]
run()
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (UNEXAMINABLE, "", 1)
    assert says in done.stderr
