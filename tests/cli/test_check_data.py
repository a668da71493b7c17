from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nandoctor.cli.reading import reading_progress

Command = Any


@pytest.fixture
def healthy_csv(tmp_path: Path) -> Path:
    values = np.random.default_rng(0).normal(size=(200, 3))
    path = tmp_path / "train.csv"
    path.write_text("a,b,price\n" + "".join(f"{a},{b},{c}\n" for a, b, c in values))
    return path


@pytest.fixture
def sick_csv(healthy_csv: Path) -> Path:
    lines = healthy_csv.read_text().splitlines()
    lines[8] = "?,0.5,1.0"
    healthy_csv.write_text("\n".join(lines) + "\n")
    return healthy_csv


def test_healthy_data_has_a_clean_bill_of_health(nandoctor: Command, healthy_csv: Path) -> None:
    outcome = nandoctor("check-data", healthy_csv, "--target", "price")

    assert (outcome.code, outcome.err) == (0, "")
    assert "Verdict: healthy" in outcome.out
    assert "200 rows read + 0 rejected = 200" in outcome.out
    assert "separated by ','" in outcome.out


def test_a_cell_of_text_is_told_with_its_place(nandoctor: Command, sick_csv: Path) -> None:
    outcome = nandoctor("check-data", sick_csv, "--format", "json")

    report = json.loads(outcome.out)
    (finding,) = [one for one in report["findings"] if one["severity"] == "error"]
    assert outcome.code == 1
    assert report["subject"] == {"kind": "data", "path": str(sick_csv)}
    assert (finding["cause"], finding["location"]["line"]) == ("non-numeric-data", 9)
    assert (finding["location"]["dataset_rows"], finding["location"]["columns"]) == ([7], ["a"])
    assert ["cast"] in [one["actions"][:1] for one in report["prescription"]]


def test_what_the_report_asks_for_goes_to_files(nandoctor: Command, sick_csv: Path, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("report.yaml", "facts.json", "scaler.json")}

    outcome = nandoctor(
        "check-data", sick_csv, "-o", files["report.yaml"], "--save-facts", files["facts.json"], "--quiet",
        "--scaler", files["scaler.json"], "--fail-on", "never",
    )  # fmt: skip

    assert (outcome.code, outcome.err) == (0, "")
    assert all(path.stat().st_size for path in files.values())


def test_the_loss_and_the_head_judge_the_target(nandoctor: Command, tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, x=np.random.default_rng(0).normal(size=(60, 2)), y=np.arange(60) % 4)

    fits = nandoctor("check-data", path, "--target", "y", "--head", "4:softmax")
    small = nandoctor("check-data", path, "--loss", "SparseCategoricalCrossentropy", "--head", "3:softmax")
    sigmoid = nandoctor("check-data", path, "--loss", "mse", "--head", "1:sigmoid")

    assert fits.code == 0
    assert (small.code, "labels-out-of-range" in small.out) == (1, True)
    assert (sigmoid.code, "target-outside-output-range" in sigmoid.out) == (1, True)


def test_the_dtype_tells_what_overflows_in_it(nandoctor: Command, tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, x=np.linspace(0, 1e5, 100).reshape(50, 2))

    assert "precision-loss" not in nandoctor("check-data", path).out
    told = nandoctor("check-data", path, "--dtype", "float16")
    assert told.code == 1
    assert "float16" in told.out


def test_splits_are_compared(nandoctor: Command, healthy_csv: Path, tmp_path: Path) -> None:
    val = tmp_path / "val.csv"
    val.write_text(healthy_csv.read_text())

    outcome = nandoctor(
        "check-data", "--split", f"train={healthy_csv}", "--split", f"val={val}", "--fail-on", "warning"
    )

    assert outcome.code == 1
    assert "split-overlap" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "name either files or splits"),
        (("nothing.csv",), 3, "nothing.csv"),
        (("{train}", "--split", "val=x.csv"), 2, "name either files or splits"),
        (("--split", "x.csv"), 2, "not NAME=FILE"),
        (("{train}", "--head", "softmax"), 2, "not UNITS:ACTIVATION"),
        (("{train}", "--target", "rent"), 2, "rent"),
        (("{train}", "-q", "-v"), 2, "exclude each other"),
        (("{train}", "--scaler", "{train}"), 2, "this is an input"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    nandoctor: Command, healthy_csv: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    given = [argument.replace("{train}", str(healthy_csv)) for argument in arguments] or ["--quiet"]

    outcome = nandoctor("check-data", *given)

    assert (outcome.code, outcome.out) == (code, "")
    assert said in outcome.err
    assert outcome.err.count("\n") == 1


def test_neither_tensorflow_nor_pandas_is_loaded(healthy_csv: Path) -> None:
    program = """
import sys
from nandoctor.cli.main import run
try:
    run()
finally:
    print(*sorted({name.split(".")[0] for name in sys.modules}), file=sys.stderr)
"""
    command = [sys.executable, "-c", program, "check-data", str(healthy_csv)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    loaded = set(done.stderr.split())
    assert "numpy" in loaded
    heavy = {
        "tensorflow",
        "keras",
        "tf_keras",
        "pandas",
        "polars",
        "pyarrow",
        "cattrs",
        "yaml",
        "distributed",
    }
    assert heavy.isdisjoint(loaded)


def test_an_interruption_says_what_was_read(capsys: pytest.CaptureFixture[str], healthy_csv: Path) -> None:
    with pytest.raises(KeyboardInterrupt), reading_progress([healthy_csv]) as progress:  # noqa: PT012
        progress(1234, 5678)
        raise KeyboardInterrupt

    size = healthy_csv.stat().st_size
    assert capsys.readouterr().err == f"nandoctor: interrupted; read so far: 1,234 rows, 5,678 of {size:,} bytes\n"


def test_what_is_compressed_is_measured_by_what_it_holds(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "data.npz", x=np.zeros(100_000))
    (tmp_path / "table.csv.gz").write_bytes(b"")
    for name in ("data.npz", "table.csv.gz"):
        with pytest.raises(KeyboardInterrupt), reading_progress([tmp_path / name]) as progress:  # noqa: PT012
            progress(0, 400_000)
            raise KeyboardInterrupt

    assert capsys.readouterr().err.splitlines() == [
        "nandoctor: interrupted; read so far: 400,000 of 800,128 bytes",
        "nandoctor: interrupted; read so far: 400,000 bytes",
    ]
