"""ABS: y = |x|.

Real      y = |x|
Integer   y = clip(R(|x - x_zero|) + y_zero); R only where the scales differ
Shapes    y as x
Units     codes, real = scale * (code - zero point), int16: zero points 0; int32 and int16 without
          scales: plain numbers, the smallest stays itself
Raises    ModelError, from prepare only: types that differ, missing scales
Source    LiteRT kernels/elementwise.cc (f67457790); tflite-micro micro/kernels/elementwise.cc
          (90b983c2b)
Exact to  LiteRT BUILTIN_REF (factor in float32) and TFLM (float64)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import (
    require_scale,
    require_zero_point,
    same_shape,
    scale_of_input,
)
from refinterp.kernels.contract import Kernel, NoOptions
from refinterp.kernels.elementwise import CodeMap, RealMap, real_function
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.fixedpoint import Multiplier, rescale

I64 = NDArray[np.int64]

real_function("ABS", np.abs, "float32", "int32")


@kernel("ABS", "int8", "int16")
@dataclass(frozen=True, slots=True, eq=False)
class AbsInteger(Kernel):
    """The integer definition, which a `CodeMap` runs. factor: None where the scales agree."""

    x_zero: int
    y_zero: int
    factor: Multiplier | None
    y_min: int
    y_max: int

    output_shapes = staticmethod(same_shape)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> CodeMap | RealMap:
        """Fold scale x / scale y in the flavour's precision."""
        x, y = operands.input, outputs[0]
        if x.dtype == "int16":
            if not x.quantized:
                return RealMap(np.abs)
            require_zero_point(x, 0, "input")
            require_zero_point(y, 0, "output")
        real = np.dtype(rule.precision).type
        steps = real(scale_of_input(x, "input")), real(require_scale(y, "output"))
        factor = None if steps[0] == steps[1] else Multiplier.of(steps[0] / steps[1])
        self = cls(x.zero, y.zero, factor, *INTEGER_RANGE[y.dtype])
        return CodeMap.of(self.exact, x, y, rule)

    def exact(self, x: I64) -> I64:
        """The definition: codes x → codes y."""
        size: I64 = np.abs(x - self.x_zero)
        if self.factor is not None:
            size = rescale(size, self.factor)
        return np.clip(size + self.y_zero, self.y_min, self.y_max)
