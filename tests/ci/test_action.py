"""The GitHub Action: its steps are run in a bare environment, and do what a workflow would get from them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

Action = Any
ROOT = Path(__file__).parents[2]
SICK = "age,income\n31,1200\n42,nan\n27,1850\n"
HEALTHY = "age,income\n31,12\n42,19\n27,18\n"
LOSS = """\
import tensorflow as tf


def loss(y_true, logits):
    return -tf.reduce_sum(y_true * tf.math.log(tf.nn.softmax(logits)), axis=-1)
"""


def located(sarif: str) -> list[str]:
    """Each result of a SARIF file as `rule file:line`."""
    (run,) = json.loads(Path(sarif).read_text(encoding="utf-8"))["runs"]
    places = [(one["ruleId"], one["locations"][0]["physicalLocation"]) for one in run["results"]]
    return [f"{rule} {at['artifactLocation']['uri']}:{at.get('region', {}).get('startLine')}" for rule, at in places]


def annotations(log: str) -> list[str]:
    return re.findall(r"^::(?:error|warning|notice) file=\S+,title=[^:]+", log, re.MULTILINE)


def test_sick_data_is_annotated_summed_up_and_fails_the_step(action: Action, workspace: Path) -> None:
    (workspace / "customers.csv").write_text(SICK)

    job = action(command="check-data", arguments="customers.csv --exclude age")

    assert job.code == 1
    assert (job.outputs["exit-code"], job.outputs["verdict"]) == ("1", "sick")
    assert located(job.outputs["sarif"]) == ["ND101 customers.csv:3"]
    assert annotations(job.log) == ["::error file=customers.csv,line=3,title=ND101 nan-in-data"]
    assert "## nandoctor: sick (1 error)" in job.summary
    assert "Verdict: sick (1 error)" in job.log


def test_healthy_data_passes(action: Action, workspace: Path) -> None:
    (workspace / "customers.csv").write_text(HEALTHY)

    job = action(command="check-data", arguments="customers.csv")

    assert job.code == 0
    assert (job.outputs["exit-code"], job.outputs["verdict"]) == ("0", "healthy")
    assert located(job.outputs["sarif"]) == []
    assert "## nandoctor: healthy (no findings)" in job.summary


@pytest.mark.parametrize(("fail_on", "code"), [("", 0), ("warning", 1), ("never", 0)])
def test_fail_on_says_what_of_a_lint_fails_the_step(action: Action, workspace: Path, fail_on: str, code: int) -> None:
    (workspace / "losses.py").write_text(LOSS)

    job = action(command="lint", arguments="losses.py", fail_on=fail_on)

    assert job.code == code
    assert job.outputs["verdict"] == "at-risk"
    assert located(job.outputs["sarif"]) == ["ND801 losses.py:5"]
    assert annotations(job.log) == ["::warning file=losses.py,line=5,title=ND801 unguarded-log"]


def test_files_below_the_checkout_are_told_from_its_root(action: Action, workspace: Path) -> None:
    (workspace / "training").mkdir()
    (workspace / "training" / "losses.py").write_text(LOSS)

    job = action(command="lint", arguments=".", working_directory="training")

    assert located(job.outputs["sarif"]) == ["ND801 training/losses.py:5"]
    assert annotations(job.log) == ["::warning file=training/losses.py,line=5,title=ND801 unguarded-log"]


@pytest.mark.tensorflow
def test_a_training_that_breaks_fails_the_step(action: Action, workspace: Path) -> None:
    (workspace / "train.py").write_text(
        "import sys\nimport tensorflow as tf\n\n"
        "print(sys.argv[1:])\n"
        "weight = tf.Variable(0.0)\n"
        "optimizer = tf.keras.optimizers.SGD(0.1)\n"
        "for _ in range(3):\n"
        "    with tf.GradientTape() as tape:\n"
        "        loss = tf.sqrt(weight)\n"
        "    optimizer.apply_gradients([(tape.gradient(loss, weight), weight)])\n"
    )

    job = action(command="run", arguments="train.py --name 'two words'")

    assert job.code == 1, job.log
    assert job.outputs["verdict"] == "sick"
    assert "['--name', 'two words']" in job.log
    assert located(job.outputs["sarif"])[0].startswith("ND301 train.py:9")
    assert (workspace / ".nandoctor").is_dir()


def test_arguments_may_hold_spaces_in_quotes(action: Action, workspace: Path) -> None:
    (workspace / "all customers.csv").write_text(SICK.replace("income", "monthly income"))

    job = action(command="check-data", arguments="'all customers.csv' --exclude \"monthly income\"")

    assert (job.code, job.outputs["verdict"]) == (0, "healthy")


@pytest.mark.parametrize(
    "hostile",
    [
        "; touch owned",
        "$(touch owned)",
        '" && touch owned && "',
        "\n touch owned\n",
    ],
)
@pytest.mark.parametrize("name", ["command", "arguments", "fail_on"])
def test_no_input_is_read_by_a_shell(action: Action, workspace: Path, name: str, hostile: str) -> None:
    (workspace / "customers.csv").write_text(HEALTHY)
    inputs = {"command": "check-data", "arguments": "customers.csv", "fail_on": "error"}

    job = action(**{**inputs, name: f"{inputs[name]} {hostile}"})

    assert job.code in (2, 3)
    assert job.outputs["exit-code"] == str(job.code)
    assert job.outputs["sarif"] == ""
    assert list(workspace.iterdir()) == [workspace / "customers.csv"]
    assert f"nandoctor: no report (exit code {job.code})" in job.summary


def test_unbalanced_quotes_are_told_in_one_line(action: Action) -> None:
    job = action(command="check-data", arguments="'customers.csv")

    assert job.code == 2
    assert "::error title=nandoctor::arguments: No closing quotation\n" in job.log
    assert "Traceback" not in job.log


def test_a_cell_cannot_speak_to_the_runner(action: Action, workspace: Path) -> None:
    """The runner obeys lines that begin with two colons; those that quote data stand where it does not listen."""
    (workspace / "customers.csv").write_text(f"income,::add-mask::a\n{'1,2' + chr(10)}::add-mask::secret,3\n2,nan\n")

    job = action(command="check-data", arguments="customers.csv")

    word = re.search(r"^::stop-commands::(\w+)$", job.log, re.MULTILINE)
    assert word is not None
    heard = re.sub(rf"::stop-commands::{word[1]}\n.*?\n::{word[1]}::\n", "", job.log, flags=re.DOTALL)
    assert job.outputs["verdict"] == "sick"
    assert {line.split(" ")[0] for line in heard.splitlines() if line.lstrip().startswith("::")} <= {
        "::error",
        "::warning",
        "::notice",
    }


def test_what_cannot_be_examined_fails_the_step_with_its_reason(action: Action) -> None:
    job = action(command="check-data", arguments="missing.csv")

    assert (job.code, job.outputs["verdict"]) == (3, "")
    assert "missing.csv: there is no such file" in job.log


def test_the_checkout_builds_into_a_wheel_with_the_package_alone(tmp_path: Path) -> None:
    """What the step of the installation does with the checkout, but for the dependencies."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, timeout=300)

    (wheel,) = tmp_path.glob("nandoctor-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    packaged = {name for name in names if ".dist-info/" not in name}
    written = {str(path.relative_to(ROOT)) for path in (ROOT / "nandoctor").rglob("*.py")}
    assert written <= packaged
    assert {name.split("/")[0] for name in packaged} == {"nandoctor"}
    (entries,) = (name for name in names if name.endswith(".dist-info/entry_points.txt"))
    assert "nandoctor = nandoctor.cli.main:run" in zipfile.ZipFile(wheel).read(entries).decode()
