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
    wrap32,
)

I64 = NDArray[np.int64]

ONE: Final = INT32_MAX
"""1.0 in Q0, as near as int32 comes."""

EXP_MINUS_EIGHTH: Final = 1895147668  # exp(-1/8) in Q0
ONE_THIRD: Final = 715827883  # 1/3 in Q0
EXP_MINUS_POWERS: Final = (  # (k, exp(-2**k) in Q0)
    (-2, 1672461947),
    (-1, 1302514674),
    (0, 790015084),
    (1, 290630308),
    (2, 39332535),
    (3, 720401),
    (4, 242),
)
_SQRT_HALF: Final = 1518500250  # sqrt(1/2) in Q0
_FOURTH_ROOT_HALF: Final = 1805811301  # sqrt(sqrt(1/2)) in Q0
_LOG_2: Final = 1488522236  # log(2) in Q0
DIVISION_START: Final = (1515870810, -1010580540)  # 48/17 and -32/17 in Q2


def mul(a: I64, b: I64 | int) -> I64:
    """Multiply two numbers; the integer bits of the factors add up."""
    if isinstance(b, int):  # a constant, and none of them is the one that saturates
        return (a * b + (1 << 30)) >> 31
    return doubling_high_mul(a, b)


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
    for power, factor in EXP_MINUS_POWERS:
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
    tail = rounding_divide_by_pot(mul(fourth + cube, ONE_THIRD) + square, 1)
    return EXP_MINUS_EIGHTH + mul(x + tail, EXP_MINUS_EIGHTH)


def _reciprocal_of_half_sum(a: I64) -> I64:
    """2 / (1 + a) in Q2 for a in [0, 1), Q0: three Newton-Raphson steps, wrapping like int32."""
    total = a + ONE
    half = np.where(total < 0, -((1 - total) >> 1), (total + 1) >> 1)
    x = DIVISION_START[0] + mul(half, DIVISION_START[1])
    for _ in range(3):
        x = wrap32(x + shift_left(mul(x, wrap32((1 << 29) - mul(half, x))), 2))
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
    """1 / x for x > 0 in Q`integer_bits`: a number in Q0 and the bits to shift it right by.

    For 0 the pair is what the C code's wrapping makes of it.
    """
    zeros = leading_zeros(x)
    return one_over_one_plus((x << zeros) - (1 << 31)), integer_bits - zeros


def reciprocal_of(x: int, integer_bits: int) -> tuple[int, int]:
    """`reciprocal` of one positive number, in Python's integers: arrays of one take far longer."""
    zeros = 32 - x.bit_length()
    half = (x << zeros) >> 1  # of 1 + a, for a as in `one_over_one_plus`

    def mul(a: int, b: int) -> int:
        return min((a * b + (1 << 30)) >> 31, INT32_MAX)

    def shift_left(value: int, bits: int) -> int:
        return min(max(value << bits, INT32_MIN), INT32_MAX)

    def wrap(value: int) -> int:
        return ((value + 2**31) & 0xFFFFFFFF) - 2**31

    y = DIVISION_START[0] + mul(half, DIVISION_START[1])
    for _ in range(3):
        y = wrap(y + shift_left(mul(y, wrap((1 << 29) - mul(half, y))), 2))
    return shift_left(y, 1), integer_bits - zeros


def inverse_square_root(x: I64) -> tuple[I64, I64]:
    """1 / sqrt(x) for positive integers as mantissa / 2**31 * 2**exponent; 0 counts as 1.

    Five Newton-Raphson steps from 1 in Q3, x first scaled by powers of four into [2**27, 2**29).
    Source: LiteRT kernels/internal/common.h, GetInvSqrtQuantizedMultiplierExp (f67457790).
    """
    large = x >= 1 << 29
    scaled = np.maximum(np.where(large, x // 4, x), 2)
    pairs = (leading_zeros(scaled) - 1) // 2 - 1
    right = np.where(large, 12, 11) - pairs
    number = (scaled << (2 * pairs)) >> 1
    half = rounding_divide_by_pot(number, 1)
    root = np.full_like(number, 1 << 28)
    for _ in range(5):
        cube = shift_left(mul(mul(root, root), root), 6)
        root = shift_left(mul(root, (1 << 28) + (1 << 27)) - mul(half, cube), 3)
    root = mul(root, _SQRT_HALF) << np.maximum(-right, 0)
    return np.where(x <= 1, INT32_MAX, root), np.where(x <= 1, 0, -np.maximum(right, 0))


def log(x: I64, integer_bits: int, result_bits: int) -> I64:
    """Natural logarithm in Q`result_bits` of x >= 1 in Q`integer_bits`.

    x is 2**k * r for r around sqrt(sqrt(1/2)); a rational function gives log(r). Source: LiteRT
    kernels/internal/common.h, log_x_for_x_greater_than_or_equal_to_1 (f67457790).
    """
    bits = result_bits + 1  # one of headroom
    quarter = rounding_divide_by_pot(np.asarray(1 << 29), bits)
    zeros = leading_zeros(x)
    r_a = _saturating_shift(mul(_saturating_shift(x, zeros - 1), _SQRT_HALF), 1)
    power_a = _saturated(_saturating_shift(integer_bits - zeros, 31 - bits) + quarter)
    room = leading_zeros(mul(x, _SQRT_HALF)) - 1
    r_b = _saturating_shift(x, room)
    power_b = _saturated(_saturating_shift(integer_bits - room, 31 - bits) - quarter)
    r, power = np.minimum(r_a, r_b), np.maximum(power_a, power_b)
    total = r + _FOURTH_ROOT_HALF
    p = (total + np.where(total >= 0, 1, -1)) // 2
    q = 2 * (r - _FOURTH_ROOT_HALF)
    square = mul(q, q)
    numerator = mul(q, r) + mul(mul(q, square), 117049297)
    below = mul(p, 1057819769 + q + mul(square, 127690142)) + mul(q, 638450708)
    quotient = mul(rounding_divide_by_pot(numerator, bits), one_over_one_plus(below))
    return shift_left(mul(power, _LOG_2) + quotient, 1)


def _saturating_shift(value: I64, bits: I64 | int) -> I64:
    limit = (np.int64(1) << (31 - np.asarray(bits))) - 1
    shifted = np.where(value > limit, INT32_MAX, value << bits)
    shifted = np.where(value < -limit, INT32_MIN, shifted)
    return np.where(np.asarray(bits) == 0, value, shifted)


def _saturated(value: I64) -> I64:
    return np.clip(value, INT32_MIN, INT32_MAX)
