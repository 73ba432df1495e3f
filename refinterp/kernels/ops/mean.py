"""MEAN: the average over some axes.

Real      y = sum(x) / n
Integer   int8, uint8, int16: y = clip(R(sum(x) - n * x_zero) + y_zero); R's multiplier is that of
          x_scale / y_scale, divided by n: mantissa' = (mantissa << s) / n, cut, and exponent' =
          exponent - s with s = floor(log2(n)), at most 32 and at most 31 + exponent
          int32, int64: y = sum(x) / n, cut towards zero, the sum in int64
Shapes    x of any rank, axes (k,) or () constant, y: x's shape without the axes, or with 1 in
          their place (keep_dims); no axes at all leave every element to itself
Units     codes, real = scale * (code - zero point)
Raises    ModelError, from prepare only: an axis x does not have, missing scales; NeedsValue when
          the axes are known only at run time
Source    LiteRT kernels/reduce.cc, internal/reference/reduce.h (QuantizedMeanOrSum, Mean;
          f67457790); tflite-micro micro/kernels/reduce_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM; float32 sums are added in their order
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.operands import Reduced
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.reduction import (
    ReducerOptions,
    Reduction,
    code_sums,
    ordered_reduction,
    reduced_shapes,
)
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace

code_sums("MEAN", mean=True)
ordered_reduction("MEAN", np.add, np.nan, mean=True)


@kernel("MEAN", "int32", "int64", options=ReducerOptions)
@dataclass(frozen=True, slots=True)
class MeanWhole(Kernel):
    """Plain integers without scales."""

    reduction: Reduction

    output_shapes = staticmethod(reduced_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Reduced[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: ReducerOptions,
        rule: Rules,
    ) -> MeanWhole:
        """Read the axes."""
        return cls(Reduction.of(operands, options))

    def eval(self, operands: Reduced[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y; of no elements it is 0."""
        x, y = operands.input, outputs[0]
        if x.size == 0:
            y.fill(0)
            return
        sums = np.add.reduce(x, axis=self.reduction.array_axes, dtype=np.int64)
        quotient: NDArray[np.int64] = np.floor_divide(sums, self.reduction.count)
        quotient += (quotient < 0) & (quotient * self.reduction.count != sums)
        y[...] = quotient.reshape(y.shape)
