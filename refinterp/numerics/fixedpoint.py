"""Fixed-point rescaling: the rounding rules of the C kernels, by name, on int64 arrays.

Every rule takes an accumulator and a `Multiplier`, and returns what the C code returns for the same
32-bit (or 64-bit) integers, wrap-around included. They are the plain, readable definitions; the
fast paths in `requantize` are held against them.

Sources: gemmlowp `fixedpoint/fixedpoint.h` (SaturatingRoundingDoublingHighMul,
RoundingDivideByPOT); LiteRT `kernels/internal/common.cc` (MultiplyByQuantizedMultiplier) and
`kernels/internal/quantization_util.cc` (QuantizeMultiplier), read at f67457790.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Rounding = Literal["double", "real", "real64", "int64"]
"""The rules by which C kernels rescale sums; `rescale_rule` says which function is which."""

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

INT32_MIN = -(2**31)
INT32_MAX = 2**31 - 1
_BELOW_HALF = np.nextafter(0.5, 0.0)  # of NumPy's own type: with it, float32 becomes float64


@dataclass(frozen=True, slots=True, eq=False)
class Multiplier:
    """A real factor as C kernels hold it: mantissa / 2**31 * 2**exponent.

    mantissa: int64 array, () for one factor or (channels,), in ±[2**30, 2**31) or 0.
    exponent: int64 array of the same shape; positive shifts left.
    """

    mantissa: I64
    exponent: I64

    @classmethod
    def of(cls, real: ArrayLike) -> Multiplier:
        """Fold real factors (float64) into mantissa and exponent, as QuantizeMultiplier does.

        The mantissa is rounded half away from zero; factors below 2**-32 are flushed to zero.
        """
        fraction, exponent = np.frexp(np.asarray(real, np.float64))
        rounded = round_half_away(fraction * 2.0**31)
        ordinary = (np.abs(rounded) < 2.0**31) & (exponent >= -31)
        mantissa, exponent = rounded.astype(np.int64), exponent.astype(np.int64)
        if not ordinary.all():
            carried = np.abs(mantissa) == 1 << 31
            mantissa = np.where(carried, mantissa // 2, mantissa)
            exponent = np.where(carried, exponent + 1, exponent)
            flushed = exponent < -31
            mantissa = np.where(flushed, 0, mantissa)
            exponent = np.where(flushed | (mantissa == 0), 0, exponent)
        return cls(np.asarray(mantissa), np.asarray(exponent))

    @classmethod
    def of_each(cls, *reals: float) -> tuple[Multiplier, ...]:
        """Fold several factors, which takes as long as one; each comes as a multiplier of ()."""
        folded = cls.of(reals)
        return tuple(
            cls(folded.mantissa[i : i + 1].reshape(()), folded.exponent[i : i + 1].reshape(()))
            for i in range(len(reals))
        )

    @property
    def real(self) -> F64:
        """The factor the integers stand for, exactly, as float64."""
        return np.ldexp(self.mantissa.astype(np.float64), (self.exponent - 31).astype(np.int32))

    def __repr__(self) -> str:
        return f"Multiplier(mantissa={self.mantissa.tolist()}, exponent={self.exponent.tolist()})"


def round_half_away(value: Any) -> Any:
    """Round to the nearest integer, halves away from zero, as C `round` does (float64 in and out).

    Adding the largest float below one half keeps 0.49999999999999994 from rounding up.
    """
    return np.trunc(value + np.copysign(_BELOW_HALF, value))


def wrap32(value: I64) -> I64:
    """Reduce to int32 range as two's-complement overflow does."""
    return ((value + 2**31) & 0xFFFFFFFF) - 2**31


def doubling_high_mul(a: I64, b: I64) -> I64:
    """SaturatingRoundingDoublingHighMul: (a * b) / 2**31, halves rounded towards +infinity."""
    high: I64 = (a * b + (1 << 30)) >> 31
    return np.minimum(high, INT32_MAX)


def doubling_high_mul16(a: I64, b: I64) -> I64:
    """The int16 form: (a * b) / 2**15, halves rounded towards +infinity, saturating."""
    high: I64 = (a * b + (1 << 14)) >> 15
    return np.minimum(high, 2**15 - 1)


def rounding_divide_by_pot(value: I64, exponent: I64 | int) -> I64:
    """RoundingDivideByPOT: value / 2**exponent, halves rounded away from zero."""
    mask = (np.int64(1) << exponent) - 1
    remainder = value & mask
    threshold = (mask >> 1) + (value < 0)
    return (value >> exponent) + (remainder > threshold)


def rescale(acc: I64, m: Multiplier) -> I64:
    """MultiplyByQuantizedMultiplier on int32, rounding twice: what LiteRT and TFLM are built with.

    acc: int64 array in int32 range, broadcastable with the multiplier's shape on the last axis.
    """
    left = np.maximum(m.exponent, 0)
    right = np.maximum(-m.exponent, 0)
    return rounding_divide_by_pot(doubling_high_mul(wrap32(acc << left), m.mantissa), right)


def rescale64(acc: I64, m: Multiplier) -> I64:
    """MultiplyByQuantizedMultiplier on int64: the mantissa is first cut to 15 bits.

    Halves go towards +infinity. Used where int16 activations give 48-bit accumulators.
    """
    short = reduced_mantissa(m)
    total_shift = 15 - m.exponent
    return wrap32((acc * short + (np.int64(1) << (total_shift - 1))) >> total_shift)


def reduced_mantissa(m: Multiplier) -> I64:
    """The 15-bit mantissa that `rescale64` multiplies by."""
    return np.where(m.mantissa < 0x7FFF0000, (m.mantissa + (1 << 15)) >> 16, 0x7FFF)


def rescale_real(acc: I64, factor: F64) -> I64:
    """Scale by a float64 factor and round half away: LiteRT reference FULLY_CONNECTED's rule.

    What does not fit int32 (or is no number) becomes INT32_MIN, as x86-64 converts it.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.asarray(round_half_away(acc.astype(np.float64) * factor))
    fits = (rounded >= INT32_MIN) & (rounded <= INT32_MAX)
    return np.where(fits, rounded, INT32_MIN).astype(np.int64)


def rounding_divide_by_pot16(value: I64, exponent: int) -> I64:
    """RoundingDivideByPOT on int16: from 16 bits on, its mask is all ones and it returns ±1."""
    if exponent < 16:
        return rounding_divide_by_pot(value, exponent)
    return np.where(value < 0, -1, 1)


def log2_if_power(scale: float) -> int | None:
    """Return log2 of a scale that LiteRT takes for a power of two (CheckedLog2), else None.

    Worked out in float32, and true of scales within a thousandth of an octave.
    """
    log = np.log(np.float32(scale)) * (np.float32(1) / np.log(np.float32(2)))
    nearest = np.trunc(log + np.copysign(np.float32(0.5), log))
    return int(nearest) if abs(log - nearest) < np.float32(1e-3) else None


def rescale_below_one(acc: I64, m: Multiplier) -> I64:
    """MultiplyByQuantizedMultiplierSmallerThanOneExp: `rescale` for factors that should be below 1.

    C leaves right shifts below 0 and above 31 undefined, yet runtimes compiled for x86 meet them:
    the processor takes the count modulo 32, and the mask of the remainder becomes all ones.
    """
    right = -m.exponent
    count = right & 63
    mask = np.where(count < 32, (np.int64(1) << np.minimum(count, 31)) - 1, -1)
    high = doubling_high_mul(acc, m.mantissa)
    threshold = (mask >> 1) + (high < 0)
    return wrap32((high >> (right & 31)) + ((high & mask) > threshold))
