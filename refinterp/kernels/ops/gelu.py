"""GELU: y = x * P(X <= x) for a standard normal X, or an approximation by tanh.

Real      y = x / 2 * erfc(-x / sqrt(2))
          approximate: y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))
Integer   a table filled in float32: 256 entries for 8 bits, 513 interpolated ones for int16
          float16: each step is rounded to float16
Shapes    y as x
Units     codes, real = scale * (code - zero point); int16: zero points 0
Raises    ModelError, from prepare only: types that differ, missing scales
Source    LiteRT kernels/activations.cc, internal/reference/gelu.h (f67457790)
Exact to  LiteRT BUILTIN_REF for 8 bits, and for int16 where the C library's erfcf and tanhf, which
          it fills its table with, round correctly; float32 within a few ulp of the largest term
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import same_shape
from refinterp.kernels.contract import Kernel
from refinterp.kernels.elementwise import CodeMap, RealMap, through_table
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.numerics.erf import erfc
from refinterp.numerics.tables import in_float64

F32 = NDArray[np.float32]
F16 = NDArray[np.float16]

_erfc, _tanh = in_float64(erfc), in_float64(np.tanh)
_HALF, _ONE = np.float32(0.5), np.float32(1)
_SQRT_HALF = np.float32(math.sqrt(0.5))
_SQRT_2_BY_PI = np.float32(math.sqrt(2 / math.pi))
_CUBIC = np.float32(0.044715)


@dataclass(frozen=True, slots=True)
class GeluOptions:
    """Schema table GeluOptions."""

    approximate: bool = False

    @property
    def function(self) -> Callable[[F32], F32]:
        """The curve on float32."""
        return _by_tanh if self.approximate else _by_erfc


def _by_erfc(x: F32) -> F32:
    return np.asarray(_HALF * x * _erfc(x * -_SQRT_HALF))


def _by_tanh(x: F32) -> F32:
    return np.asarray(_HALF * x * (_ONE + _tanh(_SQRT_2_BY_PI * (x + _CUBIC * x * x * x))))


def _half_by_erfc(x: F16) -> F16:
    half, root = np.float16(0.5), np.float16(-_SQRT_HALF)
    return np.asarray(half * x * _erfc(x * root))


def _half_by_tanh(x: F16) -> F16:
    inner = np.float16(_SQRT_2_BY_PI) * (x + np.float16(_CUBIC) * (x * x * x))
    return np.asarray(np.float16(0.5) * x * (np.float16(1) + _tanh(inner)))


@kernel("GELU", "float32", "float16", options=GeluOptions)
class GeluFloat(Kernel):
    """Prepares a map of reals."""

    output_shapes = staticmethod(same_shape)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: GeluOptions,
        rule: Rules,
    ) -> RealMap:
        """Choose the curve."""
        x = operands.input
        if x.dtype == "float16":
            return RealMap(_half_by_tanh if options.approximate else _half_by_erfc)
        return RealMap(options.function)


@kernel("GELU", "int8", "uint8", "int16", options=GeluOptions)
class GeluInteger(Kernel):
    """Prepares a map of codes."""

    output_shapes = staticmethod(same_shape)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: GeluOptions,
        rule: Rules,
    ) -> CodeMap:
        """Fill the table."""
        return through_table(options.function, operands.input, outputs[0], rule)
