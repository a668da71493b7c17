"""Some records of a TFRecord file, taken apart into the values of each feature."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nandoctor.probes.data.stream.feature import Feature, Kind
from nandoctor.probes.data.stream.tf_example import VALUES, features
from nandoctor.probes.data.stream.tf_layout import single_values

# Records that are looked at together: one of another layout slows these down, not the whole file.
BATCH_RECORDS = 1024
BATCH_BYTES = 4 << 20
DTYPES: Mapping[Kind, Any] = {"float_list": np.float32, "int64_list": np.int64}


def batches(each: Iterable[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """The records, each with its byte, as many together as are looked at at once."""
    batch: list[tuple[int, bytes]] = []
    size = 0
    for start, data in each:
        batch.append((start, data))
        size += len(data)
        if len(batch) >= BATCH_RECORDS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


@dataclass
class Block:
    """Some records, from number `first_row` on: where each begins, who has a wanted feature, and with what values.

    `values` has a number or text for each place of a feature that is a cell, an array for each of one that is several.
    """

    path: str
    first_row: int
    wanted: tuple[Feature, ...]
    starts: list[int] = field(default_factory=list)
    places: dict[str, list[int]] = field(default_factory=dict)
    values: dict[str, list[Any]] = field(default_factory=dict)
    waiting: list[bytes] = field(default_factory=list)
    unread: int = 0
    size: int = 0

    def add(self, start: int, data: bytes) -> None:
        """One more record; what it holds is there after `settle`."""
        self.starts.append(start)
        self.waiting.append(data)
        self.unread += len(data)
        self.size += len(data) + 16
        if len(self.waiting) >= BATCH_RECORDS or self.unread >= BATCH_BYTES:
            self.settle()

    @property
    def cells(self) -> int:
        """How many values there are, where each record has as many as it may."""
        return len(self.starts) * sum(feature.most for feature in self.wanted)

    def settle(self) -> None:
        """Takes the values out of the waiting records."""
        first = len(self.starts) - len(self.waiting)
        table = all(feature.column for feature in self.wanted) and self.waiting
        taken = single_values(self.wanted, self.waiting) if table else None
        if taken is None:
            for place, data in enumerate(self.waiting, start=first):
                self._take(place, data)
        else:
            for name, (places, values) in taken.items():
                self.places.setdefault(name, []).extend((places + first).tolist())
                self.values.setdefault(name, []).extend(values if isinstance(values, list) else values.tolist())
        self.waiting, self.unread = [], 0

    def _take(self, place: int, data: bytes) -> None:
        found = features(data, f"{self.path}: record {self.first_row + place:,}")
        for feature in self.wanted:
            name = feature.name
            if name in found and (values := VALUES[feature.kind](found[name])):
                self.places.setdefault(name, []).append(place)
                one = feature.most == 1
                self.values.setdefault(name, []).append(values[0] if one else np.array(values, DTYPES[feature.kind]))
