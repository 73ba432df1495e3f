"""EXP: y = exp(x).

Real      y = exp(x)
Integer   a table filled in float32: 256 entries for int8, 513 interpolated ones for int16
Shapes    y as x
Units     codes, real = scale * (code - zero point); int16: zero points 0
Raises    ModelError, from prepare only: types that differ, missing scales
Source    LiteRT kernels/exp.cc, internal/common.h (f67457790)
Exact to  LiteRT BUILTIN_REF for int8 and int16; float32 within an ulp of expf
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import same_shape
from refinterp.kernels.contract import Kernel, NoOptions
from refinterp.kernels.elementwise import CodeMap, real_function, through_table
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.numerics.tables import in_float64

real_function("EXP", in_float64(np.exp))


@kernel("EXP", "int8", "int16")
class ExpInteger(Kernel):
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
        """Fill the table."""
        return through_table(in_float64(np.exp), operands.input, outputs[0], rule)
