from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nandoctor.finding import Finding, Location
from nandoctor.fingerprint import fingerprint

PLACE = Location(
    file="/home/ann/train.py",
    line=41,
    function="nll",
    code="    return -tf.math.log(p)",
    layer="net/dense_3",
    op="net/dense_3/Log_1",
    op_type="Log",
    phase="forward",
    step=37,
    batch=5,
    rows=(3, 17),
    dataset_rows=(35, 49),
)
LOG = Finding("ND201", "log-of-zero", "error", "Logarithm of zero", "2 of 64 values", location=PLACE)


@pytest.mark.parametrize(
    "changed",
    [
        {"file": "/builds/7/train.py"},
        {"line": 52},
        {"code": "return -tf.math.log(p)"},
        {"layer": "net/dense", "op": "net/dense/Log"},
        {"step": 2, "batch": 0, "epoch": 1, "rows": (1,), "dataset_rows": None},
    ],
)
def test_another_run_of_the_same_fault_is_known(changed: dict[str, Any]) -> None:
    again = replace(LOG, message="5 of 64 values", evidence={"zeros": 5}, location=replace(PLACE, **changed))

    assert fingerprint(again) == fingerprint(LOG)


@pytest.mark.parametrize(
    "changed",
    [
        {"file": "/home/ann/losses.py"},
        {"function": "kl"},
        {"code": "return -tf.math.log(q)"},
        {"layer": "net/head"},
        {"op_type": "Log1p"},
        {"phase": "backward"},
        {"columns": ("age",)},
    ],
)
def test_another_fault_is_another(changed: dict[str, Any]) -> None:
    assert fingerprint(replace(LOG, location=replace(PLACE, **changed))) != fingerprint(LOG)


def test_two_causes_at_one_place_are_two() -> None:
    assert fingerprint(replace(LOG, rule="ND202", cause="log-of-negative")) != fingerprint(LOG)
