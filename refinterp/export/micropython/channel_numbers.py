"""What a kernel needs to turn sums into codes: 32-bit numbers, proven for every sum there can be.

Rule      t = (a * m + 2^30 or 0) >> 31, then, for e > 0, (t + 2^(e-1) - (1 if t < 0, or 0)) >> e,
          where a is the sum, shifted left before it where the factor is 1 or more. With 2^30 and
          the 1 it is gemmlowp's double rounding. In halves of 15 and 16 bits no step of it leaves
          32 bits while |a| < 2^29 and m <= 2^31
Sums      lie between bounds that follow from the weights; where a bound is 2^29 or more the channel
          has to give one code alone, and is then replaced by a sum that gives it
float64   rounds once, half away from zero: a factor is rounded right by one of a few m and e, which
          is shown at every sum where the code changes
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UnsupportedError
from refinterp.export.micropython.calls import BIAS
from refinterp.numerics.fixedpoint import INT32_MAX, INT32_MIN, Multiplier, rescale, rescale_real

I64 = NDArray[np.int64]

MOST: Final = 1 << 29
"""Sums stay below this, and above its negative."""

_NEAR: Final = 8  # mantissas to either side that are tried for a factor that is rounded once


@dataclass(frozen=True, slots=True)
class Numbers:
    """How one channel's sums become codes less the zero point.

    mantissa: m, at most 2^31.
    right: e.
    left: bits that the sum is shifted left by before.
    up: whether 2^30 is added.
    away: whether halves below zero are rounded away from it.
    """

    mantissa: int
    right: int
    left: int = 0
    up: bool = True
    away: bool = True

    @property
    def high(self) -> int:
        """The mantissa's upper bits."""
        return self.mantissa >> 16

    @property
    def low(self) -> int:
        """The mantissa's lower 16 bits."""
        return self.mantissa & 0xFFFF

    @property
    def half(self) -> int:
        """What is added before the shift to the right."""
        return (1 << self.right) >> 1

    def __call__(self, sums: I64) -> I64:
        """Work out what the kernel does, on int64."""
        t = ((sums << self.left) * self.mantissa + ((1 << 30) if self.up else 0)) >> 31
        if self.right:
            t = (t + self.half - ((t < 0) if self.away else 0)) >> self.right
        return np.asarray(t)


def factor_numbers(factor: float, low: int, high: int, what: str) -> Numbers:
    """Return the numbers of one factor, rounded twice, for sums between two bounds.

    Raises UnsupportedError where a step would leave 32 bits.
    """
    found = _double(Multiplier.of(factor))
    if max(-low, high, 1) << found.left >= MOST:
        raise UnsupportedError(
            f"{what}: sums from {low:,} to {high:,}, shifted left by {found.left} bits, leave the "
            "30 bits that the kernel rescales exactly"
        )
    return found


def wide_numbers(factor: float, low: int, high: int, what: str) -> Numbers:
    """As `factor_numbers`, for a kernel that rescales sums of 32 bits."""
    found = _double(Multiplier.of(factor))
    if low << found.left < INT32_MIN or high << found.left > INT32_MAX:
        raise UnsupportedError(
            f"{what}: sums from {low:,} to {high:,}, shifted left by {found.left} bits, leave "
            "32 bits"
        )
    return found


def _double(m: Multiplier) -> Numbers:
    exponent = int(m.exponent)
    return Numbers(int(m.mantissa), max(-exponent, 0), max(exponent, 0))


@dataclass(frozen=True, slots=True)
class ChannelBounds:
    """One channel: sums from low to high, codes from y_low to y_high less the zero point."""

    low: int
    high: int
    y_low: int
    y_high: int

    def clipped(self, values: I64) -> I64:
        """Codes less the zero point, within what the activation leaves."""
        return np.clip(values, self.y_low, self.y_high)


