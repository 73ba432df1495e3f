"""SUM: the sum over some axes.

Real      y = sum(x)
Integer   int8, uint8, int16: y = clip(R(sum(x) - n * x_zero) + y_zero)
          int32, int64: y = sum(x), wrapping
Shapes    x of any rank, axes (k,) or () constant, y: x's shape without the axes, or with 1 in
          their place (keep_dims)
Units     codes, real = scale * (code - zero point)
Raises    ModelError, from prepare only: an axis x does not have, missing scales; NeedsValue when
          the axes are known only at run time
Source    LiteRT kernels/reduce.cc, internal/reference/reduce.h (f67457790); tflite-micro
          micro/kernels/reduce_common.cc (90b983c2b)
Exact to  TFLM, LiteRT BUILTIN_REF but for int8 and int16: it takes their codes for uint8 ones, and
          writes one byte per element; float32 sums are added in their order
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refinterp.graph.spec import TensorSpec
from refinterp.kernels.flavours import Rules
from refinterp.kernels.ops.mean import code_requantizer
from refinterp.kernels.reduction import ReducerOptions, Reduction, reduced_shapes
from refinterp.kernels.registry import Array, Inputs, Kernel, kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.requantize import Requantizer


@kernel("SUM", "int8", "uint8", "int16", options=ReducerOptions)
@dataclass(frozen=True, slots=True, eq=False)
class SumInteger(Kernel):
    """dtype: what the sums are held in."""

    reduction: Reduction
    dtype: Any
    requantizer: Requantizer

    output_shapes = staticmethod(reduced_shapes)

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: ReducerOptions, rule: Rules
    ) -> SumInteger:
        """Fold scales, zero points and the number of elements."""
        x = inputs[0]
        reduction = Reduction.of(inputs, options)
        assert x is not None
        requantizer = code_requantizer(x, outputs[0], reduction, rule.plain, mean=False)
        dtype = np.int64 if rule.plain else reduction.sum_type(x)
        return cls(reduction, dtype, requantizer)

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y; of no elements it is 0."""
        x, y = inputs[0], outputs[0]
        assert x is not None
        if x.size == 0:
            y.fill(0)
            return
        sums = self.reduction.sums(x, self.dtype, work)
        self.requantizer(sums.reshape(-1, 1), y.reshape(-1, 1))


@kernel("SUM", "int32", "int64", options=ReducerOptions)
@dataclass(frozen=True, slots=True)
class SumWhole(Kernel):
    """Plain integers without scales; sums wrap in their type."""

    reduction: Reduction

    output_shapes = staticmethod(reduced_shapes)

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: ReducerOptions, rule: Rules
    ) -> SumWhole:
        """Read the axes."""
        return cls(Reduction.of(inputs, options))

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y."""
        x, y = inputs[0], outputs[0]
        assert x is not None
        sums = np.add.reduce(x, axis=self.reduction.array_axes, dtype=x.dtype)
        y[...] = sums.reshape(len(x), *y.shape[1:])


@kernel("SUM", "float32", options=ReducerOptions)
@dataclass(frozen=True, slots=True)
class SumFloat(Kernel):
    """The float32 kernel: numbers are added in the order of the elements."""

    reduction: Reduction

    output_shapes = staticmethod(reduced_shapes)

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: ReducerOptions, rule: Rules
    ) -> SumFloat:
        """Read the axes."""
        return cls(Reduction.of(inputs, options))

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y; of no elements it is 0."""
        x, y = inputs[0], outputs[0]
        assert x is not None
        if x.size == 0:
            y.fill(0)
            return
        sums = self.reduction.ordered(np.add, x, work)
        y[...] = sums.reshape(len(x), *y.shape[1:])
