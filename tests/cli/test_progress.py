from __future__ import annotations

import io
import time

import pytest

from nandoctor.cli.progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_no_bar_without_a_terminal() -> None:
    stream = io.StringIO()
    with progress_bar(stream=stream, after=0) as progress:
        assert progress is None
    assert stream.getvalue() == ""


def test_no_bar_when_it_is_not_wanted() -> None:
    with progress_bar(wanted=False, stream=Terminal()) as progress:
        assert progress is None


def test_what_is_quick_shows_no_bar() -> None:
    stream = Terminal()
    with progress_bar(stream=stream, after=3600) as progress:
        assert progress is not None
        for batch in range(8):
            progress("running batches", batch, 8)
    assert "running" not in stream.getvalue()


def test_what_takes_long_shows_the_stage_and_is_wiped_in_the_end() -> None:
    stream = Terminal()

    def examine() -> None:
        with progress_bar(stream=stream, after=0) as progress:
            assert progress is not None
            progress("loading", 1, 1)
            for _ in range(500):
                progress("running batches", 3, 8)
                if "running batches 3/8" in stream.getvalue():
                    break
                time.sleep(0.01)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examine()

    assert "running batches 3/8" in stream.getvalue()
    assert stream.getvalue().rsplit("\r", 2)[-2].strip() == ""
