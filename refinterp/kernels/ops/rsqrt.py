"""RSQRT: y = 1 / sqrt(x).

Real      y = 1 / sqrt(x)
Integer   int8: d = R(1 << 20) by the inverse square root of x - x_zero (numerics.q31), then
          y = clip(R(d >> 20) + y_zero) by 1 / (sqrt(x_scale) * y_scale); x_zero itself gives 127
          int16: 513 values of a table, interpolated; not above zero it gives 32767; TFLM (path
          "fixed-point") does as for int8
Shapes    y as x
Units     codes, real = scale * (code - zero point); int16: zero points 0
Raises    ModelError, from prepare only: types that differ, missing scales. For codes below the zero
          point the runtimes fail at run time; here they give what the zero point gives
Source    LiteRT kernels/elementwise.cc (f67457790); tflite-micro micro/kernels/elementwise.cc
          (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import require_scale, same_shape
from refinterp.kernels.contract import Kernel, NoOptions
from refinterp.kernels.elementwise import CodeMap, real_function, through_table
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.numerics import q31
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.fixedpoint import Multiplier, rescale

I64 = NDArray[np.int64]
F32 = NDArray[np.float32]

_HEADROOM = 20  # bits d is shifted by, to stay an integer

real_function("RSQRT", lambda x: np.float32(1) / np.sqrt(x))


@kernel("RSQRT", "int8", "int16")
class RsqrtInteger(Kernel):
    """Prepares a map of codes."""

    output_shapes = staticmethod(same_shape)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> CodeMap:
        """Fold the scales."""
        x, y = operands.input, outputs[0]
        x_scale, y_scale = require_scale(x, "input"), require_scale(y, "output")
        if x.dtype == "int16" and rule.path != "fixed-point":
            return through_table(_for_table(np.float32(y_scale)), x, y, rule)
        real = np.dtype(rule.precision).type
        factor = Multiplier.of(1.0 / float(np.sqrt(real(x_scale)) * real(y_scale)))
        low, high = INTEGER_RANGE[y.dtype]
        down = Multiplier(factor.mantissa, factor.exponent - _HEADROOM)

        def exact(codes: I64) -> I64:
            value = np.maximum(codes - x.zero, 0)
            mantissa, exponent = q31.inverse_square_root(value)
            up = Multiplier(mantissa, exponent + _HEADROOM)
            code = rescale(rescale(np.ones_like(value), up), down) + y.zero
            return np.where(value == 0, high, np.clip(code, low, high))

        return CodeMap.of(exact, x, y, rule)


def _for_table(y_scale: np.float32) -> Callable[[F32], F32]:
    def function(x: F32) -> F32:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(x <= 0, np.float32(32767) * y_scale, np.float32(1) / np.sqrt(x))

    return function
