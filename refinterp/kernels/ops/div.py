"""DIV: the quotient of two tensors.

Real      y = clamp(a / b)
Integer   q = H((a - a_zero) << headroom, 1 / (b - b_zero)), the reciprocal in Q0 by Newton-Raphson
          (numerics.q31); y = clip(R(q) + y_zero, y_min, y_max) with the shifts undone in R
Shapes    a, b: broadcast to y by NumPy's rules
Units     codes, real = scale * (code - zero point); int32 and float32: plain numbers, int32
          truncating
Raises    ModelError, from prepare only: types or shapes that do not fit, missing scales. For an
          integer divisor of zero LiteRT fails at run time; TFLM, and codes here, give what the
          formula makes of it; an int32 divisor of zero counts as one
Source    LiteRT kernels/div.cc, internal/reference/div.h (f67457790); tflite-micro
          micro/kernels/div.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF (factor in float32) and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.operands import Binary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import common_shape, require_scale, scale_of_input
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.elementwise import PairMap, PlainPair
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.numerics import q31
from refinterp.numerics.activation import integer_bounds, type_bounds
from refinterp.numerics.fixedpoint import (
    INT32_MAX,
    Multiplier,
    doubling_high_mul,
    rescale_below_one,
    wrap32,
)

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DivOptions:
    """Schema table DivOptions."""

    fused_activation_function: str | int = "NONE"


@kernel("DIV", "int8", "uint8", "int16", options=DivOptions)
@dataclass(frozen=True, slots=True, eq=False)
class DivInteger(Kernel):
    """The integer definition, which a `PairMap` runs."""

    a_zero: int
    b_zero: int
    y_zero: int
    factor: Multiplier
    y_min: int
    y_max: int

    output_shapes = staticmethod(common_shape)

    @classmethod
    def prepare(
        cls,
        operands: Binary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: DivOptions,
        rule: Rules,
    ) -> PairMap:
        """Fold scale a / (scale b * scale y) in the flavour's precision."""
        y = outputs[0]
        a, b = operands.left, operands.right
        real = np.dtype(rule.precision).type
        a_scale, b_scale = scale_of_input(a, "first operand"), require_scale(b, "second operand")
        factor = real(a_scale) / (real(b_scale) * real(require_scale(y, "output")))
        bounds = integer_bounds(options.fused_activation_function, y.dtype, y.step, y.zero)
        self = cls(a.zero, b.zero, y.zero, Multiplier.of(factor), *bounds)
        return PairMap.of(self.exact, (a, b), y, rule)

    def exact(self, a: I64, b: I64) -> I64:
        """The definition: codes a, b → codes y; int64 arrays that broadcast."""
        divisor = b - self.b_zero
        above = np.where(divisor < 0, -1, 1) * (a - self.a_zero)
        inverse, over_unit = q31.reciprocal(np.abs(divisor), 31)
        headroom = q31.leading_zeros(np.where(above < 0, ~above, above)) - 1
        quotient = doubling_high_mul(wrap32(above << headroom), inverse)
        exponent = self.factor.exponent - over_unit - headroom
        y = rescale_below_one(quotient, Multiplier(self.factor.mantissa, exponent)) + self.y_zero
        return np.clip(y, self.y_min, self.y_max)


@kernel("DIV", "float32", "int32", options=DivOptions)
class DivPlain(Kernel):
    """Prepares a quotient in the operands' own type."""

    output_shapes = staticmethod(common_shape)

    @classmethod
    def prepare(
        cls,
        operands: Binary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: DivOptions,
        rule: Rules,
    ) -> PlainPair:
        """Fold the activation's bounds."""
        y = outputs[0]
        a = operands.left
        low, high = type_bounds(options.fused_activation_function, y.dtype)
        divide = np.divide if a.dtype == "float32" else _truncating

        def function(first: Array, second: Array) -> Any:
            return np.clip(divide(first, second), low, high)

        return PlainPair(function)


def _truncating(a: Array, b: Array) -> Any:
    """C's `/` on int32; the one quotient beyond int32 saturates."""
    safe = np.where(b == 0, 1, b).astype(np.int64)
    wide = a.astype(np.int64)
    size = np.abs(wide) // np.abs(safe)
    quotient = size * np.sign(wide) * np.sign(safe)
    return np.minimum(quotient, INT32_MAX).astype(a.dtype)
