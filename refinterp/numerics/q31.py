"""exp, logistic, tanh and 1/(1 + x) on 32-bit fixed-point numbers, as gemmlowp works them out.

A number in Qn has n integer bits: real = raw / 2**(31 - n). Arrays are int64 and hold raw int32
values. Source: gemmlowp `fixedpoint/fixedpoint.h`; LiteRT `kernels/internal/common.h`
(GetReciprocal), read at f67457790.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.fixedpoint import (
    INT32_MAX,
    INT32_MIN,
    doubling_high_mul,
    rounding_divide_by_pot,
)

I64 = NDArray[np.int64]

ONE: Final = INT32_MAX
"""1.0 in Q0, as near as int32 comes."""

_EXP_MINUS_EIGHTH: Final = 1895147668  # exp(-1/8) in Q0
_ONE_THIRD: Final = 715827883  # 1/3 in Q0
_EXP_MINUS_POWERS: Final = (  # (k, exp(-2**k) in Q0)
    (-2, 1672461947),
    (-1, 1302514674),
    (0, 790015084),
    (1, 290630308),
    (2, 39332535),
    (3, 720401),
    (4, 242),
)
_DIVISION_START: Final = (1515870810, -1010580540)  # 48/17 and -32/17 in Q2


def mul(a: I64, b: I64 | int) -> I64:
    """Multiply two numbers; the integer bits of the factors add up."""
    return doubling_high_mul(a, np.asarray(b, np.int64))


def shift_left(value: I64, bits: int) -> I64:
    """Drop integer bits, saturating (SaturatingRoundingMultiplyByPOT, positive exponent)."""
    limit = (1 << (31 - bits)) - 1
    shifted = np.where(value > limit, INT32_MAX, value << bits)
    return np.where(value < -limit, INT32_MIN, shifted)


def exp_of_negative(a: I64, integer_bits: int) -> I64:
    """exp(a) in Q0 for a <= 0 in Q`integer_bits`, at most 5: a Taylor series around -1/8 on the
    part within a quarter, times the constants exp(-2**k) for the bits of the rest.
    """
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    within = (a & (quarter - 1)) - quarter
    result = _exp_within_quarter(shift_left(within, integer_bits))
    rest = within - a
    for power, factor in _EXP_MINUS_POWERS:
        if power < integer_bits:
            bit = 1 << (fraction_bits + power)
            result = np.where(rest & bit, mul(result, factor), result)
    return np.where(a == 0, ONE, result)


def _exp_within_quarter(a: I64) -> I64:
    """exp(a) for a in [-1/4, 0), Q0."""
    x = a + (1 << 28)
    square = mul(x, x)
    cube = mul(square, x)
    fourth = rounding_divide_by_pot(mul(square, square), 2)
    tail = rounding_divide_by_pot(mul(fourth + cube, _ONE_THIRD) + square, 1)
    return _EXP_MINUS_EIGHTH + mul(x + tail, _EXP_MINUS_EIGHTH)


def _reciprocal_of_half_sum(a: I64) -> I64:
    """2 / (1 + a) in Q2 for a in [0, 1), Q0: three Newton-Raphson steps."""
    half = (a + ONE + 1) >> 1
    x = _DIVISION_START[0] + mul(half, _DIVISION_START[1])
    for _ in range(3):
        x = x + shift_left(mul(x, (1 << 29) - mul(half, x)), 2)
    return x


def one_over_one_plus(a: I64) -> I64:
    """1 / (1 + a) in Q0 for a in [0, 1), Q0."""
    return shift_left(_reciprocal_of_half_sum(a), 1)


def logistic(a: I64, integer_bits: int) -> I64:
    """1 / (1 + exp(-a)) in Q0 for a in Q`integer_bits`."""
    positive = one_over_one_plus(exp_of_negative(-np.abs(a), integer_bits))
    return np.where(a == 0, 1 << 30, np.where(a > 0, positive, ONE - positive))


def tanh(a: I64, integer_bits: int) -> I64:
    """Hyperbolic tangent in Q0 of a in Q`integer_bits`, at most 4: with e = exp(-2 |a|) it is
    (1 - e) / (1 + e), and takes the sign of a.
    """
    exponential = exp_of_negative(-np.abs(a), integer_bits + 1)
    size = shift_left(_reciprocal_of_half_sum(exponential) - (1 << 29), 2)
    return np.where(a == 0, 0, np.where(a < 0, -size, size))


def leading_zeros(value: I64) -> I64:
    """Zero bits in front of a 32-bit number; 32 for 0."""
    return 32 - np.frexp(value.astype(np.float64))[1].astype(np.int64)


def reciprocal(x: I64, integer_bits: int) -> tuple[I64, I64]:
    """1 / x for x > 0 in Q`integer_bits`: a number in Q0 and the bits to shift it right by."""
    zeros = leading_zeros(x)
    return one_over_one_plus((x << zeros) - (1 << 31)), integer_bits - zeros
