from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nandoctor.finding import Location
from nandoctor.reports.places import brief_place, checked_out_file, place


def test_nothing_known_says_nothing() -> None:
    assert place(Location()) == []
    assert brief_place(Location()) == ""


def test_a_loop_names_its_iteration() -> None:
    assert place(Location(phase="forward", loop_iteration=0)) == ["forward pass, loop iteration 0"]


def test_one_row_is_singular_and_many_are_counted() -> None:
    assert place(Location(dataset_rows=(7,))) == ["data row 7"]
    assert place(Location(dataset_rows=(7, *range(9)))) == ["data rows 7, 0, 1, 2, 3, 4, ... (10 in all)"]


def test_many_rows_without_a_gap_are_told_by_their_ends() -> None:
    assert place(Location(rows=tuple(range(64)))) == ["rows 0 to 63"]
    assert place(Location(rows=(3, 4))) == ["rows 3, 4"]


def test_what_the_root_has_told_already_is_not_told_again() -> None:
    root = Location(file="a.py", line=3, code="log(x)", step=2, rows=(1,), phase="forward")

    again = replace(root, phase="backward", op="Log", op_type="Log")
    assert place(again, root) == ["op Log (Log)", "backward pass", "a.py:3"]
    assert place(replace(again, rows=(5,), line=4), root)[2:] == ["a.py:4", "log(x)", "step 2, row 5"]


def test_step_and_epoch_are_told_from_zero() -> None:
    assert place(Location(epoch=0, step=12, batch=0)) == ["epoch 0, step 12, batch 0"]


def test_an_op_type_alone_is_told() -> None:
    assert place(Location(op_type="Log")) == ["op Log"]


def test_the_brief_place_prefers_the_layer() -> None:
    assert brief_place(Location(layer="dense", op="dense/Relu")) == "dense"
    assert brief_place(Location(columns=("age", "income"))) == "column age, income"


def test_of_a_source_line_the_brief_place_is_file_and_line() -> None:
    assert brief_place(Location(file="losses.py", line=12, function="loss")) == "losses.py:12"


def test_a_file_below_the_working_folder_is_shown_as_seen_from_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert place(Location(file=str(tmp_path / "models" / "losses.py"), line=3)) == ["models/losses.py:3"]
    assert place(Location(file="/elsewhere/losses.py", line=3)) == ["/elsewhere/losses.py:3"]


def test_lines_of_one_file_name_it_once() -> None:
    rows = Location(dataset_rows=(7, 9), dataset_lines=("a.csv:2", "a.csv:6"))
    assert place(rows) == ["data rows 7, 9", "a.csv, lines 2, 6"]
    assert place(replace(rows, dataset_lines=("a.csv:2", "b.csv:6")))[1] == "a.csv:2, b.csv:6"
    assert place(Location(file="a.csv", line=2, dataset_rows=(7,), dataset_lines=("a.csv:2",)))[-1] == "data row 7"


def test_a_code_host_is_told_files_from_the_root_of_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "training").mkdir()
    monkeypatch.chdir(tmp_path / "training")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))

    assert checked_out_file("train.py") == "training/train.py"
    assert checked_out_file(str(tmp_path / "training" / "train.py")) == "training/train.py"
    assert checked_out_file("../data.csv") == "data.csv"
    assert checked_out_file("/elsewhere/data.csv") == "/elsewhere/data.csv"
    assert checked_out_file("s3://bucket/data.csv") == "s3://bucket/data.csv"


def test_elsewhere_they_are_told_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)

    assert checked_out_file(str(tmp_path / "train.py")) == "train.py"
