"""Some records of a TFRecord file, taken apart into the values of each feature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nandoctor.probes.data.stream.feature import Feature, Kind
from nandoctor.probes.data.stream.tf_example import VALUES, features
from nandoctor.probes.data.stream.tf_layout import single_values

# Records that are looked at together: one of another layout slows these down, not the whole file.
BATCH_RECORDS = 1024
DTYPES: Mapping[Kind, Any] = {"float_list": np.float32, "int64_list": np.int64}


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
    cells: int = 0
    size: int = 0

    def add(self, start: int, data: bytes) -> None:
        """One more record; what it holds is there after `settle`."""
        self.starts.append(start)
        self.waiting.append(data)
        self.cells += sum(feature.most for feature in self.wanted)
        self.size += len(data) + 16
        if len(self.waiting) >= BATCH_RECORDS:
            self.settle()

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
        self.waiting = []

    def _take(self, place: int, data: bytes) -> None:
        found = features(data, f"{self.path}: record {self.first_row + place:,}")
        for feature in self.wanted:
            name = feature.name
            if name in found and (values := VALUES[feature.kind](found[name])):
                self.places.setdefault(name, []).append(place)
                one = feature.most == 1
                self.values.setdefault(name, []).append(values[0] if one else np.array(values, DTYPES[feature.kind]))
