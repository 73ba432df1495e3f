"""LOG: the natural logarithm.

Real      y = log(x)
Integer   a table filled in float32: 256 entries for int8, 513 interpolated ones for int16; where x
          is not above zero it has the lowest real the output's type holds
Shapes    y as x
Units     codes, real = scale * (code - zero point); int16: zero points 0
Raises    ModelError, from prepare only: types that differ, missing scales
Source    LiteRT kernels/elementwise.cc, internal/common.h (f67457790)
Exact to  LiteRT BUILTIN_REF for int8 and int16; float32 within an ulp of logf
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import require_scale, same_shape
from refinterp.kernels.contract import Kernel, NoOptions
from refinterp.kernels.elementwise import CodeMap, real_function, through_table
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.tables import in_float64

F32 = NDArray[np.float32]

_log = in_float64(np.log)
real_function("LOG", _log)


@kernel("LOG", "int8", "int16")
class LogInteger(Kernel):
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
        x, y = operands.input, outputs[0]
        steps = np.float32(INTEGER_RANGE[x.dtype][0] - y.zero)
        lowest = steps * np.float32(require_scale(y, "output"))

        def function(reals: F32) -> F32:
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.where(reals <= 0, lowest, _log(reals))

        return through_table(function, x, y, rule)
