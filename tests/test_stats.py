import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nandoctor.stats import DTYPE_LIMITS, TensorStats, merged

FLOATS = (np.float16, np.float32, np.float64, ml_dtypes.bfloat16)
INTEGERS = (np.int8, np.uint8, np.int32, np.int64, np.uint64)


def tidy(largest: float = 1e100):
    """Finite values whose squares stay finite."""
    return arrays.arrays(np.float64, st.integers(0, 30), elements=st.floats(-largest, largest))


def any_floats(width: int = 64):
    dtype = np.dtype(f"float{width}")
    elements = st.floats(width=width, allow_nan=True, allow_infinity=True, allow_subnormal=True)
    return arrays.arrays(dtype, st.integers(0, 30), elements=elements)


def exact_part(stats: TensorStats) -> tuple[object, ...]:
    return (
        stats.count,
        stats.missing,
        stats.nan,
        stats.positive_inf,
        stats.negative_inf,
        stats.zeros,
        stats.minimum,
        stats.maximum,
        dict(stats.histogram or {}),
    )


def moments_agree(one: TensorStats, other: TensorStats) -> None:
    assert one.mean == pytest.approx(other.mean, rel=1e-9, abs=1e-12 * max(one.max_abs, 1e-300))
    assert one.m2 == pytest.approx(other.m2, rel=1e-9, abs=1e-12 * max(one.max_abs**2 * one.count, 1e-300))


class TestMonoid:
    @given(any_floats())
    def test_zero_changes_nothing(self, values):
        stats = TensorStats.of(values)
        assert TensorStats() + stats == stats
        assert stats + TensorStats() == stats

    @given(any_floats(), any_floats(), any_floats())
    def test_counts_and_histogram_do_not_depend_on_order(self, a, b, c):
        a, b, c = (TensorStats.of(values) for values in (a, b, c))
        assert exact_part((a + b) + c) == exact_part(a + (b + c)) == exact_part(c + (b + a))

    @given(tidy(), tidy(), tidy())
    def test_moments_depend_on_order_only_to_rounding(self, a, b, c):
        a, b, c = (TensorStats.of(values) for values in (a, b, c))
        moments_agree((a + b) + c, a + (b + c))
        moments_agree((a + b) + c, c + (b + a))

    @given(tidy(), st.integers(0, 30))
    def test_parts_add_up_to_the_whole(self, values, cut):
        whole = TensorStats.of(values)
        parts = merged([TensorStats.of(values[:cut]), TensorStats.of(values[cut:])])
        assert exact_part(parts) == exact_part(whole)
        moments_agree(parts, whole)

    def test_a_part_without_histogram_leaves_the_sum_without(self):
        assert (TensorStats.of(np.ones(2)) + TensorStats.of(np.ones(2), histogram=False)).histogram is None

    def test_a_mean_of_opposite_extremes(self):
        largest = np.finfo(np.float64).max
        total = TensorStats.of(np.array([largest])) + TensorStats.of(np.array([-largest]))
        assert (total.mean, total.count, total.m2) == (0.0, 2, math.inf)


class TestAgainstNumpy:
    @pytest.mark.parametrize("width", [16, 32, 64])
    @given(data=st.data())
    def test_floats(self, width, data):
        values = data.draw(any_floats(width))
        stats = TensorStats.of(values)
        finite = values[np.isfinite(values)].astype(np.float64)
        assert stats.count == values.size
        assert stats.nan == np.isnan(values).sum()
        assert stats.positive_inf == np.isposinf(values).sum()
        assert stats.negative_inf == np.isneginf(values).sum()
        assert stats.finite == finite.size
        assert stats.zeros == (finite == 0).sum()
        assert stats.minimum == (finite.min() if finite.size else None)
        assert stats.maximum == (finite.max() if finite.size else None)
        assert sum((stats.histogram or {}).values()) == finite.size

    @given(tidy().filter(len))
    def test_mean_and_std(self, values):
        stats = TensorStats.of(values)
        assert stats.mean == pytest.approx(values.mean(), rel=1e-12, abs=1e-12 * stats.max_abs)
        assert stats.std == pytest.approx(values.std(), rel=1e-9, abs=1e-12 * stats.max_abs)
        assert stats.norm == pytest.approx(np.linalg.norm(values), rel=1e-9)
        assert stats.constant == (np.unique(values).size == 1)

    @pytest.mark.parametrize("dtype", FLOATS)
    def test_every_float_dtype(self, dtype):
        stats = TensorStats.of(np.array([0.0, 1.5, -2.0, np.nan, np.inf, -np.inf]).astype(dtype))
        assert (stats.count, stats.nan, stats.positive_inf, stats.negative_inf, stats.zeros) == (6, 1, 1, 1, 1)
        assert (stats.minimum, stats.maximum) == (-2.0, 1.5)
        assert stats.mean == pytest.approx(-1 / 6)
        assert stats.histogram == TensorStats.of(np.array([0.0, 1.5, -2.0])).histogram

    @pytest.mark.parametrize("dtype", INTEGERS)
    def test_integers(self, dtype):
        limits = np.iinfo(dtype)
        stats = TensorStats.of(np.array([limits.min, 3, limits.max], dtype))
        assert (stats.minimum, stats.maximum) == (float(limits.min), float(limits.max))
        assert stats.count == 3

    def test_booleans(self):
        stats = TensorStats.of(np.array([True, False, True]))
        assert (stats.minimum, stats.maximum, stats.zeros) == (0.0, 1.0, 1)
        assert stats.mean == pytest.approx(2 / 3)

    @pytest.mark.parametrize("dtype", ["U3", object, "datetime64[s]", np.complex64])
    def test_what_is_no_real_number(self, dtype):
        with pytest.raises(TypeError, match="no statistics of dtype"):
            TensorStats.of(np.zeros(2, dtype))

    @pytest.mark.parametrize("dtype", [np.float32, np.uint8])
    @pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 300_000])
    def test_arrays_longer_than_one_block(self, dtype, size):
        values = np.random.default_rng(size).integers(0, 100, size).astype(dtype)
        stats = TensorStats.of(values)
        assert (stats.count, stats.zeros) == (size, (values == 0).sum())
        assert stats.mean == pytest.approx(values.mean(dtype=np.float64), rel=1e-12)
        assert stats.std == pytest.approx(values.std(dtype=np.float64), rel=1e-12)
        assert sum((stats.histogram or {}).values()) == size

    def test_a_block_of_nan_between_blocks_of_numbers(self):
        values = np.concatenate([np.ones(65_536), np.full(65_536, np.nan), np.full(65_536, 3.0)])
        stats = TensorStats.of(values)
        assert (stats.nan, stats.finite, stats.mean, stats.std) == (65_536, 131_072, 2.0, 1.0)

    def test_any_layout_of_the_same_values(self):
        values = np.arange(24.0).reshape(2, 3, 4)
        assert TensorStats.of(values) == TensorStats.of(np.asfortranarray(values).transpose(0, 1, 2))
        assert exact_part(TensorStats.of(values[:, ::2])) == exact_part(TensorStats.of(values[:, ::2].copy()))


