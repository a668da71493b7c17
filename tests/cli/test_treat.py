"""`nandoctor treat` from the command line: scripts that need a process of their own, cured by the diff it writes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nandoctor.errors import NandoctorError

SICK = Path(__file__).parents[2] / "fixtures/scripts/sick"
NANDOCTOR = "from nandoctor.cli.main import run; run()"


def ran(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command in that folder."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )


@pytest.mark.tensorflow
@pytest.mark.parametrize("script", ["session_loop.py", "standardized_per_batch.py"])
def test_the_diff_of_the_first_remedy_cures_the_script(tmp_path: Path, script: str) -> None:
    shutil.copy(SICK / script, tmp_path)

    done = ran(tmp_path, "-c", NANDOCTOR, "treat", "--write-patch", "remedy.diff", "-o", "report.json", script)

    assert done.returncode == 1, done.stderr
    assert "are tried, each by running the script again (300 s at most)" in done.stderr
    assert (tmp_path / script).read_text() == (SICK / script).read_text()
    finding = json.loads((tmp_path / "report.json").read_text())["findings"][0]
    first = finding["remedies"][0]
    assert first["verdict"] == "verified", finding["remedies"]
    assert first["trial"]["control"] == "failed again at the same step"
    assert first["trial"]["steps_passed"] > finding["location"]["step"]
    diff = (tmp_path / "remedy.diff").read_text()
    assert first["patch"] == diff
    subprocess.run(["patch", "-p0"], input=diff, text=True, cwd=tmp_path, check=True, capture_output=True)
    plain = ran(tmp_path, script)
    assert plain.returncode == 0, plain.stderr
    assert "nan" not in plain.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("treat", "capsule", "--fast"), "--fast: a capsule takes no arguments"),
        (
            ("treat", "--write-patch", "a.diff", "capsule"),
            "a capsule holds no source to patch; name the script instead",
        ),
        (("run", "--write-patch", "a.diff", "train.py"), "only what was tried is written; give --treat, too"),
        (("treat", "missing.py"), "missing.py: there is no such script"),
    ],
)
def test_what_cannot_be_treated(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    from nandoctor.cli.main import run

    monkeypatch.chdir(tmp_path)
    Path("capsule").mkdir()
    Path("capsule/manifest.json").write_text("{}")
    monkeypatch.setattr(sys, "argv", ["nandoctor", *arguments])

    with pytest.raises(SystemExit) as left:
        run(own_process=False)

    assert left.value.code == 2
    assert said in capsys.readouterr().err


def test_a_report_without_a_diff_writes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from nandoctor.cli.options import write_first_patch
    from nandoctor.finding import Finding, Remedy, Report, ReportSubject, Summary, Tool

    def report(*remedies: Remedy) -> Report:
        finding = Finding("ND201", "log-of-zero", "error", "A title", "A message.", remedies=remedies)
        tool = Tool("nandoctor", "1", None, None, "3.11")
        return Report(tool, ReportSubject("script", "train.py"), Summary(1, 0, 0, "sick"), (finding,))

    untried = Remedy("a", "A", "--- a\n")
    verified = Remedy("b", "B", "--- b\n", "verified")

    write_first_patch(report(untried), tmp_path / "none.diff")
    write_first_patch(report(untried, verified), tmp_path / "some.diff")

    assert not (tmp_path / "none.diff").exists()
    assert "no remedy with a diff is verified" in capsys.readouterr().err
    assert (tmp_path / "some.diff").read_text() == "--- b\n"
    with pytest.raises(NandoctorError, match="cannot write the output"):
        write_first_patch(report(verified), tmp_path / "missing/some.diff")
