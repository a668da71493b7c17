"""The workers of one training at a trip: the one whose step it was tells the others what its replay has shown."""

from __future__ import annotations

import base64
import zlib

from nandoctor.facts import Facts, TripFacts
from nandoctor.facts.store import dump_facts, parse_facts
from nandoctor.probes.compat.coordination import key_value, set_key_value

# How long the replay of a step may take before the others go without it.
SECONDS = 120.0
# A message to the coordination service is of at most 4 MiB.
MOST_BYTES = 3_000_000


def tell(trip: TripFacts, facts: Facts) -> None:
    """Tell the other workers what was found here; with more than fits nothing, so that they do not wait."""
    text = base64.b64encode(zlib.compress(dump_facts(facts).encode())).decode()
    set_key_value(_key(trip), text if len(text) <= MOST_BYTES else "")


def told(trip: TripFacts) -> Facts | None:
    """What the worker whose step it was has found; None where it does not tell in time."""
    text = key_value(_key(trip), SECONDS)
    return parse_facts(zlib.decompress(base64.b64decode(text)).decode()) if text else None


def _key(trip: TripFacts) -> str:
    return f"nandoctor/worker-{trip.worker}/step-{trip.step}"
