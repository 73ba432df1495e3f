"""DEPTHWISE_CONV_2D: every output channel is a weighted sum of a window of one input channel.

Real      y = clamp(sum(w * x) + bias)
Integer   acc = sum((w - w_zero) * (x - x_zero)) + bias    int32; int16x8: int64
          y = clip(R_c(acc) + y_zero, y_min, y_max)   R_c: one factor per output channel
Dynamic   float32 x, integer w: each image of x becomes int8 codes q of scale s and zero point z,
          y = clamp(sum(w * (q - z)) * (w_scale * s) + bias), in float32
Shapes    x (batch, height, width, in), w (1, kernel height, kernel width, out), bias (out,) or
          omitted, y (batch, height', width', out); out = in * multiplier, and output channel c
          reads input channel c // multiplier
Units     codes, real = scale * (code - zero point); w: zero point 0 but for uint8; bias: scale
          x * w
Raises    ModelError, from prepare only: channel counts, scales that do not fit together
Source    LiteRT kernels/depthwise_conv.cc, internal/reference/integer_ops/depthwise_conv.h
          (f67457790); tflite-micro micro/kernels/depthwise_conv_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM for int8 and int16x8, LiteRT for uint8; float32 within
          rounding of the sum

Tap after tap, a shifted view of the padded image is multiplied and added, a block of lines at a
time so that it stays in cache. float32 holds the sums exactly while sum|w| * max|x| < 2**24 in
every channel, float64 far beyond; x_zero is folded into the bias and fills the padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from refinterp.graph.operands import Weighted
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array
from refinterp.kernels.convolution import (
    DepthwiseConv2DOptions,
    depthwise_output_shapes,
    frame_grid,
)
from refinterp.kernels.convolution_dynamic import DepthwiseConv2DDynamic
from refinterp.kernels.depthwise_taps import Taps, sum_type
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.weighted import clamp
from refinterp.kernels.weighted_kernel import Folded, Scaling, SteadyWeightedKernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import real_bounds
from refinterp.numerics.frames import FrameGrid
from refinterp.numerics.gemm import ColumnSums
from refinterp.numerics.tape import NOW, Do


@kernel(
    "DEPTHWISE_CONV_2D",
    "int8",
    "int8x4",
    "int16x8",
    "uint8",
    options=DepthwiseConv2DOptions,
)
@dataclass(frozen=True, slots=True, eq=False)
class DepthwiseConv2DInteger(SteadyWeightedKernel[Folded[Taps]]):
    """The integer kernel."""

    settles: ClassVar[bool] = True

    place: FrameGrid
    scaling: Scaling

    output_shapes = staticmethod(depthwise_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Weighted[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: DepthwiseConv2DOptions,
        rule: Rules,
    ) -> DepthwiseConv2DInteger:
        """Fold scales, zero point and bias; see the module's docstring."""
        x, w = operands.input, operands.filter
        channels = w.shape[3]
        scaling = Scaling.of(
            (x, w, outputs[0]),
            channels,
            options.fused_activation_function,
            "int64" if x.dtype == "int16" else rule.rounding,
            plain=rule.plain,
        )
        return cls(frame_grid(x, w, options), scaling).folded(w, operands.bias, channels)

    def lay_out(self, w: Array, bias: Array | None) -> Folded[Taps]:
        """Lay out w (1, height, width, out) and bias (out,)."""
        scaling = self.scaling
        centred = scaling.centred(w[0])
        floats, bound, sums, most = ColumnSums.of(centred, scaling.x_max)
        dtype = np.int64 if scaling.plain else sum_type(most)
        taps = Taps.prepare(self.place, floats.reshape(centred.shape), dtype)
        constant = scaling.bias(bias) - scaling.x_zero * sums
        return Folded(taps, scaling.requantizer(constant, bound), taps.phases[0].dtype)

    def folds(self, layout: Folded[Taps]) -> Sequence[Folded[Taps]]:
        """The layout is one."""
        return (layout,)

    def refolded(self, folds: Sequence[Folded[Taps]]) -> Folded[Taps]:
        """The one there is."""
        return folds[0]

    def settled(self, layout: Folded[Taps], elements: int, runs: int) -> Folded[Taps]:
        """Rescale in the form that pays."""
        return layout.settle(elements, runs)

    def run(
        self,
        layout: Folded[Taps],
        x: Array,
        bias: Array | None,
        y: Array,
        work: Workspace,
        do: Do = NOW,
    ) -> None:
        """Write y (S, batch, height', width', out)."""
        images = x.reshape(-1, *x.shape[2:])
        codes = y.reshape(-1, *y.shape[2:])
        taps, requantizer = layout.weights, layout.requantizer
        depth = y.shape[-1]
        dtype = layout.dtype
        sums = spare = None
        for block in self.place.blocks(images, dtype, self.scaling.x_zero, work.take, do):
            out = codes[block.first : block.last, block.top : block.bottom]
            if sums is None:  # the first block is the largest
                sums, spare = work.take(out.shape, dtype), taps.spare(out.shape, dtype, work)
                size = requantizer.scratch_size(out.size // max(depth, 1))
                scratch = work.take((size,), np.float64)
            acc = sums[: out.shape[0], : out.shape[1]]
            taps.sums(block, acc, spare, do)
            requantizer(acc.reshape(-1, depth), out.reshape(-1, depth), scratch, do)


@kernel("DEPTHWISE_CONV_2D", "float32", options=DepthwiseConv2DOptions)
@dataclass(frozen=True, slots=True, eq=False)
class DepthwiseConv2DFloat(SteadyWeightedKernel[Taps]):
    """The float32 kernel."""

    place: FrameGrid
    low: float
    high: float

    output_shapes = staticmethod(depthwise_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Weighted[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: DepthwiseConv2DOptions,
        rule: Rules,
    ) -> DepthwiseConv2DFloat:
        """Lay out the filter once."""
        x, w = operands.input, operands.filter
        low, high = real_bounds(options.fused_activation_function)
        return cls(frame_grid(x, w, options), low, high).laid_out(w)

    def lay_out(self, w: Array, bias: Array | None) -> Taps:
        """Lay out w (1, height, width, out)."""
        return Taps.prepare(self.place, w[0], np.float32)

    def run(
        self, layout: Taps, x: Array, bias: Array | None, y: Array, work: Workspace, do: Do = NOW
    ) -> None:
        """Write y (S, batch, height', width', out)."""
        images = x.reshape(-1, *x.shape[2:])
        reals = y.reshape(-1, *y.shape[2:])
        spare = None
        for block in self.place.blocks(images, np.float32, 0.0, work.take, do):
            out = reals[block.first : block.last, block.top : block.bottom]
            if spare is None:
                spare = layout.spare(out.shape, np.float32, work)
            layout.sums(block, out, spare, do)
            if bias is not None:
                do(np.add, out, bias, out)
            clamp(out, self.low, self.high, do)


kernel("DEPTHWISE_CONV_2D", "float32x8", options=DepthwiseConv2DOptions)(DepthwiseConv2DDynamic)
