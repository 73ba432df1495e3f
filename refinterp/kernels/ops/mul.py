"""MUL: the product of two tensors.

Real      y = clamp(a * b)
Integer   y = clip(R((a - a_zero) * (b - b_zero)) + y_zero, y_min, y_max)   R: fixedpoint.rescale
          int16 → 8 bits: the product in Q0.15, halves up, then 8 bits off, halves away from zero
Shapes    a, b: broadcast to y by NumPy's rules
Units     codes, real = scale * (code - zero point), int16: zero point 0; int32, int64, uint32,
          float32 and int16 without scales: plain numbers, wrapping
Raises    ModelError, from prepare only: types or shapes that do not fit, missing scales
Source    LiteRT kernels/mul.cc, internal/reference/mul.h, integer_ops/mul.h (f67457790);
          tflite-micro micro/kernels/mul_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF (factor in float32) and TFLM (float64)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.operands import Binary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import (
    common_shape,
    require_scale,
    require_zero_point,
    scale_of_input,
)
from refinterp.kernels.contract import Kernel
from refinterp.kernels.elementwise import ClampedPair, PairMap
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.numerics.activation import integer_bounds, type_bounds
from refinterp.numerics.fixedpoint import (
    Multiplier,
    doubling_high_mul16,
    rescale,
    rounding_divide_by_pot,
)

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MulOptions:
    """Schema table MulOptions."""

    fused_activation_function: str | int = "NONE"


@kernel("MUL", "int8", "uint8", "int16", options=MulOptions)
@dataclass(frozen=True, slots=True, eq=False)
class MulInteger(Kernel):
    """The integer definition, which a `PairMap` runs."""

    a_zero: int
    b_zero: int
    y_zero: int
    factor: Multiplier
    y_min: int
    y_max: int

    output_shapes = staticmethod(common_shape)

    @classmethod
    def prepare(
        cls,
        operands: Binary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: MulOptions,
        rule: Rules,
    ) -> PairMap | ClampedPair:
        """Fold scale a * scale b / scale y in the flavour's precision."""
        a, b, y = operands.left, operands.right, outputs[0]
        if a.dtype == "int16":
            if not y.quantized:
                return MulPlain.prepare(operands, outputs, options, rule)
            if y.dtype in ("int8", "uint8"):
                bounds = integer_bounds(options.fused_activation_function, y.dtype, y.step, y.zero)
                return PairMap.of(MulNarrowing(y.zero, *bounds).exact, (a, b), y, rule)
            for spec, role in ((a, "first operand"), (b, "second operand"), (y, "output")):
                require_zero_point(spec, 0, role)
        real = np.dtype(rule.precision).type
        scales = [
            real(scale_of_input(a, "first operand")),
            real(scale_of_input(b, "second operand")),
            real(require_scale(y, "output")),
        ]
        y_min, y_max = integer_bounds(options.fused_activation_function, y.dtype, y.step, y.zero)
        factor = Multiplier.of(scales[0] * scales[1] / scales[2])
        self = cls(a.zero, b.zero, y.zero, factor, y_min, y_max)
        return PairMap.of(self.exact, (a, b), y, rule)

    def exact(self, a: I64, b: I64) -> I64:
        """The definition: codes a, b → codes y; int64 arrays that broadcast."""
        product = (a - self.a_zero) * (b - self.b_zero)
        return np.clip(rescale(product, self.factor) + self.y_zero, self.y_min, self.y_max)


@dataclass(frozen=True, slots=True, eq=False)
class MulNarrowing:
    """int16 operands to an 8-bit output: Q0.15 products, whatever the scales say."""

    y_zero: int
    y_min: int
    y_max: int

    def exact(self, a: I64, b: I64) -> I64:
        """The definition: codes a, b → codes y."""
        product = rounding_divide_by_pot(doubling_high_mul16(a, b), 8)
        return np.clip(product, self.y_min - self.y_zero, self.y_max - self.y_zero) + self.y_zero


@kernel("MUL", "float32", "float16", "int32", "int64", "uint32", options=MulOptions)
class MulPlain(Kernel):
    """Numbers without scales: multiply in the type itself (integers wrap), then clamp."""

    output_shapes = staticmethod(common_shape)

    @classmethod
    def prepare(
        cls,
        operands: Binary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: MulOptions,
        rule: Rules,
    ) -> ClampedPair:
        """Prepare the kernel."""
        y = outputs[0]
        return ClampedPair(np.multiply, *type_bounds(options.fused_activation_function, y.dtype))
