"""RELU, RELU6, RELU_N1_TO_1, RELU_0_TO_1: a clamp, with a change of scale on codes.

Real      y = min(max(x, low), high)
Integer   y = min(max(R(x - x_zero) + y_zero, y_min), y_max)     R: fixedpoint.rescale
          RELU6 on TFLM (path "clamp"): y = min(max(x, x_zero), code of 6 at x's scale): right only
          where input and output agree
Shapes    y as x
Units     codes, real = scale * (code - zero point); int16: zero points 0
Raises    ModelError, from prepare only: types that differ, missing scales
Source    LiteRT kernels/activations.cc, internal/reference/reference_ops.h (f67457790);
          tflite-micro micro/kernels/activations_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF (factor in float32) and TFLM (float64); float32 too
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

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
from refinterp.numerics.activation import INTEGER_RANGE, code_of
from refinterp.numerics.fixedpoint import Multiplier, rescale

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ReluOptions:
    """No options; the class says where the clamp is."""

    low: ClassVar[float] = 0.0
    high: ClassVar[float] = math.inf


@dataclass(frozen=True, slots=True)
class Relu6Options:
    """No options; the class says where the clamp is."""

    low: ClassVar[float] = 0.0
    high: ClassVar[float] = 6.0


@dataclass(frozen=True, slots=True)
class ReluN1To1Options:
    """No options; the class says where the clamp is."""

    low: ClassVar[float] = -1.0
    high: ClassVar[float] = 1.0


@dataclass(frozen=True, slots=True)
class Relu0To1Options:
    """No options; the class says where the clamp is."""

    low: ClassVar[float] = 0.0
    high: ClassVar[float] = 1.0


@kernel("RELU", "int8", "uint8", "int16", options=ReluOptions)
@kernel("RELU6", "int8", "uint8", "int16", options=Relu6Options)
@kernel("RELU_N1_TO_1", "int8", "uint8", options=ReluN1To1Options)
@kernel("RELU_0_TO_1", "int8", "uint8", options=Relu0To1Options)
@dataclass(frozen=True, slots=True, eq=False)
class ReluInteger(Kernel):
    """The integer definition, which a `CodeMap` runs. factor: None where codes are only clamped."""

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
        options: Any,
        rule: Rules,
    ) -> CodeMap:
        """Fold scale x / scale y in the flavour's precision."""
        x, y = operands.input, outputs[0]
        real = np.dtype(rule.precision).type
        steps = real(scale_of_input(x, "input")), real(require_scale(y, "output"))
        if x.dtype == "int16":
            require_zero_point(x, 0, "input")
            require_zero_point(y, 0, "output")
        low, high = INTEGER_RANGE[y.dtype]
        if rule.path == "clamp":
            require_scale(x, "input")
            self = cls(x.zero, x.zero, None, x.zero, min(high, code_of(6.0, x.step, x.zero)))
        else:
            self = cls(
                x.zero,
                y.zero,
                Multiplier.of(steps[0] / steps[1]),
                max(low, code_of(options.low, y.step, y.zero)),
                high
                if options.high == math.inf
                else min(high, code_of(options.high, y.step, y.zero)),
            )
        return CodeMap.of(self.exact, x, y, rule)

    def exact(self, x: I64) -> I64:
        """The definition: codes x → codes y."""
        scaled = x - self.x_zero
        if self.factor is not None:
            scaled = rescale(scaled, self.factor)
        return np.minimum(np.maximum(scaled + self.y_zero, self.y_min), self.y_max)


@kernel("RELU", "float32", options=ReluOptions)
@kernel("RELU6", "float32", options=Relu6Options)
@kernel("RELU_N1_TO_1", "float32", options=ReluN1To1Options)
@kernel("RELU_0_TO_1", "float32", options=Relu0To1Options)
class ReluFloat(Kernel):
    """The float32 kernel; NaN stays NaN."""

    output_shapes = staticmethod(same_shape)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: Any,
        rule: Rules,
    ) -> RealMap:
        """Check the output's type."""
        low, high = np.float32(options.low), np.float32(options.high)
        return RealMap(lambda x: np.clip(x, low, high))
