"""ELU: y = x where x >= 0, exp(x) - 1 below.

Real      y = x if x >= 0 else exp(x) - 1
Integer   a table of 256 entries filled in float32; LiteRT has expm1, TFLM (path "exp") exp minus 1
Shapes    y as x
Units     int8 codes, real = scale * (code - zero point)
Raises    ModelError, from prepare only: types that differ, missing scales
Source    LiteRT kernels/activations.cc (f67457790); tflite-micro micro/kernels/elu.cc (90b983c2b)
Exact to  LiteRT (its optimised kernels: the reference resolver lacks it) and TFLM for int8; float32
          within a few ulp
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import same_shape
from refinterp.kernels.contract import Kernel, NoOptions
from refinterp.kernels.elementwise import CodeMap, real_function, through_table
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.numerics.tables import in_float64

F32 = NDArray[np.float32]

_expm1, _exp = in_float64(np.expm1), in_float64(np.exp)


def _elu(x: F32) -> F32:
    return np.where(x < 0, _expm1(x), x)


def _elu_by_exp(x: F32) -> F32:
    return np.where(x < 0, _exp(x) - np.float32(1), x)


real_function("ELU", _elu)


@kernel("ELU", "int8")
class EluInteger(Kernel):
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
        function = _elu_by_exp if rule.path == "exp" else _elu
        return through_table(function, operands.input, outputs[0], rule)
