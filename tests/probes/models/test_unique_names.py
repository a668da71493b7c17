"""Names that tell variables apart."""

from __future__ import annotations

from nandoctor.probes.models.unique_names import unique_names


def test_names_that_differ_stay_as_they_are() -> None:
    assert unique_names(["a/kernel", "a/bias"]) == ["a/kernel", "a/bias"]


def test_a_repeated_name_gets_a_number_on_its_layer() -> None:
    assert unique_names(["dense/kernel", "dense/kernel"]) == ["dense/kernel", "dense_2/kernel"]


def test_a_number_that_is_taken_is_not_used_again() -> None:
    assert unique_names(["dense/kernel", "dense_2/kernel", "dense/kernel"])[2] == "dense_3/kernel"


def test_a_name_without_a_layer_is_numbered_itself() -> None:
    assert unique_names(["w", "w"]) == ["w", "w_2"]
