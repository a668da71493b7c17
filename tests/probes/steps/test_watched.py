from __future__ import annotations

import numpy as np
import pytest

from nandoctor.probes.steps.watched import MOST_SAMPLED, Look, Watched, sampled


@pytest.mark.parametrize("shape", [(), (0, 3), (3,), (16, 7, 7, 512), (1 << 20,), (64, 4096)])
def test_a_sample_is_bounded_and_has_a_histogram(shape: tuple[int, ...]) -> None:
    found = sampled(np.ones(shape, np.float32))

    values = int(np.prod(shape))
    assert found.count == values if values <= MOST_SAMPLED else MOST_SAMPLED * 0.9 < found.count <= MOST_SAMPLED
    assert sum((found.histogram or {}).values()) == found.count


def test_every_channel_is_in_the_sample() -> None:
    # Channel c holds 2**c: a stride that divides the number of channels would see one of them.
    channels = 16
    values = np.broadcast_to(2.0 ** np.arange(channels, dtype=np.float32), (64, 64, 64, channels))

    exponents = sampled(np.ascontiguousarray(values)).exponents()

    assert exponents is not None
    assert sorted(exponents) == list(range(channels))
    assert max(exponents.values()) <= 1.1 * min(exponents.values())


def test_a_small_result_is_sampled_whole() -> None:
    values = np.array([[1.0, -2.0], [0.0, 0.25]], np.float32)
    watched = Watched()

    watched.add(values, "float32", Look(), "BiasAdd")
    watched.add(2 * values, "float32", Look(), "BiasAdd")

    assert watched.sample.count == watched.stats.count == 8
    assert watched.sample.exponents() == {-2: 1, -1: 1, 0: 1, 1: 2, 2: 1}