def channel_numbers(factor: float, once: bool, bounds: ChannelBounds) -> Numbers | int:
    """Return a channel's numbers, or the one code (less the zero point) that it always gives.

    once: whether it is rounded once, with a float64 factor. Raises UnsupportedError where neither
    can be shown.
    """
    if not (np.isfinite(factor) and factor > 0):
        raise UnsupportedError(f"a factor of {factor} between scales is not usable")
    if bounds.low < INT32_MIN or bounds.high > INT32_MAX:
        raise UnsupportedError(
            f"sums from {bounds.low:,} to {bounds.high:,} leave the 32 bits of the runtimes"
        )
    ends = np.array([bounds.low, bounds.high], np.int64)
    first = _double(Multiplier.of(factor))
    if max(-bounds.low, bounds.high) << first.left <= INT32_MAX or once:
        exact = (
            rescale_real(ends, np.asarray(factor, np.float64))
            if once
            else rescale(ends, Multiplier.of(factor))
        )
        low, high = bounds.clipped(exact).tolist()
        if low == high and (not once or not (exact == INT32_MIN).any()):
            return int(low)
    if max(-bounds.low, bounds.high) << first.left >= MOST:
        raise UnsupportedError(
            f"sums from {bounds.low:,} to {bounds.high:,}, shifted left by {first.left} bits, "
            "leave the 30 bits that the kernel rescales exactly, and give more than one code"
        )
    if not once:
        return first
    where = _changes(factor, bounds)
    wanted = bounds.clipped(rescale_real(where, np.asarray(factor, np.float64)))
    for numbers in _tries(factor):
        fits = max(-bounds.low, bounds.high) << numbers.left < MOST
        if fits and np.array_equal(bounds.clipped(numbers(where)), wanted):
            return numbers
    raise UnsupportedError(
        f"the factor {factor!r} is rounded once, in float64, as no integers of 32 bits round it at "
        "every sum"
    )


def _changes(factor: float, bounds: ChannelBounds) -> I64:
    """Sums at whose sides the exact code is another: both sides of each, and the two ends."""
    codes = np.arange(bounds.y_low, bounds.y_high + 1, dtype=np.float64)
    near = np.floor((codes - 0.5) / factor)
    near = near[(near >= bounds.low - 3) & (near <= bounds.high + 3)].astype(np.int64)
    around = (near[:, None] + np.arange(-2, 4, dtype=np.int64)).reshape(-1)
    ends = np.array([bounds.low, bounds.high], np.int64)
    return np.asarray(np.clip(np.concatenate([around, ends]), bounds.low, bounds.high))


def _tries(factor: float) -> Iterator[Numbers]:
    """Numbers that may round a factor once, the likeliest first."""
    fraction, exponent = np.frexp(factor)
    whole, power = round(float(fraction) * 2.0**31), int(exponent)
    if fraction == 0.5:  # a power of two, by which the product is exact: halves can go away from 0
        right = 1 - power
        if 0 <= right <= 31:
            yield Numbers(1 << 31, right, 0, up=False, away=True)
        elif right < 0:
            yield Numbers(1 << 31, 0, -right, up=False, away=False)
    for near in sorted(range(-_NEAR, _NEAR + 1), key=abs):
        mantissa = whole + near
        if not 0 < mantissa <= 1 << 31:
            continue
        if power < -31:
            continue
        if power < 0:
            yield Numbers(mantissa, -power, 0, up=False, away=False)
            yield Numbers(mantissa, -power, 0, up=False, away=True)
        else:
            yield Numbers(mantissa, 0, power, up=True, away=False)


def constant_numbers(code: int) -> tuple[int, Numbers]:
    """Return the sum and numbers that always give a code less the zero point."""
    return 2 * code, Numbers(1 << 30, 0)


def record(bias: int, numbers: Numbers, *, left: bool) -> list[int]:
    """Return the words of a channel in a block. left: whether they say how far to shift left."""
    if not -BIAS < bias < BIAS:
        raise UnsupportedError(f"a bias of {bias:,} leaves the 30 bits that a block holds")
    words = [bias + BIAS, numbers.high, numbers.low, numbers.right, numbers.half]
    return [*words, numbers.left] if left else words
