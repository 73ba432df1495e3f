"""FULLY_CONNECTED: every output unit is a weighted sum of one row of the input.

Real      y = clamp(x @ w.T + bias)
Integer   acc = sum((w - w_zero) * (x - x_zero)) + bias   int32; int16x8: int32 or int64;
                                                          int16: int64
          y = clip(R_c(acc) + y_zero, y_min, y_max)       R_c: one factor, or one per unit
Dynamic   float32 x, integer w: each row of x becomes int8 codes q of scale s and zero point z,
          y = clamp(bias + sum(w * (q - z)) * (s * w_scale)), in float32
Shapes    x (..., depth) of any rank, or whatever shape holds rows of depth elements, w (units,
          depth), bias (units,) or omitted, y (rows, units), or x's shape with units for its last
          size (keep_num_dims); without a depth: fully_connected_sizes.py
Units     codes, real = scale * (code - zero point); bias: scale x * w. Weights with one scale
          may have a zero point; with a scale per unit they have none
Raises    ModelError, from prepare only: shapes, counts and scales that do not fit together.
          UnsupportedError: other types of output. Other weights formats:
          fully_connected_formats.py
Source    LiteRT kernels/fully_connected.cc, internal/reference/integer_ops/fully_connected.h
          (f67457790); tflite-micro micro/kernels/fully_connected_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF, which scales by a float64 factor, and TFLM, which scales by a
          fixed-point multiplier, for int8 and int16x8, LiteRT for uint8 to uint8 or int16; float32
          within rounding of the sum
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.operands import Weighted
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array
from refinterp.kernels.flavours import Rules
from refinterp.kernels.fully_connected_formats import (
    FullyConnectedBlockwise,
    FullyConnectedShuffled,
)
from refinterp.kernels.fully_connected_sizes import (
    FullyConnectedOptions,
    NoDepth,
    fully_connected_output_shapes,
    rows_of,
    writes_zeros,
)
from refinterp.kernels.registry import kernel
from refinterp.kernels.uint8_weights import register_uint8_weights
from refinterp.kernels.weighted import (
    accumulator_rounding,
    clamp,
    legacy_factors,
    rescale_factors,
    weight_scales,
)
from refinterp.kernels.weighted_kernel import (
    Folded,
    Scaling,
    SteadyWeightedKernel,
    WeightedKernel,
    settled_gemm,
)
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import real_bounds
from refinterp.numerics.dynamic import DynamicGemm, asymmetric, symmetric
from refinterp.numerics.fixedpoint import Rounding
from refinterp.numerics.gemm import ExactGemm
from refinterp.numerics.tape import NOW, Do, put

BLOCK = 1 << 17  # elements of one block of converted input: 512 KiB of float32

_INTEGERS = (
    "int8", "int8x4", "int8x2", "int16x8", "int16x4", "int16x2", "int16", "uint8",
)  # fmt: skip
_DYNAMIC = ("float32x8", "float32x4", "float32x2")


@kernel("FULLY_CONNECTED", *_INTEGERS, options=FullyConnectedOptions)
@dataclass(frozen=True, slots=True, eq=False)
class FullyConnectedInteger(SteadyWeightedKernel[Folded[ExactGemm]]):
    """The integer kernel; weights are laid out as (depth, units)."""

    settles: ClassVar[bool] = True

    depth: int
    scaling: Scaling

    output_shapes = staticmethod(fully_connected_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Weighted[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: FullyConnectedOptions,
        rule: Rules,
    ) -> FullyConnectedInteger | FullyConnectedShuffled | NoDepth:
        """Fold scales, zero points and bias; see the module's docstring."""
        x, w, bias, y = operands.input, operands.filter, operands.bias, outputs[0]
        if options.weights_format != "DEFAULT":
            return FullyConnectedShuffled.of(operands, y, options.fused_activation_function)
        fully_connected_output_shapes(operands, options)
        units, depth = w.shape
        if writes_zeros(w, rule):
            return NoDepth()
        if y.dtype != x.dtype and (x.dtype, y.dtype) != ("uint8", "int16"):
            raise UnsupportedError(f"FULLY_CONNECTED from {x.dtype} to {y.dtype} is not supported")
        scaling = Scaling.of(
            (x, w, y),
            units,
            options.fused_activation_function,
            _rounding(operands, options, rule),
            plain=rule.plain,
            factors=_factors,
            w_zero=w.zero,
        )
        return cls(depth, scaling).folded(w, bias, units)

    def lay_out(self, w: Array, bias: Array | None) -> Folded[ExactGemm]:
        """Lay out w (units, depth) and bias (units,)."""
        scaling = self.scaling
        matrix = scaling.centred(w.T)
        gemm = ExactGemm.prepare(matrix, scaling.x_max)
        constant = scaling.bias(bias) - scaling.x_zero * gemm.sums
        return Folded(gemm, scaling.requantizer(constant, gemm.bound), gemm.output_dtype)

    def folds(self, layout: Folded[ExactGemm]) -> Sequence[Folded[ExactGemm]]:
        """The layout is one."""
        return (layout,)

    def refolded(self, folds: Sequence[Folded[ExactGemm]]) -> Folded[ExactGemm]:
        """The one there is."""
        return folds[0]

    def settled(self, layout: Folded[ExactGemm], elements: int, runs: int) -> Folded[ExactGemm]:
        """Multiply and rescale in the form that pays."""
        return settled_gemm(layout, elements, runs)

    def run(
        self,
        layout: Folded[ExactGemm],
        x: Array,
        bias: Array | None,
        y: Array,
        work: Workspace,
        do: Do = NOW,
    ) -> None:
        """Write y (S, ..., units)."""
        depth = self.depth
        codes = y.reshape(-1, y.shape[-1])
        rows = rows_of(x, len(codes), depth)
        gemm, requantizer = layout.weights, layout.requantizer
        step = BLOCK // max(1, depth) or 1
        block = work.take((min(step, len(rows)), depth), gemm.input_dtype)
        sums = work.take((len(block), codes.shape[1]), gemm.output_dtype)
        scratch = work.take((requantizer.scratch_size(len(block)),), np.float64)
        for start in range(0, len(rows), step):
            own = rows[start : start + step]
            converted = block[: len(own)]
            do(put, converted, own)
            acc = sums[: len(own)]
            gemm(converted, acc, do)
            requantizer(acc, codes[start : start + step], scratch, do)


