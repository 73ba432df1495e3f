"""The scalar rules against the array rules of `numerics`: two readings that share no code."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from refinterp.explain import arithmetic
from refinterp.numerics import fixedpoint
from tests.strategies import factors, int32s


@given(st.floats(-(2.0**40), 2.0**40) | st.integers(-(2**20), 2**20).map(lambda k: k / 2))
def test_round_half_away(value: float) -> None:
    """The nearest integer; of two equally near the one farther from zero."""
    rounded = arithmetic.round_half_away(value)
    distance = abs(Fraction(value) - rounded)
    assert distance <= Fraction(1, 2)
    if distance == Fraction(1, 2):
        assert abs(rounded) > abs(value)
    assert rounded == int(fixedpoint.round_half_away(np.float64(value)))


@given(factors | st.floats(2.0**-40, 2.0**-28))
def test_multipliers(real: float) -> None:
    """Mantissa and exponent are those of `Multiplier.of`."""
    theirs = fixedpoint.Multiplier.of(real)
    assert arithmetic.quantize_multiplier(real) == (int(theirs.mantissa), int(theirs.exponent))


@given(int32s, st.integers(0, 2**31 - 1))
def test_high_mul(a: int, b: int) -> None:
    """The rounded upper half of a product, saturating."""
    assert arithmetic.high_mul(a, b) == int(fixedpoint.doubling_high_mul(np.int64(a), np.int64(b)))


@given(int32s, st.integers(0, 31))
def test_division_by_powers_of_two(value: int, bits: int) -> None:
    """Halves go away from zero."""
    theirs = int(fixedpoint.rounding_divide_by_pot(np.int64(value), bits))
    assert arithmetic.divide_half_away(value, 1 << bits) == theirs


@given(st.integers(-(2**40), 2**40), st.integers(1, 1000))
def test_division(value: int, divisor: int) -> None:
    """C's `(v + sign * d / 2) / d` with truncating divisions."""
    half = divisor // 2
    moved = value + half if value > 0 else value - half
    quotient = abs(moved) // divisor
    assert arithmetic.divide_half_away(value, divisor) == (quotient if moved >= 0 else -quotient)


@given(st.integers(-(2**63), 2**63))
def test_wrapping(value: int) -> None:
    """int32 overflow keeps the low 32 bits."""
    wrapped = arithmetic.wrap32(value)
    assert (value - wrapped) % 2**32 == 0
    assert -(2**31) <= wrapped < 2**31


@given(st.floats(allow_nan=False))
def test_float32(value: float) -> None:
    """Rounding to float32 is NumPy's."""
    with np.errstate(over="ignore"):
        assert arithmetic.float32(value) == float(np.float32(value))


@given(st.floats(-(2.0**34), 2.0**34))
def test_to_int32(value: float) -> None:
    """What does not fit becomes the smallest int32."""
    rounded = arithmetic.round_half_away(value)
    fits = -(2**31) <= rounded < 2**31
    assert arithmetic.to_int32(value) == (rounded if fits else -(2**31))
