"""SQRT: y = sqrt(x).

Real      y = sqrt(x)
Integer   y = clip(trunc(sqrt(x_scale * (x - x_zero)) / y_scale) + y_zero), float32 throughout: it
          truncates, it does not round
Shapes    y as x
Units     codes, real = scale * (code - zero point)
Raises    ModelError, from prepare only: types that differ, missing scales. For codes below the zero
          point LiteRT fails at run time; here they give the lowest code
Source    LiteRT kernels/elementwise.cc (f67457790)
Exact to  LiteRT BUILTIN_REF; float32 to TFLM as well, which has no other type
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import require_scale, same_shape, scale_of_input
from refinterp.kernels.contract import Kernel, NoOptions
from refinterp.kernels.elementwise import CodeMap, real_function
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.fixedpoint import wrap32
from refinterp.numerics.tables import to_int32

I64 = NDArray[np.int64]

real_function("SQRT", np.sqrt)


@kernel("SQRT", "int8", "int16")
class SqrtInteger(Kernel):
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
        """Check the scales."""
        x, y = operands.input, outputs[0]
        x_scale = np.float32(scale_of_input(x, "input"))
        y_scale = np.float32(require_scale(y, "output"))
        low, high = INTEGER_RANGE[y.dtype]

        def exact(codes: I64) -> I64:
            with np.errstate(invalid="ignore"):
                root = np.sqrt(x_scale * (codes - x.zero).astype(np.float32)) / y_scale
            return np.clip(wrap32(to_int32(root) + y.zero), low, high)

        return CodeMap.of(exact, x, y, rule)
