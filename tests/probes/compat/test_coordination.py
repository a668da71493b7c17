"""The table of texts of a distributed training; how two workers read it is shown by the test of the workers."""

from __future__ import annotations

import pytest

from nandoctor.probes.compat.coordination import key_value, set_key_value

pytestmark = pytest.mark.tensorflow


def test_a_training_in_one_process_has_none() -> None:
    set_key_value("nandoctor", "told")

    assert key_value("nandoctor", 0.1) is None
