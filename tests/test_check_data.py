"""Data that nobody here made: no error or warning that a statistician would not sign."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nandoctor.api import check_data

datasets = pytest.importorskip("sklearn.datasets")

# The columns of these spread over scales that differ by 10^5 and reach the thousands: true, and to be standardized.
SIGNED = {"breast_cancer": {"unscaled-input", "disparate-scales"}}


@pytest.mark.parametrize("suffix", ["npz", "csv"])
@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes", "digits"])
def test_the_sets_of_scikit_learn(name: str, suffix: str, tmp_path: Path) -> None:
    bunch = getattr(datasets, f"load_{name}")()
    path = tmp_path / f"{name}.{suffix}"
    if suffix == "npz":
        np.savez(path, x=bunch.data, y=bunch.target)
    else:
        rows = [",".join(map(str, [*bunch.feature_names, "y"]))]
        rows += [",".join(map(repr, [*x.tolist(), y.item()])) for x, y in zip(bunch.data, bunch.target, strict=True)]
        path.write_text("\n".join(rows) + "\n")

    report = check_data(path, target="y")

    assert {one.cause for one in report.findings if one.severity != "note"} == SIGNED.get(name, set())


def test_the_scaler_leaves_bad_cells_out(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,b\n1,5\n2,5\nnan,5\n,5\ninf,5\n3,5\n")

    check_data(tmp_path / "d.csv", scaler=tmp_path / "scaler.json")

    scaler = json.loads((tmp_path / "scaler.json").read_text())["inputs"]["table"]
    assert scaler["columns"] == ["a", "b"]
    assert scaler["mean"] == pytest.approx([2, 5])
    assert scaler["variance"] == pytest.approx([2 / 3, 1])
    assert scaler["clean_cells"] == [3, 6]


@pytest.mark.tensorflow
def test_a_model_trains_behind_the_scaler(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(256, 2)) * [1000, 0.001] + [5000, 1]
    y = (x[:, 0] - 5000) / 1000 + (x[:, 1] - 1) / 0.001
    np.savez(tmp_path / "d.npz", x=x, y=y)
    check_data(tmp_path / "d.npz", target="y", scaler=tmp_path / "scaler.json")

    defined: dict[str, object] = {}
    exec(json.loads((tmp_path / "scaler.json").read_text())["python"]["x"], defined)
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), defined["normalization"], keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mean_squared_error")
    history = model.fit(x, y, epochs=5, verbose=0).history["loss"]

    assert np.isfinite(history).all()
    assert history[-1] < 0.01
