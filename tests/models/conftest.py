"""Models that others made and published, and inputs of the kind that they were made for."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "fixtures" / "models"


@dataclass(frozen=True)
class Scanned:
    """What a scan by the command line left behind; `report` is the JSON contract."""

    code: int
    report: dict[str, Any]
    err: str

    def severe(self) -> list[str]:
        """Each error and warning as `cause: message`."""
        return [f"{one['cause']}: {one['message']}" for one in self.report["findings"] if one["severity"] != "note"]

    def finding(self, cause: str) -> dict[str, Any]:
        """The only finding of that cause."""
        (found,) = [one for one in self.report["findings"] if one["cause"] == cause]
        return found


@pytest.fixture
def published() -> Callable[[str], Path]:
    """`published(path)`: a file or folder of the unpacked wheels; the test is skipped where there is none."""

    def find(path: str) -> Path:
        if not (FOLDER / path).exists():
            pytest.skip(f"fixtures/models/{path} is not there: `make test-models` fetches it")
        return FOLDER / path

    return find


@pytest.fixture
def scan(tmp_path: Path) -> Callable[..., Scanned]:
    """`scan(model, name=array)`: the command line's report on the model and these arrays."""

    def run(model: Path, **arrays: np.ndarray) -> Scanned:
        data, report = tmp_path / "data.npz", tmp_path / "report.json"
        np.savez(data, **arrays)
        nandoctor = Path(sys.executable).with_name("nandoctor")
        done = subprocess.run(
            [nandoctor, "scan", model, data, "-o", report], capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 1), done.stderr
        print(done.stdout)
        return Scanned(done.returncode, json.loads(report.read_text()), done.stderr)

    return run


@pytest.fixture
def music() -> np.ndarray:
    """Eight seconds of decaying notes with overtones at 22,050 Hz, in four windows of shape (43844, 1)."""
    random = np.random.default_rng(0)
    samples = 4 * 43844
    time = np.arange(samples) / 22050
    sound = random.normal(0, 0.001, samples)
    for _ in range(24):
        start = random.integers(samples - 20_000)
        pitch, loudness = 27.5 * 2 ** (random.integers(12, 72) / 12), random.uniform(0.3, 1)
        since = time[: samples - start]
        envelope = loudness * np.exp(-3 * since) * (1 - np.exp(-200 * since))
        for overtone in range(1, 6):
            sound[start:] += envelope * np.sin(2 * np.pi * pitch * overtone * since) / overtone**1.5
    sound *= 0.7 / np.abs(sound).max()
    return sound.reshape(4, 43844, 1).astype(np.float32)


@pytest.fixture
def source_code() -> np.ndarray:
    """Thirty modules of Python's standard library, the first 5,000 characters of each."""
    modules = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[:30]
    return np.array([module.read_text(encoding="utf-8", errors="replace")[:5000] for module in modules])


@pytest.fixture
def faces() -> np.ndarray:
    """32 drawn faces in grey, 64x64 pixels, scaled from 0..255 to -1..1 as fer does."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[0:64, 0:64] / 63
    return np.stack([_face(random, x, y) for _ in range(32)])[..., np.newaxis].astype(np.float32)


def _face(random: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    across, down = x - 0.5 - random.normal(0, 0.03), y - 0.5 - random.normal(0, 0.03)
    image = random.uniform(60, 100) + 20 * y
    head = (across / 0.32) ** 2 + (down / 0.42) ** 2 < 1
    image = np.where(head, random.uniform(150, 200) - 150 * (across**2 + down**2), image)
    for side in (-0.13, 0.13):
        image = np.where(((across - side) / 0.06) ** 2 + ((down + 0.1) / 0.035) ** 2 < 1, 40, image)
    smile = random.normal(0, 0.1) * (across / 0.15) ** 2
    mouth = (np.abs(down - 0.2 - smile) < 0.025) & (np.abs(across) < 0.15)
    image = np.where(mouth, 70, image) + random.normal(0, 6, image.shape)
    return (np.round(image.clip(0, 255)) / 255 - 0.5) * 2


@pytest.fixture
def dna() -> np.ndarray:
    """Two sequences of 10,201 bases, one-hot: 5,000 of context on each side of 201 positions."""
    bases = np.random.default_rng(0).choice(4, (2, 10_201), p=[0.3, 0.2, 0.2, 0.3])
    return np.eye(4, dtype=np.float32)[bases]
