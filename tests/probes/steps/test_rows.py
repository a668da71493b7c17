from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nandoctor.errors import NandoctorError
from nandoctor.probes.steps.rows import Culprits, search

pytestmark = pytest.mark.tensorflow

Fails = Callable[[Sequence[int]], bool]


def caused_by(*sets: set[int]) -> Fails:
    """Fails where all rows of one of these sets are there."""
    return lambda rows: any(one <= set(rows) for one in sets)


def test_a_single_row_is_found() -> None:
    assert search(caused_by({5}), None, 16) == Culprits((5,))


def test_independent_rows_are_all_found() -> None:
    assert search(caused_by({5}, {11}), None, 16) == Culprits((5, 11))


def test_rows_that_only_fail_together_are_found() -> None:
    assert search(caused_by({2, 9, 13}), None, 16) == Culprits((2, 9, 13))


def test_joint_and_single_culprits_are_found_together() -> None:
    assert search(caused_by({2, 9}, {4}), None, 16) == Culprits((2, 4, 9))


@pytest.mark.parametrize("sets", [[{5}, {11}], [{5, 11}]])
def test_a_right_guess_is_confirmed(sets: list[set[int]]) -> None:
    assert search(caused_by(*sets), (5, 11), 16) == Culprits((5, 11))


def test_a_guess_that_holds_innocent_rows_is_narrowed_down() -> None:
    assert search(caused_by({5}), (4, 5, 6), 16) == Culprits((5,))


def test_a_guess_that_holds_a_part_of_a_joint_cause_does_not_hide_it() -> None:
    assert search(caused_by({0}, {1, 2}), (0, 1), 3) == Culprits((0, 1, 2))


def test_a_wrong_guess_is_not_believed() -> None:
    assert search(caused_by({5}), (3,), 16) == Culprits((5,))


def test_every_row_alone_is_told_as_such() -> None:
    found = search(bool, None, 16)

    assert found.rows == tuple(range(16))
    assert found.note is not None


def test_what_does_not_happen_again_is_not_verified() -> None:
    found = search(lambda rows: False, (3,), 16)

    assert found.rows == (3,)
    assert found.note is not None
    assert "not happen again" in found.note


def test_a_model_that_does_not_run_on_fewer_rows_leaves_the_guess() -> None:
    def fails(rows: Sequence[int]) -> bool:
        if len(rows) < 16:
            raise NandoctorError("this model wants 16 rows")
        return True

    found = search(fails, (5,), 16)

    assert found.rows == (5,)
    assert found.note is not None
    assert "not verified" in found.note


@settings(max_examples=200)
@given(
    st.integers(1, 20).flatmap(
        lambda count: st.tuples(
            st.just(count),
            st.lists(st.sets(st.integers(0, count - 1), min_size=1, max_size=3), min_size=1, max_size=4),
            st.none() | st.sets(st.integers(0, count - 1), min_size=1).map(lambda rows: tuple(sorted(rows))),
        )
    )
)
def test_the_rest_is_well_and_the_found_rows_fail(planted: tuple[int, list[set[int]], tuple[int, ...] | None]) -> None:
    count, sets, guess = planted
    fails = caused_by(*sets)

    found = search(fails, guess, count)

    assert found.rows is not None
    assert fails(found.rows)
    assert not fails([row for row in range(count) if row not in found.rows])
    if found.note is None and len(found.rows) < count:
        assert set(found.rows) <= set().union(*sets) or len(found.rows) > 8


def test_when_no_time_is_left_nothing_is_run_and_the_guess_is_kept() -> None:
    from nandoctor.probes.steps.rows import _within_budget

    runs: list[Sequence[int]] = []

    def fails(rows: Sequence[int]) -> bool:
        runs.append(rows)
        return True

    found = search(_within_budget(fails, -1.0), (1,), 4)
    assert (found.rows, runs) == ((1,), [])
    assert "used up" in (found.note or "")


def test_when_the_runs_are_used_up_the_guess_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from nandoctor.probes.steps import rows as module

    monkeypatch.setattr(module, "MOST_RUNS", 1)

    found = search(module._within_budget(caused_by({2}, {9})), (2, 3), 16)

    assert found.rows == (2, 3)
    assert found.note is not None
    assert "used up" in found.note
