import numpy as np
import pytest

from nandoctor.probes.data.sample import sampled_rows


def test_all_rows_where_they_are_few():
    assert sampled_rows(5, most=5).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("rows", [6, 1000, 100_000])
def test_as_many_rows_as_asked_ascending_without_repeats(rows):
    chosen = sampled_rows(rows, most=5)
    assert len(chosen) == 5
    assert (np.diff(chosen) > 0).all()
    assert chosen[-1] < rows


def test_more_rows_only_replace_rows_of_the_sample():
    small, large = sampled_rows(50_000, most=1000), sampled_rows(60_000, most=1000)
    assert set(large[large < 50_000]) <= set(small)


def test_the_sample_is_spread_evenly():
    tenths = np.bincount(sampled_rows(1_000_000, most=10_000) // 100_000)
    assert tenths.min() > 850
    assert tenths.max() < 1150
