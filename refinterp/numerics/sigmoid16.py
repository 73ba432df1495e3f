"""LOGISTIC and TANH on int16 codes: one table of the sigmoid, interpolated in integers.

Source: LiteRT kernels/activations.cc (SigmoidPrepare, TanhPrepare), internal/reference/integer_ops/
logistic.h and tanh.h (f67457790); tflite-micro's logistic_common.cc and tanh.cc do the same.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.fixedpoint import log2_if_power, wrap32

I64 = NDArray[np.int64]


@cache
def sigmoid_table() -> I64:
    """sigmoid(i / 24) in units of 2**-16 for i below 256.

    Each value is raised by half of what a straight line to the next would miss midway; the last
    is 65535.
    """
    index = np.arange(257, dtype=np.int64)

    def sigmoid(i: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(65536.0 / (1.0 + np.exp(-i / 24.0)))

    values = sigmoid(index.astype(np.float64))
    missed = sigmoid(index[:-1].astype(np.float64) + 0.5) - (values[:-1] + values[1:]) / 2
    table = np.floor(values[:-1] + missed / 2 + 0.5).astype(np.int64)
    table[-1] = 65535
    table.flags.writeable = False
    return table


def input_factor(scale: float, powers: tuple[int, ...]) -> tuple[int, int]:
    """Return (multiplier, right shift) that bring codes to units of 1 / (3 * 4096).

    powers: left shifts relative to a scale of 2**-12 for which the multiplier is exact.
    """
    log = log2_if_power(scale)
    if log is not None and log + 12 in powers:
        return 3 << (log + 12), 0
    multiplier, shift = scale * 4096.0 * 3.0, 0
    while multiplier <= 32767.0 / 2.0 and shift <= 30:
        multiplier, shift = multiplier * 2.0, shift + 1
    return int(multiplier), shift


def scaled(x: I64, multiplier: int, shift: int) -> I64:
    """The input of both functions: x * multiplier / 2**shift, halves up, in int32."""
    return wrap32(x * multiplier + ((1 << shift) >> 1)) >> shift


def logistic(x: I64, multiplier: int, shift: int) -> I64:
    """int16 codes → int16 codes with scale 2**-15."""
    value = scaled(x, multiplier, shift)
    result = _interpolated(np.abs(value), 9, 0x7FFF << 10)
    result = np.where(value >= 0, result + 512, (1 << 25) - result + 511)
    return result >> 10


def tanh(x: I64, multiplier: int, shift: int) -> I64:
    """int16 codes → int16 codes with scale 2**-15: 2 * sigmoid(2 * x) - 1."""
    value = scaled(x, multiplier, shift)
    result = _interpolated(np.abs(value), 8, 0xFFFF << 8)
    result = np.where(value >= 0, result - (1 << 23) + 128, (1 << 23) - result + 127)
    return result >> 8


def _interpolated(size: I64, bits: int, beyond: int) -> I64:
    table = sigmoid_table()
    whole = size >> bits
    index = np.minimum(whole, 254)
    low = table[index]
    between = (low << bits) + (size & ((1 << bits) - 1)) * (table[index + 1] - low)
    return np.where(whole >= 255, beyond, between)
