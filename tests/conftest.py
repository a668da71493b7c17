"""Options of the test suite."""

from __future__ import annotations

import pytest
from hypothesis import settings

# How long an example takes says nothing about the code on a machine that does other things too.
settings.register_profile("without-deadline", deadline=None)
settings.load_profile("without-deadline")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regenerate", action="store_true", help="rewrite golden files instead of comparing with them")
