"""Bad cells of several kinds: each finding claims only what was seen of its own rows."""

from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import keras

    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("linear") / "model.keras"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="head")]).save(path)
    return path


def bad_data(path: Path) -> Path:
    x = np.random.default_rng(0).standard_normal((96, 3)).astype(np.float32)
    x[40, 1], x[70, 2] = np.nan, np.inf
    np.savez(path, x=x)
    return path


def test_the_batches_with_the_first_nan_and_the_first_infinity_are_both_run(model: Path, tmp_path: Path):
    from nandoctor.api import scan

    report = scan(model, bad_data(tmp_path / "d.npz"), max_batches=2)

    by_cause = {finding.cause: finding for finding in report.findings}
    assert by_cause["nan-in-data"].location.dataset_rows == (40,)
    assert by_cause["inf-in-data"].location.dataset_rows == (70,)
    assert by_cause["nan-in-data"].chain == ("nonfinite-outputs", "nan-in-data")


def test_a_bad_cell_that_no_pass_has_seen_claims_no_symptom(model: Path, tmp_path: Path):
    from nandoctor.api import scan

    report = scan(model, bad_data(tmp_path / "d.npz"), max_batches=1)

    by_cause = {finding.cause: finding for finding in report.findings}
    assert by_cause["nan-in-data"].chain == ("nonfinite-outputs", "nan-in-data")
    assert by_cause["inf-in-data"].severity == "error"
    assert by_cause["inf-in-data"].chain == ("inf-in-data",)
