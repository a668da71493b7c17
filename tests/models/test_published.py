"""Models that nobody here made: each is scanned without a crash, and nothing false is said of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.models

Published = Callable[[str], Path]
Scan = Callable[..., Any]

BASIC_PITCH = "basic_pitch/saved_models/icassp_2022/nmp"


def test_basic_pitch_hears_music(published: Published, scan: Scan, music: np.ndarray) -> None:
    scanned = scan(published(BASIC_PITCH), input_2=music)

    assert (scanned.code, scanned.severe()) == (0, [])
    assert scanned.report["summary"]["verdict"] == "healthy"
    assert "SavedModel (tf-keras)" in scanned.report["examined"][0]


def test_basic_pitch_is_fed_one_nan(published: Published, scan: Scan, music: np.ndarray) -> None:
    music[2, 12345, 0] = np.nan
    scanned = scan(published(BASIC_PITCH), input_2=music)

    assert scanned.code == 1
    root = scanned.report["findings"][0]
    assert (root["cause"], root["severity"]) == ("nan-in-data", "error")
    assert root["location"]["dataset_rows"] == [2]
    hidden = scanned.finding("hidden-nonfinite")
    assert hidden["severity"] == "error"
    assert hidden["location"]["dataset_rows"] == [2]


def test_guesslang_reads_python(published: Published, scan: Scan, source_code: np.ndarray) -> None:
    scanned = scan(published("guesslang/data/model"), content=source_code)

    assert (scanned.code, scanned.severe()) == (0, [])
    assert any("classification, predict" in notice for notice in scanned.report["notices"])


def test_fer_looks_at_faces(published: Published, scan: Scan, faces: np.ndarray) -> None:
    """On many CPUs oneDNN crashes in the gradients of this model, and the scan is repeated without it."""
    scanned = scan(published("fer/data/emotion_model.hdf5"), faces=faces)

    assert (scanned.code, scanned.severe()) == (0, [])
    told = any("TF_ENABLE_ONEDNN_OPTS=0" in notice for notice in scanned.report["notices"])
    assert told == ("TensorFlow itself crashed" in scanned.err)


def test_spliceai_reads_dna(published: Published, scan: Scan, dna: np.ndarray) -> None:
    scanned = scan(published("spliceai/models/spliceai1.h5"), dna=dna)

    assert (scanned.code, scanned.severe()) == (0, [])
    assert scanned.report["summary"]["verdict"] == "healthy"
