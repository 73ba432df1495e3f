"""REDUCE_PROD: the product over some axes.

Real      y = prod(x)
Integer   int8, int16 with a scale: p = x[0] - x_zero, then p = R64(p * (x[i] - x_zero)) for the
          others in the order of the elements, y = clip(R64(p) + y_zero); R64's factor is
          x_scale / y_scale ** (1 / n)
          without a scale: the product, wrapping in its type
Shapes    x of any rank, axes (k,) or () constant, y: x's shape without the axes, or with 1 in
          their place (keep_dims); of no elements y is 1, or left alone where it has a scale
Units     codes, real = scale * (code - zero point)
Raises    ModelError, from prepare only: an axis x does not have, missing scales; NeedsValue when
          the axes are known only at run time; UnsupportedError: quantized uint8
Source    LiteRT kernels/reduce.cc, internal/reference/reduce.h (QuantizedReduceProd; f67457790)
Exact to  LiteRT BUILTIN_REF; float32 numbers are multiplied in its order
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.operands import Reduced
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.reduction import (
    PlainReduction,
    ReducerOptions,
    Reduction,
    ordered_reduction,
    reduced_shapes,
)
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.fixedpoint import Multiplier, rescale64, wrap32

ordered_reduction("REDUCE_PROD", np.multiply, 1)


@kernel("REDUCE_PROD", "int8", "int16", "uint8", "int32", "int64", options=ReducerOptions)
@dataclass(frozen=True, slots=True, eq=False)
class ReduceProdInteger(Kernel):
    """multiplier: of every step."""

    reduction: Reduction
    multiplier: Multiplier
    x_zero: int
    y_zero: int
    low: int
    high: int

    output_shapes = staticmethod(reduced_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Reduced[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: ReducerOptions,
        rule: Rules,
    ) -> ReduceProdInteger | PlainReduction:
        """Read the axes and fold the scales, if there are any, into the factor of one step."""
        x, y = operands.input, outputs[0]
        reduction = Reduction.of(operands, options)
        if not x.quantized or not reduction.count:
            return PlainReduction(reduction, np.multiply)
        if x.dtype not in ("int8", "int16"):
            raise UnsupportedError(f"REDUCE_PROD of quantized {x.dtype} is not supported")
        if not (x.step >= 0 and y.step > 0):
            raise ModelError(
                f"input {x.name!r} has scale {x.step}, output {y.name!r} {y.step}; "
                "each needs one that is positive"
            )
        factor = x.step / y.step ** (1.0 / reduction.count)
        return cls(reduction, Multiplier.of(factor), x.zero, y.zero, *INTEGER_RANGE[x.dtype])

    def eval(self, operands: Reduced[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        x, y = operands.input, outputs[0]
        factors = self.reduction.rows(x).astype(np.int64) - self.x_zero
        current = factors[..., 0]
        for step in range(1, self.reduction.count):  # each rounding feeds the next
            current = rescale64(current * factors[..., step], self.multiplier)
        codes = wrap32(rescale64(current, self.multiplier) + self.y_zero)
        y[...] = np.clip(codes, self.low, self.high).reshape(len(x), *y.shape[1:])
