"""The configurations on the page about CI: valid by their published schemas, and their commands do what it says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from junitparser import JUnitXml
from markdown_it import MarkdownIt

Action = Any
Job = Mapping[str, Any]
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "ci.md"
TEXTS = [token.content for token in MarkdownIt().parse(PAGE.read_text(encoding="utf-8")) if token.info == "yaml"]
GITHUB, PRE_COMMIT, PRE_COMMIT_LOCAL, GITLAB = TEXTS
STEPS: list[Job] = [
    step["with"]
    for job in yaml.safe_load(GITHUB)["jobs"].values()
    for step in job["steps"]
    if step.get("uses", "").startswith("OWNER/nandoctor@")
]
JOBS: dict[str, Job] = {name: job for name, job in yaml.safe_load(GITLAB).items() if not name.startswith(".")}

GUARDED = "import tensorflow as tf\n\n\ndef loss(y_true, logits):\n    return -tf.nn.log_softmax(logits)\n"
UNGUARDED = GUARDED.replace("tf.nn.log_softmax(logits)", "tf.math.log(tf.nn.softmax(logits))")
FINITE = "age,income,churned\n31,12,0\n42,19,1\n27,18,0\n54,15,1\n"
TRAINING = """\
import sys
import tensorflow as tf

assert sys.argv[1:] == ["--epochs", "1"]
weight = tf.Variable({start})
optimizer = tf.keras.optimizers.SGD(0.1)
for _ in range(3):
    with tf.GradientTape() as tape:
        loss = tf.sqrt(weight)
    optimizer.apply_gradients([(tape.gradient(loss, weight), weight)])
"""


@pytest.fixture(params=["healthy", "sick"])
def project(request: pytest.FixtureRequest, workspace: Path) -> str:
    """Fills the workspace with what the page speaks of, all of it healthy or all of it sick."""
    sick = request.param == "sick"
    for folder in ("data", "training"):
        (workspace / folder).mkdir()
    (workspace / "training" / "losses.py").write_text(UNGUARDED if sick else GUARDED)
    (workspace / "training" / "train.py").write_text(TRAINING.format(start=0.0 if sick else 4.0))
    (workspace / "data" / "customers.csv").write_text(FINITE.replace("19", "nan") if sick else FINITE)
    return str(request.param)


@pytest.mark.parametrize(
    ("schema", "name", "text"),
    [("vendor.github-workflows", "workflow.yml", GITHUB), ("vendor.gitlab-ci", ".gitlab-ci.yml", GITLAB)],
)
def test_it_is_valid_by_its_schema(tmp_path: Path, schema: str, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(tmp_path / name)]
    # GitLab's schema knows its own tags, which are nothing to a plain reader of YAML.
    command += ["--data-transform", "gitlab-ci"] if "gitlab" in schema else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("text", [PRE_COMMIT, PRE_COMMIT_LOCAL])
def test_the_configuration_of_pre_commit_is_valid(tmp_path: Path, text: str) -> None:
    (tmp_path / ".pre-commit-config.yaml").write_text(text)
    command = [sys.executable, "-m", "pre_commit", "validate-config", str(tmp_path / ".pre-commit-config.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_hooks_are_those_of_the_manifest() -> None:
    manifest = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    named = [hook["id"] for hook in yaml.safe_load(PRE_COMMIT)["repos"][0]["hooks"]]
    local = {hook["id"]: hook for hook in yaml.safe_load(PRE_COMMIT_LOCAL)["repos"][0]["hooks"]}

    assert sorted(named) == sorted(manifest) == sorted(local)
    for name, hook in local.items():
        assert (hook["entry"], hook["args"]) == (manifest[name]["entry"], manifest[name]["args"])


@pytest.mark.tensorflow
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["command"])
def test_the_steps_of_the_workflow_fail_where_the_project_is_sick(action: Action, project: str, step: Job) -> None:
    job = action(**{name.replace("-", "_"): value for name, value in step.items()})

    assert job.code == (1 if project == "sick" else 0), job.log
    assert (job.outputs["verdict"] == "healthy") == (project == "healthy")


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", JOBS)
def test_the_jobs_of_the_pipeline_leave_their_findings_as_tests(
    bash: Callable[..., subprocess.CompletedProcess[str]], workspace: Path, project: str, name: str
) -> None:
    base = yaml.safe_load(GITLAB)[JOBS[name]["extends"]]
    written = workspace / base["artifacts"]["reports"]["junit"]

    done = bash("\n".join(JOBS[name]["script"]), CI_PROJECT_DIR=str(workspace))

    cases = [case for suite in JUnitXml.fromfile(str(written)) for case in suite]
    assert base["artifacts"]["when"] == "always"
    assert done.returncode == (1 if project == "sick" else 0), done.stdout + done.stderr
    # A warning is told by a test that passes.
    told = [case.name for case in cases if case.result or case.name == "ND801 unguarded-log"]
    assert bool(told) == (project == "sick"), [case.name for case in cases]