def _factors(x: TensorSpec, w: TensorSpec, y: TensorSpec, units: int) -> NDArray[np.float64]:
    """The factors per unit; int16 by int16 with one scale rounds the product of two to float32."""
    if w.dtype == "int16" and w.scale.size == 1:
        return legacy_factors(x, w, y, units)
    return rescale_factors(x, w, y, units)


def _rounding(
    operands: Weighted[TensorSpec], options: FullyConnectedOptions, rule: Rules
) -> Rounding:
    """The rescaling rule; int16 by int16 has a kernel of its own, with 64-bit sums."""
    if operands.filter.dtype == "int16":
        return "int64"
    bias_type = options.quantized_bias_type
    return accumulator_rounding(operands.input, operands.bias, bias_type, rule)


@kernel("FULLY_CONNECTED", "float32", options=FullyConnectedOptions)
@dataclass(frozen=True, slots=True, eq=False)
class FullyConnectedFloat(SteadyWeightedKernel[NDArray[np.float32]]):
    """The float32 kernel; weights are seen as (depth, units)."""

    low: float
    high: float

    output_shapes = staticmethod(fully_connected_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Weighted[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: FullyConnectedOptions,
        rule: Rules,
    ) -> FullyConnectedFloat | NoDepth:
        """Check the shapes and read the activation."""
        fully_connected_output_shapes(operands, options)
        w, bias = operands.filter, operands.bias
        if writes_zeros(w, rule):
            return NoDepth()
        if bias is not None and bias.size != w.shape[0]:
            raise ModelError(f"bias {bias.name!r} has {bias.size} values for {w.shape[0]} units")
        return cls(*real_bounds(options.fused_activation_function)).laid_out(w)

    def lay_out(self, w: Array, bias: Array | None) -> NDArray[np.float32]:
        """See w (units, depth) from its other side."""
        return w.T

    def run(
        self,
        layout: NDArray[np.float32],
        x: Array,
        bias: Array | None,
        y: Array,
        work: Workspace,
        do: Do = NOW,
    ) -> None:
        """Write y (S, ..., units)."""
        rows = y.reshape(-1, y.shape[-1])
        do(np.matmul, rows_of(x, len(rows), len(layout)), layout, rows)
        if bias is not None:
            do(np.add, rows, bias, rows)
        clamp(rows, self.low, self.high, do)


@kernel("FULLY_CONNECTED", *_DYNAMIC, options=FullyConnectedOptions)
@dataclass(frozen=True, slots=True, eq=False)
class FullyConnectedDynamic(WeightedKernel[DynamicGemm]):
    """Dynamic range: data quantized row by row. scales: float32 (), or (units,) of the weights."""

    depth: int
    low: float
    high: float
    asymmetric: bool
    scales: NDArray[np.float32]

    output_shapes = staticmethod(fully_connected_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Weighted[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: FullyConnectedOptions,
        rule: Rules,
    ) -> FullyConnectedDynamic | FullyConnectedBlockwise | NoDepth:
        """Lay out the weights."""
        fully_connected_output_shapes(operands, options)
        w = operands.filter
        if w.shape[1] == 0:
            return NoDepth()  # only LiteRT computes so
        if w.block_size:
            return FullyConnectedBlockwise.of(w)
        units, depth = w.shape
        scales = weight_scales(w, units)
        low, high = real_bounds(options.fused_activation_function)
        return cls(depth, low, high, options.asymmetric_quantize_inputs, scales).laid_out(w)

    def zero_points(self) -> bool:
        """As the options say."""
        return self.asymmetric

    def lay_out(self, w: Array, bias: Array | None) -> DynamicGemm:
        """Lay out w (units, depth)."""
        return DynamicGemm.prepare(w.T, sse=True)

    def run(
        self,
        layout: DynamicGemm,
        x: Array,
        bias: Array | None,
        y: Array,
        work: Workspace,
        do: Do = NOW,
    ) -> None:
        """Write y (S, ..., units)."""
        rows = (asymmetric if self.asymmetric else symmetric)(x.reshape(-1, self.depth))
        sums = layout(rows.codes, rows.zero)
        out = y.reshape(sums.shape)
        np.multiply(sums, rows.scale[:, None] * self.scales, out=out)
        if bias is not None:
            out += bias
        np.clip(out, self.low, self.high, out=out)


register_uint8_weights("FULLY_CONNECTED")
