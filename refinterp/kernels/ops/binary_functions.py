"""MAXIMUM, MINIMUM, FLOOR_DIV, FLOOR_MOD, LOGICAL_AND, LOGICAL_OR, BITWISE_XOR, RIGHT_SHIFT.

Real      the function's name says it
Integer   codes are taken as plain numbers, whatever scales and zero points say
          RIGHT_SHIFT: the count is cut to 0 … bits - 1; the sign is shifted in
Shapes    a, b: broadcast to y by NumPy's rules
Raises    ModelError, from prepare only: types or shapes that do not fit. For a divisor of zero
          LiteRT fails at run time; here an integer quotient or remainder is then 0
Source    LiteRT kernels/maximum_minimum.cc, floor_div.cc, floor_mod.cc, logical.cc, bitwise_xor.cc,
          right_shift.cc (f67457790); tflite-micro micro/kernels/ the same names (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

import numpy as np

from refinterp.kernels.contract import Array
from refinterp.kernels.elementwise import pair_function


def _maximum(a: Array, b: Array) -> Array:
    """C's `a > b ? a : b`, which yields b where either is NaN."""
    if a.dtype.kind != "f":
        return np.asarray(np.maximum(a, b))
    return np.where(a > b, a, b)


def _minimum(a: Array, b: Array) -> Array:
    if a.dtype.kind != "f":
        return np.asarray(np.minimum(a, b))
    return np.where(a < b, a, b)


def _floor_div(a: Array, b: Array) -> Array:
    """The quotient in float64, rounded down; the smallest by -1 wraps, which C leaves undefined."""
    quotient = np.floor(a.astype(np.float64) / b.astype(np.float64))
    if a.dtype.kind == "f":
        return quotient.astype(a.dtype)
    wide = np.where(b == 0, 0.0, quotient).astype(np.int64)
    narrow: Array = wide.astype(a.dtype)
    return narrow


def _floor_mod(a: Array, b: Array) -> Array:
    """The remainder with the divisor's sign."""
    remainder: Array = np.fmod(a, b)
    turned = (remainder != 0) & ((b < 0) != (remainder < 0))
    return np.where(turned, remainder + b, remainder)


def _right_shift(a: Array, b: Array) -> Array:
    count: Array = np.clip(b, 0, 8 * a.itemsize - 1)
    return np.asarray(np.right_shift(a, count))


_NUMBERS = ("float32", "float16", "uint8", "int8", "int16", "int32", "int64")
_BITS = ("int8", "uint8", "int16", "uint16", "int32", "uint32")

pair_function("MAXIMUM", _maximum, *_NUMBERS)
pair_function("MINIMUM", _minimum, *_NUMBERS)
pair_function("FLOOR_DIV", _floor_div, "float32", "int8", "int16", "int32")
pair_function("FLOOR_MOD", _floor_mod, "float32", "int8", "int16", "int32", "int64")
pair_function("LOGICAL_AND", np.logical_and, "bool")
pair_function("LOGICAL_OR", np.logical_or, "bool")
pair_function("BITWISE_XOR", np.bitwise_xor, *_BITS)
pair_function("RIGHT_SHIFT", _right_shift, *_BITS)
