"""What the pattern of a layout reads is what protobuf reads, or nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nandoctor.probes.data.stream.feature import Feature
from nandoctor.probes.data.stream.tf_example import VALUES, _example_class, features
from nandoctor.probes.data.stream.tf_layout import single_values

KNOWN = (
    Feature("x", "float_list", 1, 1, False),
    Feature("n*[", "int64_list", 1, 1, False),
    Feature("m", "int64_list", 1, 1, False),
    Feature("text", "bytes_list", 1, 1, True),
)
STRATEGIES = {
    "float_list": st.floats(width=32),
    "int64_list": st.integers(-(2**63), 2**63 - 1),
    "bytes_list": st.one_of(st.binary(max_size=40), st.sampled_from([b"\n\x01x\x12\x06", b"", b"\x80", bytes(90)])),
}


def record(values: dict[Feature, list[Any]]) -> bytes:
    example = _example_class()()
    for feature, several in values.items():
        VALUES[feature.kind](example.features.feature[feature.name]).extend(several)
    return bytes(example.SerializeToString())


rows = st.fixed_dictionaries(
    {}, optional={feature: st.lists(STRATEGIES[feature.kind], min_size=1, max_size=1) for feature in KNOWN}
)
full = st.fixed_dictionaries({feature: st.lists(STRATEGIES[feature.kind], min_size=1, max_size=1) for feature in KNOWN})


def same(values: Any, expected: list[Any]) -> bool:
    pairs = zip(list(values), expected, strict=True)
    return all(one == other or (math.isnan(other) and math.isnan(one)) for one, other in pairs)


def agrees(records: list[bytes]) -> bool:
    """Whether the pattern reads the records; what it reads must be what protobuf does."""
    found = single_values(KNOWN, records)
    if found is None:
        return False
    parsed = [features(one, "record") for one in records]
    for feature in KNOWN:
        places, values = found.get(feature.name, (np.zeros(0), ()))
        lists = [list(VALUES[feature.kind](one[feature.name])) if feature.name in one else [] for one in parsed]
        assert places.tolist() == [place for place, several in enumerate(lists) if several]
        assert same(values, [one for several in lists for one in several])
    assert all(set(one) <= {feature.name for feature in KNOWN} for one in parsed)
    return True


@settings(max_examples=60)
@given(full, st.lists(rows.filter(bool), max_size=8))
def test_records_of_single_values(first: dict[Feature, list[Any]], others: list[dict[Feature, list[Any]]]) -> None:
    # A text that holds what looks like another key may hide it, and is left to protobuf.
    assume(not any(b"\n" in record.get(KNOWN[3], [b""])[0] for record in [first, *others]))

    assert agrees([record(first), *map(record, others)])


@pytest.mark.parametrize("several", [[1, 10], [10, 10, 10], [2**40, 1]])
def test_two_values_are_not_read_as_one(several: list[int]) -> None:
    plain = {feature: [b"t" * 90] if feature.kind == "bytes_list" else [1] for feature in KNOWN}

    assert agrees([record(plain)])
    assert not agrees([record(plain), record({**plain, KNOWN[1]: several})])


@settings(max_examples=300)
@given(full, st.data())
def test_damaged_records_are_read_as_protobuf_reads_them_or_not_at_all(
    first: dict[Feature, list[Any]], data: Any
) -> None:
    raw = bytearray(record(first))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))

    agrees([record(first), bytes(raw)])


@pytest.mark.parametrize("size", [0, 1, 100, 115, 116, 117, 120, 1000, 16_300, 16_390, 16_400])
def test_records_of_any_length(size: int) -> None:
    wide = tuple(Feature(f"c{place}", "float_list", 1, 1, False) for place in range(size // 17))
    one = record({feature: [0.5] for feature in wide})

    found = single_values(wide, [one])

    assert (found is None) == (not wide)
    if found is not None:
        assert all(values == [0.5] for _, values in found.values())
