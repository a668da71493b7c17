from __future__ import annotations

import numpy as np

from nandoctor.rules.data.id_like_column import IdLikeColumn


def test_a_row_counter_is_a_note_that_names_the_layer(table, normal):
    (finding,) = IdLikeColumn().check(table({"n": np.arange(1, 201), "a": normal()[:, 0]}))

    assert (finding.cause, finding.severity, finding.location.columns) == ("id-like-column", "note", ("n",))
    assert "Embedding" in finding.message


def test_numbers_that_never_repeat_and_are_named_id(table):
    (finding,) = IdLikeColumn().check(table({"user_id": 1000 + 7 * np.arange(100)}))

    assert finding.location.columns == ("user_id",)


def test_silent_on_years_measurements_and_repeated_ids(table, normal):
    columns = {
        "year": 1900 + np.arange(100),
        "grams": 1000 + 7 * np.arange(100),
        "user_id": np.arange(100) // 2,
        "a": normal(100)[:, 0],
    }

    assert not list(IdLikeColumn().check(table(columns)))


def test_a_long_column_is_not_said_to_be_compared_as_a_whole(table):
    (finding,) = IdLikeColumn().check(table({"user_id": 1000 + 7 * np.arange(9000)}))

    assert "not all" in finding.message
    assert "in each of" not in finding.message
