"""The vectorised rounding rules against their definitions on Python integers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from refinterp.numerics import fixedpoint
from refinterp.numerics.fixedpoint import Multiplier
from tests.oracles import integers
from tests.strategies import factors, int32s

accumulators = st.lists(int32s, min_size=1, max_size=20)


def _i64(values: list[int]) -> np.ndarray:
    return np.array(values, np.int64)


@given(st.floats(0, 2.0**20) | factors | st.floats(1 - 2.0**-31, 1 + 2.0**-31))
def test_multiplier_is_the_nearest_mantissa(real):
    """A real factor becomes the mantissa and exponent that QuantizeMultiplier defines."""
    m = Multiplier.of(real)
    assert (int(m.mantissa), int(m.exponent)) == integers.quantize_multiplier(Fraction(real))


@given(accumulators, int32s)
def test_high_mul_rounds_like_gemmlowp(values, b):
    """The doubling high multiplication agrees with gemmlowp's nudge and C division."""
    got = fixedpoint.doubling_high_mul(_i64(values), _i64([b]))
    assert got.tolist() == [integers.high_mul(a, b) for a in values]


@given(accumulators, st.integers(0, 31))
def test_divide_by_pot_rounds_halves_away(values, exponent):
    """Division by a power of two rounds to nearest, halves away from zero."""
    got = fixedpoint.rounding_divide_by_pot(_i64(values), exponent)
    assert got.tolist() == [integers.divide_by_pot(x, exponent) for x in values]


@given(st.integers(-1000, 1000), st.integers(1, 10))
def test_divide_by_pot_on_exact_halves(n, exponent):
    """Exact halves, which random integers seldom hit, go away from zero on both sides."""
    x = (2 * n + 1) << (exponent - 1)
    want = integers.round_half_away(Fraction(x, 1 << exponent))
    assert int(fixedpoint.rounding_divide_by_pot(_i64([x]), exponent)[0]) == want


@given(accumulators, factors)
def test_rescale_rounds_twice(values, real):
    """MultiplyByQuantizedMultiplier, left shifts and wrap-around included."""
    m = Multiplier.of(real)
    want = [integers.rescale(x, int(m.mantissa), int(m.exponent)) for x in values]
    assert fixedpoint.rescale(_i64(values), m).tolist() == want


@given(st.lists(st.integers(-(2**46), 2**46), min_size=1, max_size=20), st.floats(2.0**-20, 0.9))
def test_rescale64_cuts_the_mantissa(values, real):
    """The 64-bit form uses a 15-bit mantissa and rounds halves up."""
    m = Multiplier.of(real)
    want = [integers.rescale64(x, int(m.mantissa), int(m.exponent)) for x in values]
    assert fixedpoint.rescale64(_i64(values), m).tolist() == want


@given(st.integers(-(2**40), 2**40).map(lambda n: n / 4) | st.floats(-(2.0**50), 2.0**50))
def test_round_half_away_is_exact(value):
    """Rounding agrees with exact rational arithmetic, just below one half too."""
    assert int(fixedpoint.round_half_away(value)) == integers.round_half_away(Fraction(value))


def test_round_half_away_just_below_one_half():
    """0.49999999999999994 + 0.5 is 1.0 in float64; C's round gives 0 all the same."""
    assert fixedpoint.round_half_away(np.nextafter(0.5, 0)) == 0.0
