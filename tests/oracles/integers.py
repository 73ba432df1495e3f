"""The rounding rules on Python integers, one number at a time, straight from their definitions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any


def quantize_multiplier(real: Fraction) -> tuple[int, int]:
    """Mantissa and exponent of a non-negative real: mantissa / 2**31 * 2**exponent."""
    if real == 0:
        return 0, 0
    exponent = 0
    while real >= 1:
        real, exponent = real / 2, exponent + 1
    while real < Fraction(1, 2):
        real, exponent = real * 2, exponent - 1
    mantissa = (real * 2**31 + Fraction(1, 2)).__floor__()
    if mantissa == 2**31:
        mantissa, exponent = 2**30, exponent + 1
    return (0, 0) if exponent < -31 else (mantissa, exponent)


def truncating_divide(n: int, d: int) -> int:
    """C's `/`."""
    quotient = abs(n) // abs(d)
    return quotient if (n >= 0) == (d >= 0) else -quotient


def high_mul(a: int, b: int) -> int:
    """Gemmlowp's SaturatingRoundingDoublingHighMul for int32, with its nudge and C division."""
    if a == b == -(2**31):
        return 2**31 - 1
    product = a * b
    nudge = 2**30 if product >= 0 else 1 - 2**30
    return truncating_divide(product + nudge, 2**31)


def divide_by_pot(x: int, exponent: int) -> int:
    """Gemmlowp's RoundingDivideByPOT: nearest, halves away from zero."""
    mask = 2**exponent - 1
    remainder = x & mask
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> exponent) + (1 if remainder > threshold else 0)


def wrap32(x: int) -> int:
    """Two's-complement overflow of int32."""
    return (x + 2**31) % 2**32 - 2**31


def rescale(x: int, mantissa: int, exponent: int) -> int:
    """MultiplyByQuantizedMultiplier, rounding twice."""
    left, right = max(exponent, 0), max(-exponent, 0)
    return divide_by_pot(high_mul(wrap32(x << left), mantissa), right)


def rescale64(x: int, mantissa: int, exponent: int) -> int:
    """MultiplyByQuantizedMultiplier on int64: a 15-bit mantissa, one rounding, halves up."""
    short = (mantissa + 2**15) >> 16 if mantissa < 0x7FFF0000 else 0x7FFF
    shift = 15 - exponent
    return wrap32((x * short + (1 << (shift - 1))) >> shift)


def round_half_away(x: Fraction) -> int:
    """C's `round`, exactly."""
    size = (abs(x) + Fraction(1, 2)).__floor__()
    return size if x >= 0 else -size


def sum_int8(a: int, b: int, a_spec: Any, b_spec: Any, y_spec: Any, *, sign: int) -> int:
    """ADD (sign 1) or SUB (-1) of two int8 codes, from scales and zero points alone."""
    twice = 2 * max(Fraction(a_spec.step), Fraction(b_spec.step))
    scaled = []
    for code, spec in ((a, a_spec), (b, b_spec)):
        factor = quantize_multiplier(Fraction(float(Fraction(spec.step) / twice)))
        scaled.append(rescale((code - spec.zero) << 20, *factor))
    factor = quantize_multiplier(Fraction(float(twice / (2**20 * Fraction(y_spec.step)))))
    y = rescale(scaled[0] + sign * scaled[1], *factor) + y_spec.zero
    return min(127, max(-128, y))


def product_int8(a: int, b: int, a_spec: Any, b_spec: Any, y_spec: Any) -> int:
    """MUL of two int8 codes, the factor folded in double precision."""
    factor = quantize_multiplier(Fraction(a_spec.step * b_spec.step / y_spec.step))
    product = (a - a_spec.zero) * (b - b_spec.zero)
    return min(127, max(-128, rescale(product, *factor) + y_spec.zero))
