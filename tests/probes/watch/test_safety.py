"""Whatever fails inside nandoctor, the training goes on as if it were not there, and one line says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nandoctor.probes.watch.start import Watching
from nandoctor.probes.watch.wanted import Wanted

pytestmark = pytest.mark.tensorflow

BEFORE_THE_UPDATE = [
    "hooks._note_losses",
    "updating._prepared",
    "updating.guarded_update",
    "session.Recorder",
    "noted.Notebook.page",
    "noted.Notebook.turn",
    "guard.step_graph",
    "guard.kept_tensors",
    "guard.own_variable",
    "guard.seen_of",
    "recorder.Recorder.write",
]
WITH_OR_AFTER_IT = [
    "guard._after",
    "guard.half_squares",
    "recorder.Recorder.count",
    "recorder.Recorder.asked",
    "recorder.Recorder.tripped",
    "session.Watch.poll",
    "session.Watch.epoch_begins",
    "session.Watch.traced_anew",
]
IN_A_BRANCH = ["guard.kept_tensors", "guard._after", "guard.half_squares", "recorder.Recorder.count"]
EAGERLY = [
    "updating._prepared",
    "eager_guard.EagerGuard.update",
    "eager_guard.seen_of",
    "eager_guard.half_squares",
    "recorder.Recorder.write",
    "recorder.Recorder.count",
    "eager.EagerRecorder.enter",
    "eager.EagerRecorder.leave",
    "eager.EagerRecorder.update",
    "eager.EagerRecorder.updated",
    "eager.EagerStep.listen",
    "eager.EagerStep.begin_gradient",
]
AT_IMPORT = ["hooks.install_tensorflow", "hooks.install_keras"]


def trained(rows: int = 96, poisoned: bool = False, eagerly: bool = False) -> list[Any]:
    """The weights after a few steps with momentum: an update that is made twice, or not at all, is seen in them."""
    import keras

    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "mse", run_eagerly=eagerly)
    x = np.random.default_rng(0).normal(size=(rows, 4)).astype("float32")
    y = x[:, :1].copy()
    if poisoned:
        y[50] = np.nan
    model.fit(x, y, batch_size=16, epochs=2, verbose=0, shuffle=False)
    return list(model.get_weights())


@pytest.fixture(scope="module")
def plain() -> list[Any]:
    return trained()


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Watching]:
    watching = Watching("train.py", Wanted(capsules=tmp_path))
    yield watching
    watching.end()


def broken(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(f"nandoctor.probes.watch.{name}", fail)


@pytest.mark.parametrize(
    ("name", "on_trip"),
    [(name, "stop") for name in (*BEFORE_THE_UPDATE, *WITH_OR_AFTER_IT)] + [(name, "skip") for name in IN_A_BRANCH],
)
def test_the_update_is_made_once_whatever_fails(
    plain: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, on_trip: Any
) -> None:
    watching = Watching("train.py", Wanted(on_trip))
    watching.begin()
    broken(monkeypatch, name)

    weights = trained()
    watching.end()

    told = capsys.readouterr().err
    assert all(np.array_equal(one, other) for one, other in zip(weights, plain, strict=True))
    assert told.count("broken on purpose") == 1
    assert told.count("\n") == 1


@pytest.mark.parametrize("name", EAGERLY)
def test_an_eager_update_is_made_once_whatever_fails(
    watching: Watching, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    plain = trained(eagerly=True)
    watching.begin()
    broken(monkeypatch, name)

    weights = trained(eagerly=True)

    told = capsys.readouterr().err
    assert all(np.array_equal(one, other) for one, other in zip(weights, plain, strict=True))
    assert told.count("broken on purpose") == 1
    assert told.count("\n") == 1


@pytest.mark.parametrize("name", AT_IMPORT)
def test_hooks_that_cannot_be_installed_leave_the_import_alone(
    plain: list[Any],
    watching: Watching,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    broken(monkeypatch, name)

    watching.begin()
    weights = trained()

    assert all(np.array_equal(one, other) for one, other in zip(weights, plain, strict=True))
    assert capsys.readouterr().err.count("broken on purpose") == 1
    assert "broken on purpose" in watching.told()


def test_a_watch_that_is_off_lets_poisoned_updates_through(
    watching: Watching, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    poisoned = trained(poisoned=True)
    watching.begin()
    broken(monkeypatch, "session.Watch.epoch_begins")

    weights = trained(poisoned=True)

    assert all(np.array_equal(one, other, equal_nan=True) for one, other in zip(weights, poisoned, strict=True))
    assert np.isnan(weights[0]).any()
    assert watching.tripped is None


@pytest.mark.parametrize("name", ["tripped.live_names", "tripped.take_capture", "examined.write_capsule"])
def test_a_trip_is_told_even_where_its_step_cannot_be_kept(
    watching: Watching, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from nandoctor.probes.watch.session import StoppedError

    watching.begin()
    broken(monkeypatch, name)

    with pytest.raises(StoppedError):
        trained(poisoned=True)
    watching.end()

    run = watching.facts().run
    assert run is not None
    assert run.trip is not None
    assert (run.trip.kind, run.trip.step, run.trip.epoch, run.trip.batch) == ("loss", 3, 0, 3)
    assert "broken on purpose" in f"{run.trip.not_replayed} {watching.notices}"


def test_the_scripts_own_error_in_an_update_is_its_own(
    watching: Watching, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    def refuse(*_: object) -> None:
        raise ValueError("the optimizer's own")

    monkeypatch.setattr(keras.optimizers.SGD, "update_step", refuse)
    watching.begin()

    with pytest.raises(ValueError, match="the optimizer's own"):
        trained()

    assert capsys.readouterr().err == ""
