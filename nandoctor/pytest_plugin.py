"""The pytest fixture `assert_finite_training`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from nandoctor.api import Watched


@pytest.fixture
def assert_finite_training(tmp_path: Path) -> Iterator[Watched]:
    """Watch every training in the test; the test fails, with nandoctor's report, where its numbers turn non-finite.

    The capsule of the failing step is in the test's `tmp_path`.
    """
    from nandoctor.api import watch

    with watch(capsule_dir=tmp_path / "nandoctor") as watched:
        yield watched
