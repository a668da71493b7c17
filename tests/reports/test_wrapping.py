from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nandoctor.reports.wrapping import item, wrap


def test_long_names_break_where_a_reader_would() -> None:
    assert wrap("encoder/attention/query/MatMul", 18) == ["encoder/attention/", "query/MatMul"]


def test_line_breaks_are_kept() -> None:
    assert wrap("one\n\ntwo", 10) == ["one", "", "two"]


def test_nothing_gives_no_line() -> None:
    assert wrap("", 10) == []


def test_items_hang() -> None:
    assert item("one two three", 10, marker="1. ", indent="") == ["1. one two", "   three"]


@given(st.text(alphabet="ab/_. -\n", max_size=200), st.integers(8, 40))
def test_no_line_is_too_long_and_no_letter_is_lost(text: str, width: int) -> None:
    lines = wrap(text, width)

    assert all(len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
