from __future__ import annotations

from pathlib import Path

import pytest

from nandoctor.cli.output import check_writable, terminal_width, wants_colour, write_file
from nandoctor.errors import NandoctorError


def test_a_file_is_written_and_nothing_else(tmp_path: Path) -> None:
    write_file(tmp_path / "report.txt", "层\n")

    assert (tmp_path / "report.txt").read_bytes() == "层\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["report.txt"]


def test_a_replaced_file_keeps_its_permissions_and_a_link_stays_a_link(tmp_path: Path) -> None:
    file, link = tmp_path / "report.txt", tmp_path / "latest.txt"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to(file)

    write_file(link, "new")

    assert link.is_symlink()
    assert file.read_text() == "new"
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    file.write_text("old")

    with pytest.raises(UnicodeEncodeError):
        write_file(file, "\udc80")

    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_has_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(NandoctorError, match="cannot write the output: No such file or directory") as raised:
        write_file(tmp_path / "gone" / "report.txt", "text")
    assert raised.value.exit_code == 2


def test_checking_writes_nothing(tmp_path: Path) -> None:
    check_writable(tmp_path / "report.txt", [tmp_path / "model", tmp_path / "data.npz"])

    assert list(tmp_path.iterdir()) == []


def test_the_width_is_the_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "72")

    assert terminal_width() == 72


@pytest.mark.parametrize(
    ("environment", "terminal", "wanted"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm"}, False, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], terminal: bool, wanted: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)

    assert wants_colour() is wanted
