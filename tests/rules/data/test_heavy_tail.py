from __future__ import annotations

import numpy as np
import pytest

from nandoctor.rules.data.heavy_tail import HeavyTail


def test_a_wide_lognormal_column_is_a_note(array, data):
    values = np.random.default_rng(0).lognormal(sigma=2.0, size=(4000, 1))

    (finding,) = HeavyTail().check(data(array(values)))

    assert (finding.cause, finding.severity) == ("heavy-tail", "note")
    assert 60 < finding.evidence["ratio"] < 200
    assert finding.limits == {"ratio": 20.0}


@pytest.mark.parametrize("draw", ["normal", "exponential", "uniform", "lognormal"])
def test_silent_on_usual_columns(array, data, draw):
    values = getattr(np.random.default_rng(0), draw)(size=(4000, 1))

    assert not list(HeavyTail().check(data(array(values))))


def test_silent_where_the_values_are_looked_up(array, data, model):
    values = np.random.default_rng(0).lognormal(sigma=2.0, size=(4000, 1))

    assert not list(HeavyTail().check(data(array(values)), model(embeds=True)))
