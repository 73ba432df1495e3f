"""Square roots and logarithms of unsigned integers, as tflite-micro's signal library rounds them.

Source: tflite-micro signal/src/square_root_32.cc, square_root_64.cc, log.cc, msb_32.cc (90b983c2b).
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]

_LOG_2: Final = 45426  # natural logarithm of 2 in units of 2**-16
_SEGMENTS: Final = 7  # bits of the logarithm table's index


def bit_length(x: I64) -> I64:
    """Number of bits of numbers below 2**32; 32 for 0, as the library has it on x86 and Arm."""
    bits: I64 = np.frexp(x.astype(np.float64))[1].astype(np.int64)
    return np.where(x == 0, np.int64(32), bits)


def square_root(x: U64) -> I64:
    """Round to the nearest integer, but no higher than 2**16 - 1 below 2**32, nor 2**32 - 1."""
    root = np.minimum(np.sqrt(x.astype(np.float64)), 2.0**32 - 1).astype(np.uint64)
    root = root - (root * root > x)
    root = root + ((root < 2**32 - 1) & ((root + np.uint64(1)) ** 2 <= x))
    limit = np.where(x < 2**32, np.uint64(2**16 - 1), np.uint64(2**32 - 1))
    rounded: U64 = root + ((x - root * root > root) & (root != limit))
    return rounded.astype(np.int64)


@cache
def _log_table() -> I64:
    """What log2(1 + i / 128) lies above i / 128, in units of 2**-16; two zeros at the end."""
    i = np.arange(128, dtype=np.int64)
    above = np.rint(np.log2(1 + i / 128) * 65536 - 512 * i).astype(np.int64)
    return np.concatenate([above, [0, 0]])


def log(x: I64, scale: int) -> I64:
    """Natural logarithm of 1..2**32 - 1, times `scale`, in 32-bit unsigned arithmetic."""
    whole = bit_length(x) - 1
    fraction = x - (np.int64(1) << whole)
    fraction = np.where(
        whole < 16, fraction << np.maximum(16 - whole, 0), fraction >> np.maximum(whole - 16, 0)
    )
    table, shift = _log_table(), 16 - _SEGMENTS
    segment = fraction >> shift
    low, high = table[segment], table[segment + 1]
    between = ((high - low) * (fraction - (segment << shift))) >> 16
    log2 = (whole << 16) + fraction + low + between
    natural = (_LOG_2 * log2 + 32768) >> 16
    scaled: I64 = ((scale * natural) & 0xFFFFFFFF) + 32768
    return (scaled & 0xFFFFFFFF) >> 16
