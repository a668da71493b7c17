"""Every rule is a page: what it finds, why, and what to do, with its thresholds and an example."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from nandoctor.rule import load_rules, missing_headings, needs, page

FAMILIES = {"data": "1", "forward": "2", "backward": "3", "training": "4", "head": "5", "weights": "6", "source": "8"}
RULES = load_rules()
ABOUT_RUNS = [rule for rule in RULES if "run" in needs(rule)]
ABOUT_SOURCE = [rule for rule in RULES if "source" in needs(rule)]
OTHERS = [rule for rule in RULES if rule not in (*ABOUT_RUNS, *ABOUT_SOURCE)]


@pytest.fixture(params=RULES, ids=lambda rule: rule.code)
def rule(request):
    return request.param


def test_there_are_rules_of_each_family_so_far():
    assert {rule.code[2] for rule in RULES} >= {"2", "3", "4", "5"}


@pytest.mark.parametrize("name", ["code", "cause", "title"])
def test_no_two_rules_share_a_name(name):
    names = [getattr(rule, name) for rule in RULES]
    assert sorted(set(names)) == sorted(names)


def test_the_code_is_of_the_family_that_the_rule_lies_in(rule):
    family = rule.__module__.split(".")[2]
    assert re.fullmatch(rf"ND{FAMILIES[family]}\d\d", rule.code)


def test_the_file_is_named_after_the_cause(rule):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.cause)
    assert rule.__module__.rpartition(".")[2] == rule.cause.replace("-", "_")


def test_the_page_has_a_title_and_all_headings(rule):
    assert missing_headings(rule) == ()


RULE_WITHOUT_SECTIONS = '''\
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class TooCold:
    """Something was too cold.

    Evidence:
        The thermometer.

    Remedy:

    Example:
        x = np.zeros(1)
    """

    code: ClassVar[str] = "ND199"
    cause: ClassVar[str] = "too-cold"
    title: ClassVar[str] = "Too cold"

    def check(self, data):
        yield from ()
'''


def test_a_rule_without_all_sections_fails_lint(tmp_path):
    """What `make lint` runs, on a copy of the package with one more rule."""
    root = Path(__file__).parents[2]
    assert "$(BIN)/python .ci/rule_pages.py" in (root / "Makefile").read_text(encoding="utf-8")
    shutil.copytree(root / "nandoctor", tmp_path / "nandoctor", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, str(root / ".ci" / "rule_pages.py")]
    options = {"env": {**os.environ, "PYTHONPATH": str(tmp_path)}, "capture_output": True, "text": True}

    healthy = subprocess.run(command, **options, check=False)
    (tmp_path / "nandoctor" / "rules" / "data" / "too_cold.py").write_text(RULE_WITHOUT_SECTIONS)
    sick = subprocess.run(command, **options, check=False)

    assert (healthy.returncode, healthy.stdout, healthy.stderr) == (0, "", "")
    assert sick.returncode == 1
    assert sick.stderr.splitlines() == [
        f"{tmp_path}/nandoctor/rules/data/too_cold.py: ND199 too-cold lacks What it finds, Limit and source, Remedy, "
        "When it is fine in its docstring"
    ]


def test_every_threshold_is_explained_on_the_page(rule):
    assert [field.name for field in fields(rule) if f"`{field.name}`" not in rule.__doc__] == []


@pytest.mark.parametrize("other", OTHERS, ids=lambda rule: rule.code)
def test_the_example_is_a_program_that_defines_data_and_but_for_data_alone_a_model(other):
    tree = ast.parse(page(other)["Example"])
    assigned = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert "model" in assigned or set(needs(other)) == {"data"}
    assert assigned & {"x", "csv"}
    assert not {node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)}


@pytest.mark.parametrize("about_runs", ABOUT_RUNS, ids=lambda rule: rule.code)
def test_the_example_of_a_rule_about_runs_is_a_whole_script(about_runs):
    script = page(about_runs)["Example"]
    tree = ast.parse(script)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}

    compile(script, "<example>", "exec")
    assert imported & {"keras", "tensorflow", "tf_keras"}
    assert not {"nandoctor"} & imported
    assert "set_random_seed" in script or "random" not in script, "the example must do the same each time"


@pytest.mark.parametrize("about_source", ABOUT_SOURCE, ids=lambda rule: rule.code)
def test_the_example_of_a_rule_about_source_is_a_file_that_imports_what_it_uses(about_source):
    source = page(about_source)["Example"]
    imported = {
        alias.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import) for alias in node.names
    }

    assert imported & {"keras", "tensorflow"}
