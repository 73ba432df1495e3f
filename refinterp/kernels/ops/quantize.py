"""QUANTIZE: reals to codes, or codes to codes of another scale, zero point or type.

Real      y = x
Integer   from float32: y = clip(round(x / scale) + zero point), the quotient and the rounding (half
          away from zero) in float32; a quotient int32 cannot hold counts as its minimum, as on x86
          from codes: y = clip(R(x - x_zero) + y_zero)     R: fixedpoint.rescale
Shapes    y as x; with several scales, one per index of y's quantized dimension (float32 input)
Units     codes, real = scale * (code - zero point)
Raises    ModelError, from prepare only: missing scales; UnsupportedError: types without a kernel
Source    LiteRT kernels/quantize.cc, internal/reference/quantize.h, requantize.h (f67457790);
          tflite-micro micro/kernels/quantize_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import along, require_scale, same_shape, scale_of_input
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.elementwise import CodeMap, map_reals
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.fixedpoint import Multiplier, rescale, wrap32
from refinterp.numerics.tables import round_half_away32, to_int32

I64 = NDArray[np.int64]


@kernel("QUANTIZE", "float32")
@dataclass(frozen=True, slots=True, eq=False)
class QuantizeReal(Kernel):
    """From float32. scale float32, zero int64: () or broadcasting over (S, *shape)."""

    scale: NDArray[np.float32]
    zero: I64
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
    ) -> QuantizeReal:
        """Check the output's scales."""
        y = outputs[0]
        limits = {"int4": (-8, 7), "uint4": (0, 15)}.get(y.dtype) or INTEGER_RANGE[y.dtype]
        if y.scale.size > 1:
            shape = along(y)
            return cls(y.scale.reshape(shape), y.zero_point.reshape(shape), *limits)
        require_scale(y, "output")
        return cls(np.array(y.step, np.float32), np.array(y.zero, np.int64), *limits)

    def codes(self, x: Array) -> I64:
        """The definition: float32 → codes."""
        quotient: NDArray[np.float32] = np.divide(x, self.scale, dtype=np.float32)
        steps = to_int32(round_half_away32(quotient))
        return np.clip(wrap32(steps + self.zero), self.y_min, self.y_max)

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        if self.scale.ndim == 0:
            map_reals(self.codes, operands.input, outputs[0])
            return
        with np.errstate(over="ignore", invalid="ignore"):
            outputs[0][...] = self.codes(operands.input)


@kernel("QUANTIZE", "int8", "uint8", "int16", "int32")
@dataclass(frozen=True, slots=True, eq=False)
class Requantize(Kernel):
    """From codes: the definition, which a `CodeMap` runs."""

    x_zero: int
    y_zero: int
    factor: Multiplier
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
    ) -> CodeMap:
        """Fold scale x / scale y in float64."""
        x, y = operands.input, outputs[0]
        factor = Multiplier.of(scale_of_input(x, "input") / require_scale(y, "output"))
        self = cls(x.zero, y.zero, factor, *INTEGER_RANGE[y.dtype])
        return CodeMap.of(self.exact, x, y, rule)

    def exact(self, x: I64) -> I64:
        """The definition: codes x → codes y."""
        y = wrap32(rescale(wrap32(x - self.x_zero), self.factor) + self.y_zero)
        return np.clip(y, self.y_min, self.y_max)
