"""Logistic and tanh on 16-bit fixed-point numbers as gemmlowp works them out: all codes, tabulated.

A number in Qn has n integer bits: real = raw / 2**(15 - n). The arithmetic is that of `q31` at half
the width: the same constants rounded to 16 bits, products rounded to 16 bits, sums that wrap.
Source: gemmlowp `fixedpoint/fixedpoint.h`, instantiated for int16 by LiteRT
kernels/internal/reference/portable_tensor_utils.cc (ApplySigmoid, ApplyTanh; f67457790).
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics import q31
from refinterp.numerics.fixedpoint import doubling_high_mul16, rounding_divide_by_pot

I64 = NDArray[np.int64]
ONE: Final = 2**15 - 1  # 1.0 in Q0, as near as int16 comes


@cache
def logistic_table(integer_bits: int) -> NDArray[np.int16]:
    """1 / (1 + exp(-x)) in Q0 for every x in Q`integer_bits`, x = index - 32768."""
    x = np.arange(-(2**15), 2**15, dtype=np.int64)
    size = _wrap(np.where(x > 0, x, -x))
    start = _reciprocal_of_half_sum(_exp_of_negative(_wrap(-size), integer_bits))
    positive = _shift_left(start, 1)
    result = np.where(x > 0, positive, _wrap(ONE - positive))
    return _frozen(np.where(x == 0, _constant(1 << 30), result))


@cache
def tanh_table(integer_bits: int) -> NDArray[np.int16]:
    """Hyperbolic tangent in Q0 for every x in Q`integer_bits`, at most 6; x = index - 32768."""
    x = np.arange(-(2**15), 2**15, dtype=np.int64)
    negative = _wrap(np.where(x < 0, x, -x))
    start = _reciprocal_of_half_sum(_exp_of_negative(negative, integer_bits + 1))
    size = _shift_left(_wrap(start - (1 << 13)), 2)
    return _frozen(np.where(x == 0, 0, np.where(x < 0, _wrap(-size), size)))


def _frozen(codes: I64) -> NDArray[np.int16]:
    table = codes.astype(np.int16)
    table.flags.writeable = False
    return table


def _constant(raw: int) -> int:
    """A constant of `q31` in 16 bits."""
    return int(rounding_divide_by_pot(np.asarray(raw, np.int64), 16))


def _wrap(value: I64) -> I64:
    return ((value + 2**15) & 0xFFFF) - 2**15


def _mul(a: I64, b: I64 | int) -> I64:
    return doubling_high_mul16(a, np.asarray(b, np.int64))


def _shift_left(value: I64, bits: int) -> I64:
    """Drop integer bits, saturating."""
    if bits == 0:
        return value
    limit = (1 << (15 - bits)) - 1
    shifted = np.where(value > limit, ONE, value << bits)
    return np.where(value < -limit, -ONE - 1, shifted)


def _exp_of_negative(a: I64, integer_bits: int) -> I64:
    """exp(a) in Q0 for a <= 0."""
    fraction_bits = 15 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    within = (a & (quarter - 1)) - quarter
    result = _exp_within_quarter(_shift_left(within, integer_bits))
    rest = _wrap(within - a)
    for power, factor in q31.EXP_MINUS_POWERS:
        if power < integer_bits:
            bit = 1 << (fraction_bits + power)
            result = np.where(rest & bit, _mul(result, _constant(factor)), result)
    if integer_bits > 5:
        result = np.where(a < -32 << fraction_bits, 0, result)
    return np.where(a == 0, ONE, result)


def _exp_within_quarter(a: I64) -> I64:
    """exp(a) for a in [-1/4, 0)."""
    x = a + (1 << 12)
    square = _mul(x, x)
    cube = _mul(square, x)
    fourth = rounding_divide_by_pot(_mul(square, square), 2)
    third = _constant(q31.ONE_THIRD)
    tail = rounding_divide_by_pot(_wrap(_mul(_wrap(fourth + cube), third) + square), 1)
    start = _constant(q31.EXP_MINUS_EIGHTH)
    return np.clip(start + _mul(_wrap(x + tail), start), -ONE - 1, ONE)


def _reciprocal_of_half_sum(a: I64) -> I64:
    """2 / (1 + a) in Q2 for a in [0, 1)."""
    half = (a + ONE + 1) >> 1
    start, slope = map(_constant, q31.DIVISION_START)
    x = _wrap(start + _mul(half, slope))
    for _ in range(3):
        x = _wrap(x + _shift_left(_mul(x, _wrap((1 << 13) - _mul(half, x))), 2))
    return x
