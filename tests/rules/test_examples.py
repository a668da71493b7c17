"""The example on every rule's page is run: a scan of its model and data must name the rule's cause."""

from __future__ import annotations

import ast
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nandoctor import api
from nandoctor.api import check_data, lint, scan
from nandoctor.finding import Finding, Report
from nandoctor.probes.watch.script import Program, as_before
from nandoctor.probes.watch.wanted import Wanted
from nandoctor.reports.formats import ReportFormat, render
from nandoctor.rule import load_rules, needs, page

ABOUT_RUNS = [rule for rule in load_rules() if "run" in needs(rule)]
ABOUT_SOURCE = [rule for rule in load_rules() if "source" in needs(rule)]
OTHERS = [rule for rule in load_rules() if rule not in (*ABOUT_RUNS, *ABOUT_SOURCE)]
WITHOUT_MODEL = [rule for rule in OTHERS if "model =" not in page(rule)["Example"]]
WITH_MODEL = [rule for rule in OTHERS if rule not in WITHOUT_MODEL]


def run(example: str) -> SimpleNamespace:
    """What the example defines: `model`, then `x` or `csv`, and perhaps `y` and `loss`."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    defined: dict[str, Any] = {"np": np, "tf": tf, "keras": keras}
    exec(compile(example, "<example>", "exec"), defined)
    return SimpleNamespace(**{"csv": None, "y": None, "loss": None, **defined})


def saved_model(model: Any, folder: Path) -> Path:
    import keras
    import tensorflow as tf

    if not isinstance(model, keras.Model):
        tf.saved_model.save(model, folder / "model")
        return folder / "model"
    model.save(folder / "model.keras")
    return folder / "model.keras"


def saved_data(example: SimpleNamespace, folder: Path) -> Path:
    if example.csv is not None:
        (folder / "data.csv").write_text(example.csv)
        return folder / "data.csv"
    arrays = dict(example.x) if isinstance(example.x, dict) else {"x": example.x}
    if example.y is not None:
        arrays["y"] = example.y
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def checked(text: str, folder: Path) -> Report:
    """The report on an example without a model: `csv` (and `csv_val`, a split), or `x` and perhaps `y`."""
    defined: dict[str, Any] = {"np": np}
    exec(compile(text, "<example>", "exec"), defined)
    example = SimpleNamespace(**{"csv": None, "y": None, **defined})
    train = saved_data(example, folder)
    if "csv_val" not in defined:
        return check_data(train, target=None if example.y is None else "y")
    (folder / "val.csv").write_text(defined["csv_val"])
    return check_data(splits={"train": str(train), "val": str(folder / "val.csv")})


def saved_loss(example: SimpleNamespace, text: str, folder: Path) -> str | None:
    """The loss as `--loss` takes it: a function's source goes to a file of its own."""
    if not callable(example.loss):
        return example.loss
    definition = next(node for node in ast.parse(text).body if getattr(node, "name", None) == "loss")
    imports = "import keras\nimport numpy as np\nimport tensorflow as tf\n\n\n"
    (folder / "losses.py").write_text(imports + ast.unparse(definition))
    return f"{folder / 'losses.py'}:loss"


def with_consequences(findings: tuple[Finding, ...]) -> Iterator[Finding]:
    for finding in findings:
        yield finding
        yield from with_consequences(finding.consequences)


def watched(script: str, folder: Path) -> dict[str, Any]:
    """The report on a run of the script, as plain values."""
    import keras

    (folder / "train.py").write_text(script)
    keras.utils.clear_session()
    try:
        with contextlib.chdir(folder), as_before():
            outcome = api.run(Program("train.py"), Wanted())
    finally:
        keras.config.set_dtype_policy("float32")
    assert outcome.report is not None, outcome.told
    report: dict[str, Any] = json.loads(render(outcome.report, ReportFormat.JSON))
    return report


def causes_in(findings: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for finding in findings:
        yield finding["cause"], finding["rule"]
        yield from causes_in(finding["consequences"])


@pytest.mark.tensorflow
@pytest.mark.parametrize("rule", ABOUT_RUNS, ids=lambda rule: rule.cause)
def test_a_watched_run_of_the_example_names_the_cause(rule, tmp_path):
    report = watched(page(rule)["Example"], tmp_path)

    found = dict(causes_in(report["findings"]))
    assert found.get(rule.cause) == rule.code, f"the run names only {sorted(found)}"


@pytest.mark.parametrize("rule", ABOUT_SOURCE, ids=lambda rule: rule.cause)
def test_a_look_at_the_source_of_the_example_names_the_cause(rule, tmp_path):
    (tmp_path / "train.py").write_text(page(rule)["Example"])
    # What an example reads: one income is missing.
    houses = "".join(f"{area},{1000 * area if area != 60 else ''},{area}\n" for area in range(50, 90))
    (tmp_path / "houses.csv").write_text(f"area,income,price\n{houses}")

    report = lint(tmp_path / "train.py", data=tmp_path / "houses.csv")

    found = {finding.cause: finding.rule for finding in report.findings}
    assert found.get(rule.cause) == rule.code, f"the look names only {sorted(found)}"


@pytest.mark.parametrize("rule", WITHOUT_MODEL, ids=lambda rule: rule.cause)
def test_checking_the_data_of_the_example_names_the_cause(rule, tmp_path):
    report = checked(page(rule)["Example"], tmp_path)

    found = {finding.cause: finding.rule for finding in with_consequences(report.findings)}
    assert found.get(rule.cause) == rule.code, f"check-data names only {sorted(found)}"


@pytest.mark.tensorflow
@pytest.mark.parametrize("rule", WITH_MODEL, ids=lambda rule: rule.cause)
def test_a_scan_of_the_example_names_the_cause(rule, tmp_path):
    text = page(rule)["Example"]
    example = run(text)

    report = scan(
        saved_model(example.model, tmp_path),
        saved_data(example, tmp_path),
        labels=None if example.y is None else "y",
        loss=saved_loss(example, text, tmp_path),
        check_numerics=False,
    )

    found = {finding.cause: finding.rule for finding in with_consequences(report.findings)}
    assert found.get(rule.cause) == rule.code, f"the scan names only {sorted(found)}"
