"""A project's settings: `[tool.nandoctor]` in its pyproject.toml, or its nandoctor.toml."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nandoctor.errors import USAGE, NandoctorError
from nandoctor.finding import SEVERITIES, Summary
from nandoctor.policy import Policy, names
from nandoctor.wording import number

if TYPE_CHECKING:
    # What imports rules imports NumPy, and a script that is watched is to be the first to do so.
    from nandoctor.rule import Rule

FailOn = Literal["error", "warning", "never"]
FAIL_ON: tuple[FailOn, ...] = ("error", "warning", "never")
KEYS = ("fail-on", "select", "ignore", "severity", "thresholds", "per-path-ignores")
OWN_FILE, PROJECT_FILE = "nandoctor.toml", "pyproject.toml"


@dataclass(frozen=True)
class Config:
    """The settings and the file that they were read from, None where there is none."""

    policy: Policy = field(default_factory=Policy)
    fail_on: FailOn | None = None
    file: Path | None = None


@dataclass(frozen=True)
class Setting:
    """One effective value: its name, the value as text, and where it comes from."""

    name: str
    value: str
    source: str


def read_config(folder: Path | None = None) -> Config:
    """The settings of the nearest folder at or above `folder` (by default the working folder) that has some.

    nandoctor.toml stands before pyproject.toml. NandoctorError (exit code 2) for a file that is no TOML, a key, rule or
    threshold that there is not, or a value that does not fit.
    """
    found = _found(folder)
    return Config() if found is None else _config(*found)


def read_fail_on(folder: Path | None = None) -> FailOn | None:
    """What the settings say of `fail-on`, without a look at the rest of them."""
    found = _found(folder)
    return None if found is None else _fail_on(*found)


def is_reached(fail_on: FailOn, summary: Summary) -> bool:
    """Whether there are findings at or above the severity; never for "never"."""
    counted = {"error": summary.error, "warning": summary.error + summary.warning, "never": 0}
    return counted[fail_on] > 0


def check_settings_apart() -> None:
    """Read the settings in a child process, and raise NandoctorError (exit code 2) here where that fails.

    What knows the rules imports NumPy, and a script that is watched is to be the first to do so. Where there are no
    settings, nothing is done; where the system cannot fork, they are read here.
    """
    if _found(None) is None:
        return
    if not hasattr(os, "fork"):
        read_config()
        return
    reading, writing = os.pipe()
    if not os.fork():
        wrong = ""
        try:
            read_config()
        except NandoctorError as error:
            wrong = error.message
        os.write(writing, wrong.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as answer:
        wrong = answer.read()
    os.wait()
    if wrong:
        raise NandoctorError(wrong, USAGE)


def effective(config: Config) -> Iterator[Setting]:
    """Every setting with its value and where it comes from; "default" for what no file says."""
    from nandoctor.rule import limits, load_rules

    source = str(config.file) if config.file is not None else "default"
    policy = config.policy

    def listed(name: str, values: Iterable[str], default: str) -> Setting:
        given = ", ".join(values)
        return Setting(name, given or default, source if given else "default")

    yield Setting("fail-on", config.fail_on or FAIL_ON[0], source if config.fail_on else "default")
    yield listed("select", policy.select, "all rules")
    yield listed("ignore", policy.ignore, "none")
    for pattern, ignored in policy.ignored_by_path.items():
        yield Setting(f'per-path-ignores."{pattern}"', ", ".join(ignored), source)
    for code, severity in policy.severities.items():
        yield Setting(f"severity.{code}", severity, source)
    for kind in load_rules():
        given = policy.thresholds.get(kind.code, {})
        for name, value in limits(policy.rule(kind)).items():
            shown = str(value) if isinstance(value, bool) else number(value)
            yield Setting(f"thresholds.{kind.code}.{name}", shown, source if name in given else "default")


def _found(folder: Path | None) -> tuple[Mapping[str, Any], Path] | None:
    """The nearest settings as they stand in their file."""
    whole = (folder or Path.cwd()).absolute()
    for above in (whole, *whole.parents):
        for file in (above / OWN_FILE, above / PROJECT_FILE):
            table = _table(file)
            if table is not None:
                return table, file
    return None


def _table(file: Path) -> Mapping[str, Any] | None:
    """The settings in a file, None where it does not exist or is not about nandoctor."""
    try:
        with file.open("rb") as opened:
            whole = tomllib.load(opened)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise NandoctorError(f"{file}: cannot be read ({error.strerror})", USAGE) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise NandoctorError(f"{file}: no valid TOML ({error})", USAGE) from error
    if file.name == OWN_FILE:
        return whole
    tools = whole.get("tool", {})
    table = tools.get("nandoctor") if isinstance(tools, dict) else None
    if table is not None and not isinstance(table, dict):
        raise NandoctorError(f"{file}: tool.nandoctor is no table", USAGE)
    return table


def _config(table: Mapping[str, Any], file: Path) -> Config:
    from nandoctor.rule import load_rules

    rules = load_rules()
    for key in table:
        _known(key, KEYS, f"{file}: unknown key {key!r}")
    severities = {}
    for name, severity in _subtable(table, "severity", file).items():
        if severity not in SEVERITIES:
            raise NandoctorError(f"{file}: severity of {name} is {severity!r}; give {', '.join(SEVERITIES)}", USAGE)
        severities[_one_rule(name, rules, f"{file}: severity").code] = severity
    policy = Policy(
        select=_rule_names(table.get("select", []), rules, f"{file}: select"),
        ignore=_rule_names(table.get("ignore", []), rules, f"{file}: ignore"),
        severities=severities,
        thresholds=dict(_thresholds(_subtable(table, "thresholds", file), rules, file)),
        ignored_by_path={
            pattern: _rule_names(ignored, rules, f"{file}: per-path-ignores of {pattern!r}")
            for pattern, ignored in _subtable(table, "per-path-ignores", file).items()
        },
        root=file.parent,
        named=file.name,
    )
    return Config(policy, _fail_on(table, file), file)


def _fail_on(table: Mapping[str, Any], file: Path) -> FailOn | None:
    given = table.get("fail-on")
    for one in FAIL_ON:
        if given == one:
            return one
    if given is not None:
        raise NandoctorError(f"{file}: fail-on = {given!r}; give {', '.join(FAIL_ON)}", USAGE)
    return None


def _thresholds(
    table: Mapping[str, Any], rules: tuple[type[Rule], ...], file: Path
) -> Iterator[tuple[str, Mapping[str, int | float]]]:
    from nandoctor.rule import limits

    for name, given in table.items():
        kind = _one_rule(name, rules, f"{file}: thresholds")
        defaults = limits(Policy().rule(kind))
        if not isinstance(given, dict):
            raise NandoctorError(f"{file}: thresholds.{name} is no table of numbers", USAGE)
        for threshold, value in given.items():
            _known(threshold, tuple(defaults), f"{file}: {kind.code} has no threshold {threshold!r}")
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise NandoctorError(f"{file}: thresholds.{name}.{threshold} = {value!r}; give a number", USAGE)
        yield kind.code, given


def _subtable(table: Mapping[str, Any], key: str, file: Path) -> Mapping[str, Any]:
    found = table.get(key, {})
    if not isinstance(found, dict):
        raise NandoctorError(f"{file}: {key} is no table", USAGE)
    return found


def _rule_names(given: Any, rules: tuple[type[Rule], ...], where: str) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise NandoctorError(f"{where} is no list of rules, families or causes", USAGE)
    for name in given:
        if not any(names(rule, name) for rule in rules):
            _known(name, _known_names(rules), f"{where} names {name!r}, which is no rule, family or cause")
    return tuple(given)


def _one_rule(name: str, rules: tuple[type[Rule], ...], where: str) -> type[Rule]:
    for rule in rules:
        if name in (rule.code, rule.cause):
            return rule
    _known(name, _known_names(rules), f"{where} names {name!r}, which is no rule or cause")
    raise NandoctorError(f"{where} names {name!r}; give the code or cause of one rule", USAGE)


def _known_names(rules: tuple[type[Rule], ...]) -> tuple[str, ...]:
    return tuple(name for rule in rules for name in (rule.code, rule.cause))


def _known(name: str, known: tuple[str, ...], wrong: str) -> None:
    if name in known:
        return
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}" if len(known) <= 12 else ""
    raise NandoctorError(f"{wrong}; {hint}" if hint else wrong, USAGE)
