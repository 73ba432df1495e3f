"""LEAKY_RELU: y = x where x > 0, alpha * x elsewhere.

Real      y = x if x > 0 else alpha * x
Integer   y = clip(R(x - x_zero) + y_zero), R the factor scale x / scale y where x >= x_zero,
          that times alpha below; a negative alpha turns the sign after rescaling by its size
Shapes    y as x
Units     codes, real = scale * (code - zero point); int16: zero points 0
Raises    ModelError, from prepare only: types that differ, missing scales
Source    LiteRT kernels/activations.cc, internal/reference/leaky_relu.h (f67457790);
          tflite-micro micro/kernels/leaky_relu_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF (factors in float32) and TFLM (float64); float32 too
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
from refinterp.kernels.contract import Kernel
from refinterp.kernels.elementwise import CodeMap, RealMap
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.fixedpoint import Multiplier, rescale

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LeakyReluOptions:
    """Schema table LeakyReluOptions."""

    alpha: float = 0.0


@kernel("LEAKY_RELU", "int8", "uint8", "int16", options=LeakyReluOptions)
@dataclass(frozen=True, slots=True, eq=False)
class LeakyReluInteger(Kernel):
    """The integer definition, which a `CodeMap` runs. sign: of alpha; below holds its size."""

    x_zero: int
    y_zero: int
    above: Multiplier
    below: Multiplier
    sign: int
    y_min: int
    y_max: int

    output_shapes = staticmethod(same_shape)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: LeakyReluOptions,
        rule: Rules,
    ) -> CodeMap:
        """Fold the scales and alpha in the flavour's precision."""
        x, y = operands.input, outputs[0]
        real = np.dtype(rule.precision).type
        x_step, y_step = real(scale_of_input(x, "input")), real(require_scale(y, "output"))
        if x.dtype == "int16":
            require_zero_point(x, 0, "input")
            require_zero_point(y, 0, "output")
        alpha = real(np.float32(options.alpha))
        self = cls(
            x.zero,
            y.zero,
            Multiplier.of(x_step / y_step),
            Multiplier.of(abs(x_step * alpha / y_step)),
            -1 if alpha < 0 else 1,
            *INTEGER_RANGE[y.dtype],
        )
        return CodeMap.of(self.exact, x, y, rule)

    def exact(self, x: I64) -> I64:
        """The definition: codes x → codes y."""
        centred = x - self.x_zero
        below = self.sign * rescale(centred, self.below)
        y: I64 = np.where(centred >= 0, rescale(centred, self.above), below) + self.y_zero
        return np.clip(y, self.y_min, self.y_max)


@kernel("LEAKY_RELU", "float32", options=LeakyReluOptions)
class LeakyReluFloat(Kernel):
    """The float32 kernel."""

    output_shapes = staticmethod(same_shape)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: LeakyReluOptions,
        rule: Rules,
    ) -> RealMap:
        """Check the output's type."""
        alpha = np.float32(options.alpha)
        return RealMap(lambda x: np.where(x > 0, x, x * alpha))
