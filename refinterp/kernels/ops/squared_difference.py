"""SQUARED_DIFFERENCE: y = (a - b) ** 2.

Real      y = (a - b) ** 2
Integer   d = R(a_factor, (a - a_zero) << shift) - R(b_factor, (b - b_zero) << shift)
          y = clip(R(y_factor, d * d) + y_zero); shift is 7 for int8, 0 for int16 (TFLM)
Shapes    a, b: broadcast to y by NumPy's rules
Units     codes, real = scale * (code - zero point); int32, float32: plain numbers
Raises    ModelError, from prepare only: types or shapes that do not fit, missing scales
Source    LiteRT kernels/squared_difference.cc (f67457790); tflite-micro
          micro/kernels/squared_difference.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.operands import Binary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import common_shape, require_scale
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.elementwise import PairMap, pair_function
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.fixedpoint import Multiplier, rescale, wrap32

I64 = NDArray[np.int64]


def _plain(a: Array, b: Array) -> Array:
    difference = a - b
    return np.asarray(difference * difference)


pair_function("SQUARED_DIFFERENCE", _plain, "float32", "int32")


@kernel("SQUARED_DIFFERENCE", "int8", "int16")
class SquaredDifferenceInteger(Kernel):
    """Prepares a map of pairs of codes."""

    output_shapes = staticmethod(common_shape)

    @classmethod
    def prepare(
        cls,
        operands: Binary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> PairMap:
        """Fold the scales in float64."""
        a, b = operands.left, operands.right
        y = outputs[0]
        shift = 7 if a.dtype == "int8" else 0
        a_scale, b_scale = require_scale(a, "first operand"), require_scale(b, "second operand")
        twice_max = 2.0 * max(a_scale, b_scale)
        a_factor, b_factor = Multiplier.of(a_scale / twice_max), Multiplier.of(b_scale / twice_max)
        unit = (1 << (2 * shift)) * require_scale(y, "output")
        y_factor = Multiplier.of(twice_max * twice_max / unit)
        low, high = INTEGER_RANGE[y.dtype]

        def exact(first: I64, second: I64) -> I64:
            scaled_a = rescale((first - a.zero) << shift, a_factor)
            scaled_b = rescale((second - b.zero) << shift, b_factor)
            square = wrap32((scaled_a - scaled_b) ** 2)
            return np.clip(rescale(square, y_factor) + y.zero, low, high)

        return PairMap.of(exact, (a, b), y, rule)
