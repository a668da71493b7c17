"""Options of the test suite, a captured step of training without a script around it, and TensorBoard's own reader."""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from nandoctor.probes.watch.capture import Fed, Held, StepCapture

# How long an example takes says nothing about the code on a machine that does other things too.
settings.register_profile("without-deadline", deadline=None)
settings.load_profile("without-deadline")

ALL_WITH_TENSORFLOW = re.compile(r"^pytestmark = .*\bpytest\.mark\.tensorflow\b", re.MULTILINE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regenerate", action="store_true", help="rewrite golden files instead of comparing with them")


def _without_tensorflow(config: pytest.Config) -> bool:
    return "not tensorflow" in config.getoption("markexpr")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A file of nothing but tests with TensorFlow is not imported where none of them runs: most would load it."""
    if _without_tensorflow(config) and collection_path.suffix == ".py":
        return bool(ALL_WITH_TENSORFLOW.search(collection_path.read_text(encoding="utf-8"))) or None
    return None


def pytest_collection_finish(session: pytest.Session) -> None:
    """The tests without TensorFlow do not wait for it."""
    if _without_tensorflow(session.config) and "tensorflow" in sys.modules:
        raise pytest.UsageError("a test file loads TensorFlow when it is imported: import it in the tests that use it")


def pytest_runtest_teardown() -> None:
    if "keras" in sys.modules:
        _freeze()


@cache
def _freeze() -> None:
    """Once: the half a million objects that TensorFlow is made of are garbage of no test."""
    gc.collect()
    gc.freeze()


Making = Callable[..., StepCapture]


@pytest.fixture
def captured() -> Making:
    """Captures `loss(weight, x, y)` with the gradient of `weight`; `lines` are those of all forward ops."""

    def make(
        loss: Callable[[Any, Any, Any], Any], x: Any, y: Any, weight: Any, line: tuple[str, int, str, str]
    ) -> StepCapture:
        import tensorflow as tf

        variable = tf.Variable(weight, name="weight")
        labels = tf.convert_to_tensor(y)

        @tf.function(autograph=False)
        def step(x: Any, y: Any) -> tuple[Any, Any]:
            with tf.GradientTape() as tape:
                value = loss(variable, x, y)
            return value, tape.gradient(value, variable)

        traced = step.get_concrete_function(
            tf.TensorSpec([None, *np.shape(x)[1:]], tf.float32, "x"), tf.TensorSpec([None], labels.dtype, "y")
        )
        given, wanted = traced.graph.inputs, traced.graph.outputs
        forward = [op.name for op in traced.graph.get_operations() if not op.name.startswith("gradient")]
        return StepCapture(
            graph=traced.graph.as_graph_def().SerializeToString(),
            fed=(
                Fed("x", given[0].name, "input", np.asarray(x, np.float32)),
                Fed("y", given[1].name, "label", labels.numpy()),
            ),
            held=(Held("weight", given[2].name, True, variable.numpy()),),
            results=(("loss", "", wanted[0].name), ("gradient", "weight", wanted[1].name)),
            lines=dict.fromkeys(forward, line),
        )

    return make


@dataclass(frozen=True)
class OnBoard:
    """What TensorBoard reads in a folder: by tag the steps with their values, and the plugin that shows them."""

    values: dict[str, list[tuple[int, Any]]]
    plugins: dict[str, str]

    def steps(self, tag: str) -> list[int]:
        return [step for step, _ in self.values[tag]]

    def scalars(self, tag: str) -> list[float]:
        return [float(value) for _, value in self.values[tag]]

    def text(self, tag: str) -> str:
        ((_, value),) = self.values[tag]
        return str(value.item().decode())


@pytest.fixture
def read_board() -> Callable[[Path], OnBoard]:
    """Reads the event files of a folder, with TensorBoard's own reader."""
    from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    def read(folder: Path) -> OnBoard:
        accumulator = EventAccumulator(str(folder), size_guidance={TENSORS: 0}).Reload()
        tags = accumulator.Tags()["tensors"]
        return OnBoard(
            {tag: [(one.step, make_ndarray(one.tensor_proto)) for one in accumulator.Tensors(tag)] for tag in tags},
            {tag: accumulator.SummaryMetadata(tag).plugin_data.plugin_name for tag in tags},
        )

    return read
