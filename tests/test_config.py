from __future__ import annotations

from pathlib import Path

import pytest

from nandoctor.config import check_settings_apart, effective, read_config, read_fail_on
from nandoctor.errors import NandoctorError

SETTINGS = """\
[tool.nandoctor]
fail-on = "warning"
select = ["ND1", "log-of-zero"]
ignore = ["duplicate-rows"]

[tool.nandoctor.severity]
dead-relu = "note"

[tool.nandoctor.thresholds.unscaled-input]
max_abs = 1000

[tool.nandoctor.per-path-ignores]
"legacy/*" = ["ND2"]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_settings_are_read_from_the_project_above(project: Path) -> None:
    (project / "pyproject.toml").write_text(SETTINGS)
    (project / "src").mkdir()

    config = read_config(project / "src")

    assert config.file == project / "pyproject.toml"
    assert (config.fail_on, read_fail_on(project / "src")) == ("warning", "warning")
    assert config.policy.select == ("ND1", "log-of-zero")
    assert config.policy.severities == {"ND217": "note"}
    assert config.policy.thresholds == {"ND107": {"max_abs": 1000}}
    assert config.policy.ignored_by_path == {"legacy/*": ("ND2",)}


def test_a_file_of_its_own_stands_before_that_of_the_project(project: Path) -> None:
    (project / "pyproject.toml").write_text(SETTINGS)
    (project / "nandoctor.toml").write_text('fail-on = "never"\n')

    assert read_config().fail_on == "never"


def test_a_project_that_says_nothing_of_nandoctor_leaves_the_one_above_it(project: Path) -> None:
    (project / "pyproject.toml").write_text(SETTINGS)
    (project / "part").mkdir()
    (project / "part" / "pyproject.toml").write_text('[tool.ruff]\nselect = ["E"]\n')

    assert read_config(project / "part").fail_on == "warning"


def test_without_settings_all_is_as_it_comes(project: Path) -> None:
    config = read_config()

    assert (config.file, config.fail_on, config.policy.select, config.policy.thresholds) == (None, None, (), {})
    assert {setting.source for setting in effective(config)} == {"default"}


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('ingore = ["ND1"]', "unknown key 'ingore'; did you mean 'ignore'?"),
        ('fail-on = "warnings"', "fail-on = 'warnings'; give error, warning, never"),
        (
            'ignore = ["log-of-zer"]',
            "names 'log-of-zer', which is no rule, .*; did you mean 'log-of-zero'",
        ),
        ('ignore = "ND1"', "ignore is no list of rules, families or causes"),
        ('severity = {ND201 = "fatal"}', "severity of ND201 is 'fatal'; give error, warning, note"),
        ('severity = {ND2 = "note"}', "names 'ND2', which is no rule or cause"),
        ("thresholds.ND107.max_ab = 3", "ND107 has no threshold 'max_ab'; did you mean 'max_abs'?"),
        ('thresholds.ND107.max_abs = "3"', "thresholds.ND107.max_abs = '3'; give a number"),
        ("thresholds = 3", "thresholds is no table"),
        ("fail-on = ", "no valid TOML"),
    ],
)
def test_what_is_wrong_is_told_with_the_nearest_name(project: Path, written: str, told: str) -> None:
    (project / "nandoctor.toml").write_text(written + "\n")

    with pytest.raises(NandoctorError, match=told) as error:
        read_config()

    assert error.value.exit_code == 2
    assert str(project / "nandoctor.toml") in error.value.message


def test_settings_are_checked_apart_from_the_process_of_the_script(project: Path) -> None:
    check_settings_apart()
    (project / "nandoctor.toml").write_text('ignore = ["ND9"]\n')

    with pytest.raises(NandoctorError, match="names 'ND9'") as error:
        check_settings_apart()

    assert error.value.exit_code == 2


def test_every_value_is_shown_with_where_it_comes_from(project: Path) -> None:
    (project / "pyproject.toml").write_text(SETTINGS)

    shown = {one.name: (one.value, one.source) for one in effective(read_config())}

    file = str(project / "pyproject.toml")
    assert shown["fail-on"] == ("warning", file)
    assert shown["thresholds.ND107.max_abs"] == ("1,000", file)
    assert shown["severity.ND217"] == ("note", file)
    assert shown["thresholds.ND105.count"][1] == "default"
