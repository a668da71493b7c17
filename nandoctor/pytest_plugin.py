"""The pytest fixtures `assert_finite_training` and `nandoctor_scan`.

A test that fails by one of them shows the report, and no traceback of what made it. What the project's settings say
(`fail-on`, thresholds, ignored rules) holds here, too.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pytest

if TYPE_CHECKING:
    from nandoctor.api import Watched
    from nandoctor.finding import Report

_Result = TypeVar("_Result")
_watching = pytest.StashKey[ExitStack]()


class Scan(Protocol):
    """What `nandoctor_scan` is: `nandoctor.scan`, by which the test fails where there are findings."""

    def __call__(self, model: Any, data: Any, **options: Any) -> Report:
        """The report, where it has no findings at or above what the settings say of `fail-on` (else errors)."""


@pytest.fixture
def assert_finite_training(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    """Watch every training in the test; the test fails, with nandoctor's report, where its numbers turn non-finite.

    The capsule of the failing step is in the test's `tmp_path`.
    """
    from nandoctor.api import watch

    with _failing_with_the_report(), ExitStack() as block:
        request.node.stash[_watching] = block
        yield block.enter_context(watch(capsule_dir=tmp_path / "nandoctor"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, _Result, _Result]:
    """End the watch where the training of another fixture was stopped."""
    try:
        return (yield)
    except BaseException:
        with _failing_with_the_report(), item.stash.get(_watching, ExitStack()):
            raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, _Result, _Result]:
    """End the watch with the test's own code, so that it is the test that fails."""
    with _failing_with_the_report(), item.stash.get(_watching, ExitStack()):
        return (yield)


@pytest.fixture
def nandoctor_scan() -> Scan:
    """A function that examines a saved model, or one in memory, on data; the test fails with the table of findings.

    It takes what `nandoctor.scan` takes, and gives the report where the test does not fail.
    """
    from nandoctor.api import scan
    from nandoctor.config import is_reached, read_config
    from nandoctor.errors import NandoctorError

    def scanned(model: Any, data: Any, **options: Any) -> Report:
        try:
            report = scan(model, data, **options)
        except NandoctorError as error:
            raise pytest.fail.Exception(f"nandoctor: {error.message}", pytrace=False) from None
        if is_reached(read_config().fail_on or "error", report.summary):
            raise _failure(report)
        return report

    return scanned


@contextmanager
def _failing_with_the_report() -> Iterator[None]:
    """Fail the test with the report of the training in the block, instead of a traceback."""
    try:
        yield
    except Exception as error:
        # What most tests raise is not ours, and loads nothing of ours.
        kind = getattr(sys.modules.get("nandoctor.api"), "TrainingError", None)
        if kind is None or not isinstance(error, kind):
            raise
        raise _failure(error.report) from None


def _failure(report: Report) -> BaseException:
    from nandoctor.reports.table import in_short

    return pytest.fail.Exception(f"nandoctor: {in_short(report)}\n\n{report}", pytrace=False)
