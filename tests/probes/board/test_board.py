"""A board's event files, as TensorBoard's own reader finds them, and the script's own tf.summary beside them."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nandoctor.errors import USAGE, NandoctorError
from nandoctor.facts import History, LayerFacts, StepFacts
from nandoctor.probes.board.board import open_board
from nandoctor.stats import TensorStats

HISTORY = History(0, loss=(1.0, 0.5, math.nan), learning_rate=(0.1, 0.1, 0.1), gradient_norms={"w": (2.0, 1.0, 4.0)})
VALUES = np.random.default_rng(0).normal(size=(50, 40)).astype("float32")
SEEN = StepFacts(1, 50, 9, (), (), (LayerFacts("hidden", "hidden", "Relu", "float32", TensorStats.of(VALUES), 50),))
MARKDOWN = "## Verdict\n\n| a | b |\n|---|---|\n| 1 | ünïcode |\n"


def filled(folder: Path) -> None:
    board = open_board(folder)
    board.record("", HISTORY)
    board.look("", 2, SEEN)
    board.tell("", 2, report=MARKDOWN)
    board.close()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(NandoctorError, match="file/logs: cannot write for TensorBoard: Not a directory") as refused:
        open_board(tmp_path / "file" / "logs")

    assert refused.value.exit_code == USAGE


@pytest.mark.tensorflow
def test_what_was_written_is_read(tmp_path: Path, read_board: Any) -> None:
    filled(tmp_path / "new" / "logs")

    found = read_board(tmp_path / "new" / "logs")

    assert found.steps("loss") == [0, 1, 2]
    np.testing.assert_array_equal(found.scalars("loss"), [1.0, 0.5, math.nan])
    assert found.scalars("gradient_norm") == [2.0, 1.0, 4.0]
    ((step, buckets),) = found.values["activation/hidden"]
    assert (step, buckets[:, 2].sum()) == (2, VALUES.size)
    assert buckets[0, 0] == VALUES.min()
    assert buckets[-1, 1] == VALUES.max()
    assert found.text("report") == MARKDOWN
    assert found.plugins == {
        **dict.fromkeys(("loss", "learning_rate", "gradient_norm", "gradient_norm/w"), "scalars"),
        **dict.fromkeys(("headroom", "headroom/activation/hidden"), "scalars"),
        "activation/hidden": "histograms",
        "report": "text",
    }


@pytest.mark.tensorflow
def test_what_was_written_before_is_not_written_again(tmp_path: Path, read_board: Any) -> None:
    board = open_board(tmp_path)
    board.record("", HISTORY)
    later = History(2, loss=(9.0, 0.25), learning_rate=(0.1, 0.1))
    board.record("", later)
    board.record("", later, leaving_out=(3,))
    board.close()

    assert read_board(tmp_path).steps("loss") == [0, 1, 2, 3]
    np.testing.assert_array_equal(read_board(tmp_path).scalars("loss"), [1.0, 0.5, math.nan, 0.25])


@pytest.mark.tensorflow
def test_each_part_has_a_folder_and_its_own_steps(tmp_path: Path, read_board: Any) -> None:
    board = open_board(tmp_path)
    for part in ("", "optimizer-2"):
        board.record(part, HISTORY, leaving_out=(1,))
    board.close()

    assert [read_board(folder).steps("loss") for folder in (tmp_path, tmp_path / "optimizer-2")] == [[0, 2], [0, 2]]


@pytest.mark.tensorflow
def test_where_writing_fails_that_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board = open_board(tmp_path / "logs")
    (tmp_path / "logs").rmdir()
    (tmp_path / "logs").write_text("in the way")

    board.record("", HISTORY)
    board.look("", 2, SEEN)
    board.close()

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"nandoctor: {tmp_path}/logs: nothing more is written for TensorBoard: ")
    assert "{{" not in line


@pytest.mark.tensorflow
def test_the_scripts_own_summaries_and_random_numbers_are_left_alone(tmp_path: Path, read_board: Any) -> None:
    import tensorflow as tf

    tf.random.set_seed(1)
    drawn = tf.random.normal([3]).numpy(), tf.random.normal([3]).numpy()
    tf.random.set_seed(1)
    before = random.getstate(), np.random.get_state()[1].tolist()
    with tf.summary.create_file_writer(str(tmp_path / "own")).as_default(step=7), tf.name_scope("scope"):
        assert tf.random.normal([3]).numpy().tolist() == drawn[0].tolist()
        filled(tmp_path / "logs")
        assert tf.summary.experimental.get_step() == 7
        tf.summary.scalar("mine", 1.0)
        with tf.summary.record_if(False):
            filled(tmp_path / "unrecorded")
            tf.summary.scalar("mine", 2.0)
        assert tf.random.normal([3]).numpy().tolist() == drawn[1].tolist()
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before

    assert read_board(tmp_path / "own").values == {"scope/mine": [(7, 1.0)]}
    assert set(read_board(tmp_path / "logs").values) == set(read_board(tmp_path / "unrecorded").values)
    assert "loss" in read_board(tmp_path / "logs").values


@pytest.mark.tensorflow
def test_check_numerics_of_the_script_does_not_see_the_nan(tmp_path: Path, read_board: Any) -> None:
    import tensorflow as tf

    tf.debugging.enable_check_numerics()
    try:
        filled(tmp_path)
    finally:
        tf.debugging.disable_check_numerics()

    assert math.isnan(read_board(tmp_path).scalars("loss")[-1])


def test_who_was_forked_off_writes_nothing(tmp_path: Path) -> None:
    board = open_board(tmp_path)
    board.process += 1

    board.tell("", 0, report=MARKDOWN)

    assert list(tmp_path.iterdir()) == []
