"""HARD_SWISH: y = x * min(max(x + 3, 0), 6) / 6.

Real      y = x * min(max(x + 3, 0), 6) / 6
Integer   int16 arithmetic throughout, x' = (x - x_zero) << 7:
          gate = x' rescaled so that 3.0 is 32768, saturating; then (gate + 32768) >> 1
          y = D(gate * H(x', y_factor) / 2**15) + y_zero, clipped to the type
          H: halves up; the product is truncated; D: rounding_divide_by_pot16
Shapes    y as x
Units     codes, real = scale * (code - zero point)
Raises    ModelError, from prepare only: types that differ, missing scales, an output scale at or
          below 1/128 of the input's
Source    LiteRT kernels/activations.cc, internal/reference/hard_swish.h (f67457790);
          tflite-micro micro/kernels/hard_swish_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF (factors in float32) and TFLM (float64); float32 too
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import require_scale, same_shape, scale_of_input
from refinterp.kernels.contract import Kernel, NoOptions
from refinterp.kernels.elementwise import CodeMap, real_function
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.fixedpoint import Multiplier, doubling_high_mul16, rounding_divide_by_pot16

I64 = NDArray[np.int64]


@kernel("HARD_SWISH", "int8", "uint8")
@dataclass(frozen=True, slots=True, eq=False)
class HardSwishInteger(Kernel):
    """The integer definition, which a `CodeMap` runs. The mantissas have 15 bits."""

    x_zero: int
    y_zero: int
    y_mantissa: int
    y_exponent: int
    gate_mantissa: int
    gate_exponent: int
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
        """Fold the scales in the flavour's precision, then cut the mantissas to 15 bits."""
        x, y = operands.input, outputs[0]
        real = np.dtype(rule.precision).type
        fine = real(scale_of_input(x, "input") / 128)
        to_y = Multiplier.of(fine / real(require_scale(y, "output")))
        to_gate = Multiplier.of(fine / real(3 / 32768))
        if to_y.exponent > 0:
            raise ModelError(
                f"output {y.name!r} has scale {y.step:g}; it must exceed {x.step / 128:g}, the "
                "input's scale / 128"
            )
        self = cls(
            x.zero,
            y.zero,
            _fifteen_bits(to_y),
            int(to_y.exponent),
            _fifteen_bits(to_gate),
            int(to_gate.exponent),
            *INTEGER_RANGE[y.dtype],
        )
        return CodeMap.of(self.exact, x, y, rule)

    def exact(self, x: I64) -> I64:
        """The definition: codes x → codes y."""
        fine = (x - self.x_zero) << 7
        on_y_scale = doubling_high_mul16(fine, np.asarray(self.y_mantissa))
        gate = fine
        if self.gate_exponent > 0:
            gate = _saturated(gate << (self.gate_exponent - 1))
        gate = doubling_high_mul16(gate, np.asarray(self.gate_mantissa))
        if self.gate_exponent > 0:
            gate = _saturated(gate << 1)
        elif self.gate_exponent < 0:
            gate = rounding_divide_by_pot16(gate, -self.gate_exponent)
        gate = (gate + (1 << 15)) >> 1
        product = gate * on_y_scale
        truncated = np.sign(product) * (np.abs(product) >> 15)
        y = rounding_divide_by_pot16(truncated, -self.y_exponent) + self.y_zero
        return np.clip(y, self.y_min, self.y_max)


def _fifteen_bits(factor: Multiplier) -> int:
    return min((int(factor.mantissa) + (1 << 15)) >> 16, 32767)


def _saturated(value: I64) -> I64:
    return np.clip(value, -32768, 32767)


def _real(x: NDArray[np.float32]) -> NDArray[np.float32]:
    gate = np.minimum(np.maximum(x + np.float32(3), np.float32(0)), np.float32(6))
    return np.asarray(x * gate / np.float32(6))


real_function("HARD_SWISH", _real)
