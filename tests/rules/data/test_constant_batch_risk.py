from __future__ import annotations

import math

import numpy as np
import pytest

from nandoctor.rules.data.constant_batch_risk import ConstantBatchRisk


def nearly_constant(normal):
    values = normal(200, 2)
    values[:, 1] = 3.0
    values[:6, 1] = [1, 2, 4, 5, 6, 7]
    return values


def test_the_probability_is_that_of_drawing_without_replacement(array, data, normal):
    (finding,) = ConstantBatchRisk().check(data(array(nearly_constant(normal)), batch_size=8))

    assert (finding.cause, finding.severity, finding.location.columns) == ("constant-batch-risk", "note", ("1",))
    assert finding.evidence["probability"] == pytest.approx(math.comb(194, 8) / math.comb(200, 8))
    assert finding.limits == {"probability": 0.01}


def test_silent_on_large_batches_indicators_and_without_batches(array, data, normal):
    rare = np.zeros((200, 1), np.float32)
    rare[:2] = 1

    assert not list(ConstantBatchRisk().check(data(array(nearly_constant(normal)), batch_size=190)))
    assert not list(ConstantBatchRisk().check(data(array(nearly_constant(normal)))))
    assert not list(ConstantBatchRisk().check(data(array(rare), batch_size=8)))
    assert not list(ConstantBatchRisk().check(data(array(normal()), batch_size=32)))
