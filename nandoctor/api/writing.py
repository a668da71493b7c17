"""What was observed, kept in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nandoctor.facts import Facts


def write_facts(facts: Facts, path: Path) -> None:
    """Write everything that was observed to a file."""
    # What reads and writes facts takes long to import.
    from nandoctor.facts.store import save_facts

    save_facts(facts, path)