class TestExtremes:
    def test_empty(self):
        stats = TensorStats.of(np.array([]))
        assert stats == TensorStats()
        assert (stats.std, stats.norm, stats.max_abs, stats.zero_share, stats.constant) == (0, 0, 0, 0, False)
        assert stats.headroom("float32") is None

    def test_missing_values_are_counted_and_are_no_nan(self):
        stats = TensorStats.of(np.array([1.0, np.nan]), missing=3)
        assert (stats.count, stats.missing, stats.nan, stats.nonfinite, stats.finite) == (5, 3, 1, 1, 1)
        only = TensorStats.of(np.array([]), missing=2)
        assert (only.count, only.missing, only.minimum) == (2, 2, None)

    def test_all_nan(self):
        stats = TensorStats.of(np.full(5, np.nan, np.float32))
        assert (stats.count, stats.nan, stats.finite, stats.minimum, stats.mean, stats.histogram) == (
            5,
            5,
            0,
            None,
            0,
            {},
        )

    def test_the_mean_of_the_largest_numbers_stays_finite(self):
        stats = TensorStats.of(np.full(10, 1e308))
        assert stats.mean == pytest.approx(1e308)
        assert (stats.minimum, stats.maximum) == (1e308, 1e308)

    def test_the_smallest_numbers_are_no_zeros(self):
        stats = TensorStats.of(np.array([5e-324, -5e-324, 0.0, -0.0]))
        assert (stats.zeros, stats.below(-1022), stats.above(-1022)) == (2, 2, 0)

    def test_without_histogram_there_are_no_exponents(self):
        stats = TensorStats.of(np.ones(3), histogram=False)
        assert (stats.histogram, stats.binades, stats.above(0), stats.below(0)) == (None, None, None, None)


class TestExponents:
    @given(any_floats(), st.integers(-1022, 1023))
    def test_above_and_below_are_exact(self, values, exponent):
        stats = TensorStats.of(values)
        magnitudes = np.abs(values[np.isfinite(values)])
        assert stats.above(exponent) == (magnitudes >= 2.0**exponent).sum()
        assert stats.below(exponent) == ((magnitudes < 2.0**exponent) & (magnitudes > 0)).sum()

    @given(any_floats(32), st.integers(-149, 127))
    def test_subnormals_of_float32_keep_their_exponent(self, values, exponent):
        magnitudes = np.abs(values[np.isfinite(values)].astype(np.float64))
        assert TensorStats.of(values).above(exponent) == (magnitudes >= 2.0**exponent).sum()

    @given(any_floats(32))
    def test_binades_span_the_non_zero_magnitudes(self, values):
        magnitudes = np.abs(values[np.isfinite(values) & (values != 0)].astype(np.float64))
        expected = math.frexp(magnitudes.max())[1] - math.frexp(magnitudes.min())[1] if magnitudes.size else 0
        assert TensorStats.of(values).binades == expected

    def test_what_overflows_float16(self):
        assert TensorStats.of(np.array([65504.0, 65536.0, -1e6, 2.0])).above(16) == 2


class TestLimits:
    @pytest.mark.parametrize("dtype", FLOATS)
    def test_limits_are_those_of_the_dtype(self, dtype):
        limits, info = DTYPE_LIMITS[np.dtype(dtype).name], ml_dtypes.finfo(dtype)
        assert limits.largest == float(info.max)
        assert limits.normal == float(info.smallest_normal)
        assert limits.subnormal == float(info.smallest_subnormal)
        assert limits.epsilon == float(info.eps)

    def test_headroom_in_powers_of_two(self):
        stats = TensorStats.of(np.array([-1.0, 0.5]))
        assert stats.headroom("float16") == pytest.approx(16, abs=1e-3)
        assert stats.headroom("float32") == pytest.approx(128, abs=1e-6)
        assert stats.headroom("int32") is None
        assert TensorStats.of(np.zeros(3)).headroom("float32") is None

    def test_headroom_is_zero_at_the_limit(self):
        assert TensorStats.of(np.array([65504.0])).headroom("float16") == 0.0
