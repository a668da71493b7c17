from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from nandoctor.baseline import against, baseline_of, read_baseline
from nandoctor.errors import NandoctorError
from nandoctor.finding import Finding, Location, Report, ReportSubject, Summary, Tool

LOG = Finding(
    "ND201", "log-of-zero", "error", "Logarithm of zero", "2 of 64 values", location=Location(file="train.py", line=41)
)
WIDE = Finding("ND107", "unscaled-input", "warning", "Unscaled", "up to 500", location=Location(columns=("income",)))


def report(*findings: Finding) -> Report:
    tool = Tool("nandoctor", "0.1.0", None, None, "3.11.7")
    return Report(tool, ReportSubject("script", "train.py"), Summary.of(findings), findings, notices=("As before.",))


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """A baseline that knows of the logarithm."""
    file = tmp_path / "baseline.json"
    file.write_text(baseline_of(report(LOG)))
    return file


def test_what_is_known_is_not_shown_and_what_is_new_is(known: Path) -> None:
    again = replace(LOG, message="5 of 64 values", location=replace(LOG.location, line=52, step=7))

    left = against(report(again, WIDE), read_baseline(known), known)

    assert left.findings == (WIDE,)
    assert left.summary == Summary(0, 1, 0, "at-risk")
    assert left.notices == ("As before.", f"1 finding known from {known} is not shown.")


def test_what_was_not_found_again_is_told(known: Path) -> None:
    left = against(report(WIDE), read_baseline(known), known)

    assert left.findings == (WIDE,)
    assert left.notices[1] == (
        f"1 entry of {known} expired, as nothing like it was found: ND201 log-of-zero (train.py)."
    )


def test_people_can_read_what_is_known(known: Path) -> None:
    (entry,) = json.loads(known.read_text())["findings"]

    assert (entry["rule"], entry["cause"], entry["where"]) == ("ND201", "log-of-zero", "train.py")


def test_one_that_is_met_twice_is_one_entry() -> None:
    assert len(json.loads(baseline_of(report(LOG, LOG)))["findings"]) == 1


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": "nandoctor/v1", "findings": [{"rule": "ND201"}]}'])
def test_a_file_that_is_no_baseline_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "other.json").write_text(text)

    with pytest.raises(NandoctorError, match="no baseline; name a file") as error:
        read_baseline(tmp_path / "other.json")
    assert error.value.exit_code == 2


def test_one_of_another_version_is_refused(known: Path) -> None:
    known.write_text(known.read_text().replace("nandoctor/v1", "nandoctor/v9"))

    with pytest.raises(NandoctorError, match="of version nandoctor/v9"):
        read_baseline(known)
