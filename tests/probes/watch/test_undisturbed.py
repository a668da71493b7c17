from __future__ import annotations

import random

import numpy as np

from nandoctor.probes.watch.undisturbed import undisturbed


def test_what_is_drawn_inside_is_not_missing_afterwards() -> None:
    random.seed(1)
    np.random.seed(1)
    expected = random.random(), np.random.random()
    random.seed(1)
    np.random.seed(1)

    with undisturbed():
        random.random()
        np.random.random(10)

    assert (random.random(), np.random.random()) == expected
