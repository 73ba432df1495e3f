"""Functions of 8- and 16-bit codes, worked out once for every code there is.

A table is indexed by a code's bit pattern read as unsigned, a table of pairs by the first code's
pattern times 256 plus the second's. What it holds is what the plain definition returns for each
index, so a table is exact by construction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.fixedpoint import round_half_away

I64 = NDArray[np.int64]
Array = NDArray[Any]

UNSIGNED: Mapping[int, Any] = {1: np.dtype(np.uint8), 2: np.dtype(np.uint16)}
"""The type a code's bit pattern is read as, by its size in bytes."""

PAIRS = 1 << 16
"""How many pairs of 8-bit codes there are."""


def all_codes(dtype: str) -> I64:
    """Return every code of a type of at most 16 bits, in the order of the bit patterns."""
    kind = np.dtype(dtype)
    patterns = np.arange(1 << (8 * kind.itemsize), dtype=UNSIGNED[kind.itemsize])
    return np.asarray(patterns.view(kind), np.int64)


def tabulate(function: Callable[[I64], Array], x_dtype: str, y_dtype: str) -> Array:
    """Return function(code) for every code of x_dtype, as y_dtype."""
    return np.asarray(function(all_codes(x_dtype))).astype(y_dtype)


def tabulate_pairs(
    function: Callable[[I64, I64], Array], a_dtype: str, b_dtype: str, y_dtype: str
) -> Array:
    """Return function(a, b) for every pair of 8-bit codes, as y_dtype, (65536,)."""
    values = function(all_codes(a_dtype)[:, None], all_codes(b_dtype)[None, :])
    return np.asarray(values).astype(y_dtype).reshape(-1)


def in_float64(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Work a float32 function out in float64 and round once: C's expf and tanhf, within 1 ulp."""

    def rounded(x: Array) -> Array:
        with np.errstate(over="ignore"):
            return np.asarray(function(x.astype(np.float64))).astype(x.dtype)

    return rounded


def through_float32(
    function: Callable[[Array], Array],
    x: tuple[float, int],
    y: tuple[float, int],
    y_dtype: str,
) -> Callable[[I64], I64]:
    """Return codes of x → codes of y, as LiteRT fills its 256-entry tables: all in float32.

    function: float32 array → float32 array. x, y: scale and zero point.
    Source: LiteRT kernels/internal/common.h, LUTPopulateInt8 (f67457790).
    """
    inverse = np.float32(1.0) / np.float32(y[0])
    low, high = INTEGER_RANGE[y_dtype]

    def codes(x_codes: I64) -> I64:
        real = np.float32(x[0]) * (x_codes - x[1]).astype(np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            steps = round_half_away32(function(real) * inverse) + np.float32(y[1])
        return np.asarray(np.clip(np.nan_to_num(steps), low, high).astype(np.int64))

    return codes


def round_half_away32(value: NDArray[np.float32]) -> NDArray[np.float32]:
    """C `roundf`: the nearest integer, halves away from zero, float32 throughout."""
    return np.trunc(value + np.copysign(np.float32(0.49999997), value))


def to_int32(value: Array) -> I64:
    """C's conversion of whole floats to int32 on x86, as int64: what does not fit, and NaN, become
    the smallest int32. Other processors saturate instead.
    """
    with np.errstate(invalid="ignore"):
        fits = (value >= -(2.0**31)) & (value < 2.0**31)
        return np.where(fits, value, -(2.0**31)).astype(np.int64)


def interpolation_table(
    function: Callable[[Array], Array],
    x_scale: float,
    x_zero: int,
    y_scale: float,
    y_zero: int,
    real: type[np.floating[Any]],
) -> I64:
    """Return the 513 int16 values LiteRT interpolates functions of int16 codes between.

    Each value is moved by half the error that a straight line makes midway to the next.
    real: the float type of every step. Source: common.h, LUTPopulateInt16.
    """
    x_step, y_step = real(x_scale), real(y_scale)
    first, last = x_step * real(-32768 - x_zero), x_step * real(32767 - x_zero)
    per_unit = real(65536) / (y_step * real(32767 - y_zero) - y_step * real(-32768 - y_zero))
    step = (last - first) / real(512)
    points = first + np.arange(512, dtype=real) * step
    after = first + np.arange(1, 513, dtype=real) * step
    with np.errstate(over="ignore", invalid="ignore"):
        values = function(points)
        sample = round_half_away(values * per_unit).astype(real)
        straight = round_half_away((function(after) * per_unit + sample) / real(2)).astype(real)
        midway = round_half_away(function(points + step / real(2)) * per_unit).astype(real)
        bias = round_half_away((straight - midway) / real(2)).astype(real)
        end = round_half_away(function(np.array([last], real)) * per_unit)
        table = np.concatenate([sample - bias, end])
    table = np.where(np.isnan(table), 0, table)  # infinity less infinity, as x86 converts it
    return np.asarray(np.clip(table, -32768, 32767).astype(np.int64))


def interpolate(codes: I64, table: I64) -> I64:
    """Look int16 codes up in an `interpolation_table`: 9 bits choose, 7 bits interpolate.

    Slope and result are int16, and wrap around.
    """
    index = 256 + (codes >> 7)
    base: I64 = table[index]
    slope = _wrap16(table[index + 1] - base)
    return _wrap16(base + ((slope * (codes & 0x7F) + 64) >> 7))


def _wrap16(value: I64) -> I64:
    return ((value + 32768) & 0xFFFF) - 32768
