"""The rounding rules on single Python numbers, straight from their definitions.

Nothing here is shared with `numerics` or `kernels`: two independent readings of the same rules.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable

INT32_MAX = 2**31 - 1
FLOAT32_MAX = float(2**128 - 2**104)


def float32(value: float) -> float:
    """Round to the nearest float32, halves to even; beyond its range, an infinity."""
    try:
        rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return rounded


def round_half_away(value: float) -> int:
    """Round a finite float to the nearest integer, halves away from zero, as C `round` does."""
    whole = math.floor(abs(value))
    if abs(value) - whole >= 0.5:  # the difference is exact
        whole += 1
    return -whole if value < 0 else whole


def to_int32(value: float) -> int:
    """Round half away and convert to int32; what does not fit becomes -2**31, as on x86-64."""
    if not abs(value) < 2.0**32:
        return -(2**31)
    rounded = round_half_away(value)
    return rounded if -(2**31) <= rounded <= INT32_MAX else -(2**31)


def divide_half_away(value: int, divisor: int) -> int:
    """Divide by a positive integer, halves away from zero."""
    quotient = (abs(value) + divisor // 2) // divisor
    return -quotient if value < 0 else quotient


def halves_up(value: int, bits: int) -> int:
    """Divide by 2**bits, halves towards +infinity."""
    return value if bits <= 0 else (value + (1 << (bits - 1))) >> bits


def shift_half_away16(value: int, bits: int) -> int:
    """Divide an int16 by 2**bits, halves away from zero.

    From 16 bits on the rule's mask has no bit left to be zero, and the result is 1 or -1.
    """
    if bits >= 16:
        return -1 if value < 0 else 1
    return divide_half_away(value, 1 << bits)


def wrap32(value: int) -> int:
    """What int32 holds after two's-complement overflow."""
    return (value + 2**31) % 2**32 - 2**31


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Mantissa and exponent of a non-negative factor: mantissa / 2**31 * 2**exponent.

    The mantissa has 31 bits, rounded half away from zero; factors below 2**-32 become 0.
    """
    fraction, exponent = math.frexp(real)
    mantissa = round_half_away(fraction * 2.0**31)
    if mantissa == 2**31:
        mantissa, exponent = mantissa // 2, exponent + 1
    if exponent < -31 or mantissa == 0:
        return 0, 0
    return mantissa, exponent


def high_mul(a: int, b: int) -> int:
    """A * b / 2**31, halves towards +infinity; the one product int32 lacks saturates."""
    return min(halves_up(a * b, 31), INT32_MAX)


def short_mantissa(mantissa: int) -> int:
    """The mantissa cut to 15 bits, by which int64 accumulators are multiplied."""
    return halves_up(mantissa, 16) if mantissa < 0x7FFF0000 else 0x7FFF


def exact_sum(terms: Iterable[float]) -> float:
    """The sum of floats, rounded once; NaN where infinities of both signs meet."""
    try:
        return math.fsum(terms)
    except ValueError:
        return math.nan
