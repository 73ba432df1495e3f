"""Fused activations: the clamp they put on an operator's output."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refinterp.errors import UnsupportedError

_REAL_BOUNDS = {
    "NONE": (-math.inf, math.inf),
    "RELU": (0.0, math.inf),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "RELU6": (0.0, 6.0),
}

INTEGER_RANGE = {
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "int32": (-(2**31), 2**31 - 1),
}


def real_bounds(activation: str | int) -> tuple[float, float]:
    """The interval a fused activation clamps a float output to.

    Raises UnsupportedError for activations no kernel applies as a clamp (TANH, SIGN_BIT).
    """
    try:
        return _REAL_BOUNDS[activation]  # type: ignore[index]
    except KeyError:
        raise UnsupportedError(
            f"fused activation {activation} is not supported; allowed: {', '.join(_REAL_BOUNDS)}"
        ) from None


def integer_bounds(
    activation: str | int, dtype: str, scale: float, zero_point: int
) -> tuple[int, int]:
    """The codes a fused activation clamps a quantized output to.

    A bound f becomes zero_point + round_half_away(float32(f) / float32(scale)), in float32, cut to
    the type's range. Source: LiteRT kernels/kernel_util.cc, CalculateActivationRangeQuantized.
    """
    low, high = INTEGER_RANGE[dtype]
    real_low, real_high = real_bounds(activation)

    if math.isfinite(real_low):
        low = max(low, code_of(real_low, scale, zero_point))
    if math.isfinite(real_high):
        high = min(high, code_of(real_high, scale, zero_point))
    return low, high


def code_of(real: float, scale: float, zero_point: int) -> int:
    """Quantize one real number in float32, halves away from zero, without a type's limits.

    Where the quotient is no number or infinite, the result is beyond any type's range.
    """
    if real == 0 and scale > 0:
        return zero_point
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        steps = float(np.float32(real) / np.float32(scale))
    if not math.isfinite(steps):
        return 1 << 40 if steps > 0 else -(1 << 40)
    return zero_point + int(math.copysign(math.floor(abs(steps) + 0.5), steps))


def type_bounds(activation: str | int, dtype: str) -> tuple[Any, Any]:
    """The interval a fused activation clamps an unquantized output to, in the output's type.

    Where the activation has no bound it is the type's largest finite value: an infinite sum of
    floats comes out finite. Source: LiteRT kernels/kernel_util.h, CalculateActivationRange.
    """
    kind = np.dtype(dtype)
    limits = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
    low, high = real_bounds(activation)
    return (
        np.float64(low).astype(np.int64).astype(kind)
        if math.isfinite(low)
        else kind.type(limits.min),
        np.float64(high).astype(np.int64).astype(kind)
        if math.isfinite(high)
        else kind.type(limits.max),
    )
