"""Findings and facts made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nandoctor.facts import Facts, Origin, StepFacts
from nandoctor.finding import Finding, Tool
from nandoctor.stats import TensorStats

CODES = {"log-of-zero": "ND201", "zero-times-inf": "ND208", "where-gradient-trap": "ND302", "nan-in-data": "ND101"}


@pytest.fixture
def origin() -> Callable[..., Origin]:
    """`origin(id, parents=, kind=, phase=, op=, reaches=)`: a place where numbers stopped being finite."""

    def make(identity: int, **fields: Any) -> Origin:
        given: dict[str, Any] = {
            "kind": "op",
            "phase": "forward",
            "op": f"net/op{identity}",
            "op_type": "Log",
            "layer": "net",
            "output": TensorStats(count=4, nan=1),
            "output_dtype": "float32",
            "output_shape": (4,),
            "reaches": ("loss",),
        }
        return Origin(id=identity, **{**given, **fields})

    return make


@pytest.fixture
def finding() -> Callable[..., Finding]:
    """`finding(cause, about, severity)`: what a rule might have said."""

    def make(cause: str, about: str | int | None = None, severity: Any = "error", **fields: Any) -> Finding:
        key = f"origin:{about}" if isinstance(about, int) else about
        return Finding(
            fields.pop("rule", CODES.get(cause, "ND299")), cause, severity, cause, cause, about=key, **fields
        )

    return make


@pytest.fixture
def facts() -> Callable[..., Facts]:
    """`facts(origin, ...)`: those of a step with these origins."""

    def make(*origins: Origin, **fields: Any) -> Facts:
        step = StepFacts(batches=1, rows=4, executions=9, losses=(), origins=origins, layers=())
        return Facts(tool=Tool("nandoctor", "0", None, None, "3"), step=step, **fields)

    return make
