from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.cli.catalogue import catalogue, readme_table, rule_page
from nandoctor.finding import Finding


@dataclass(frozen=True)
class TooHot:
    """Something was too hot, and this
    sentence goes on in the next line.

    What it finds:
        Heat. This line is long enough that in a narrow terminal it has to be broken somewhere, or else it
        would be broken twice.

        - one item
        - another item

    Example:
        model = keras.Sequential([keras.layers.Dense(1, activation="relu"), keras.layers.Dense(1)])
    """

    code: ClassVar[str] = "ND899"
    cause: ClassVar[str] = "too-hot"
    title: ClassVar[str] = "Too hot"

    warmest: float = 1e3

    def check(self) -> Iterator[Finding]:
        yield from ()


@dataclass(frozen=True)
class TooCold(TooHot):
    """Something was too cold."""

    code: ClassVar[str] = "ND199"
    cause: ClassVar[str] = "too-cold"
    title: ClassVar[str] = "Too cold"


def test_a_page_is_wrapped_anew_and_its_example_is_left_alone() -> None:
    text = rule_page(TooHot, 60)

    assert "Something was too hot, and this sentence goes on in the next\nline." in text
    assert "\n  - one item\n  - another item\n" in text
    assert 'keras.layers.Dense(1, activation="relu"), keras.layers.Dense(1)])' in text


def test_a_page_states_the_thresholds() -> None:
    assert rule_page(TooHot, 80).endswith("Thresholds\n  warmest = 1,000\n")


def test_families_are_in_the_order_of_their_codes() -> None:
    text = catalogue([TooCold], 80)

    assert text.splitlines()[2].split() == ["Data", "ND199", "too-cold", "Too", "cold"]


def test_the_markdown_table() -> None:
    assert "| Data     | ND199  | `too-cold` | Too cold" in readme_table([TooCold])
