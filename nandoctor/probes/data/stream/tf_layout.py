"""Records whose features are all single values: read by one pattern, many times faster than message by message."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nandoctor.probes.data.stream.feature import Feature
from nandoctor.stats import Array

# Records without some of the features may hold the others in another order.
MOST_LAYOUTS = 8
# The tag of the list in a Feature, and what may stand in the list after its own tag: the length, then one value.
_TAGS = {"bytes_list": b"\x0a", "float_list": b"\x12", "int64_list": b"\x1a"}
_VALUES = {"bytes_list": rb"..{0,127}?", "float_list": rb"\x04.{4}", "int64_list": rb".[\x80-\xff]{0,9}[\x00-\x7f]"}


@dataclass(frozen=True)
class _Layout:
    """A pattern of what a record holds: a group for the entry of each of the `features`, which may be absent."""

    pattern: re.Pattern[bytes]
    features: tuple[Feature, ...]


def single_values(known: Sequence[Feature], records: Sequence[bytes]) -> Mapping[str, tuple[Array, Any]] | None:
    """For each feature the places of the records that have it, ascending, and its values there (texts in a list).

    None where some records hold anything else than single values of these features, or are laid out in many ways.
    """
    found: dict[str, list[tuple[Array, Any]]] = {}
    waiting = np.arange(len(records))
    for _ in range(MOST_LAYOUTS):
        layout = _layout_of(known, [records[place] for place in waiting.tolist()])
        groups = _matched(layout, [records[place] for place in waiting.tolist()])
        fits = np.array([group is not None for group in groups])
        columns = list(zip(*(group or (None,) * len(layout.features) for group in groups), strict=True))
        for feature, column in zip(layout.features, columns, strict=True):
            fits &= _sound(feature, column)
        if not fits.any():
            return None
        for feature, column in zip(layout.features, columns, strict=True):
            there = fits & np.array([entry is not None for entry in column])
            entries = [column[place] for place in np.flatnonzero(there).tolist()]
            found.setdefault(feature.name, []).append((waiting[there], _values(feature, entries) if entries else ()))
        waiting = waiting[~fits]
        if not len(waiting):
            return {name: _in_order(pieces) for name, pieces in found.items()}
    return None


def _layout_of(known: Sequence[Feature], records: Sequence[bytes]) -> _Layout:
    """The layout of the longest of the records."""
    longest = max(records, key=len)
    places = {feature: place for feature in known if (place := longest.find(_key(feature))) >= 0}
    ordered = sorted(places, key=lambda feature: places[feature])
    entries = b"".join(
        rb"(\x0a." + re.escape(_key(feature)) + rb"." + _TAGS[feature.kind] + rb".\x0a" + _VALUES[feature.kind] + rb")?"
        for feature in ordered
    )
    return _Layout(re.compile(entries, re.DOTALL), tuple(ordered))


def _matched(layout: _Layout, records: Sequence[bytes]) -> list[tuple[bytes | None, ...] | None]:
    """The entries of each record; None for one of another layout."""
    match = layout.pattern.fullmatch
    heads = {size: _head(size) for size in set(map(len, records))}
    groups: list[tuple[bytes | None, ...] | None] = []
    for record in records:
        head = heads[len(record)]
        found = match(record, len(head)) if record.startswith(head) else None
        groups.append(found.groups() if found is not None else None)
    return groups


def _in_order(pieces: Sequence[tuple[Array, Any]]) -> tuple[Array, Any]:
    if len(pieces) == 1:
        return pieces[0]
    places = np.concatenate([place for place, _ in pieces])
    values = [value for _, several in pieces for value in several]
    order = np.argsort(places)
    return places[order], [values[at] for at in order.tolist()]


def _head(size: int) -> bytes:
    """What a record of so many bytes begins with: the tag of its features, and their length."""
    for length_bytes in range(1, 6):
        left = length = size - 1 - length_bytes
        head = bytearray(b"\x0a")
        while left > 0x7F:
            head.append(left & 0x7F | 0x80)
            left >>= 7
        head.append(max(left, 0))
        if length < 0 or len(head) == 1 + length_bytes:
            break
    return bytes(head)


def _key(feature: Feature) -> bytes:
    """The key of the feature's entry, and the tag of its value."""
    name = feature.name.encode()
    # A length of more than one byte is in no layout: zero stands for none.
    return b"\x0a" + bytes([len(name) if len(name) < 100 else 0]) + name + b"\x12"


def _sound(feature: Feature, column: Sequence[bytes | None]) -> Array:
    """Whether the lengths in each entry say that it is what the pattern took it for; yes where there is none."""
    fits = np.ones(len(column), bool)
    there = np.array([place for place, entry in enumerate(column) if entry is not None], np.int64)
    if not len(there):
        return fits
    raw, starts, sizes = _joined([entry for entry in column if entry is not None])
    head = len(_key(feature)) + 2
    # The lengths of the entry, its value, the list, and the packed numbers or the text: each up to the end.
    for at in (1, head, head + 2, head + 4):
        fits[there] &= raw[starts + at] == sizes - at - 1
    fits[there] &= sizes <= 127
    return fits


def _values(feature: Feature, entries: Sequence[Any]) -> Any:
    """The value of each entry."""
    raw, starts, sizes = _joined(entries)
    begin = len(_key(feature)) + 7
    if feature.kind == "bytes_list":
        return [entry[begin:] for entry in entries]
    if feature.kind == "float_list":
        return raw.reshape(len(entries), -1)[:, begin:].copy().view("<f4")[:, 0]
    numbers = np.zeros(len(entries), np.uint64)
    for place in range(int(sizes.max()) - begin):
        there = np.flatnonzero(sizes - begin > place)
        bits = (raw[starts[there] + begin + place] & 0x7F).astype(np.uint64)
        numbers[there] |= bits << np.uint64(7 * place)
    return numbers.view(np.int64)


def _joined(entries: Sequence[bytes]) -> tuple[Array, Array, Array]:
    """The bytes of all entries, where each begins, and how many it has."""
    sizes = np.fromiter(map(len, entries), np.int64, len(entries))
    return np.frombuffer(b"".join(entries), np.uint8), np.cumsum(sizes) - sizes, sizes
