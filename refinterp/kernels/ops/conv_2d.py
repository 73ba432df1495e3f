"""CONV_2D: every output channel is a weighted sum of a window of the input.

Real      y = clamp(sum(w * x) + bias)
Integer   acc = sum((w - w_zero) * (x - x_zero)) + bias    int32; int16x8: int32 or int64
          y = clip(R_c(acc) + y_zero, y_min, y_max)   R_c: one factor per output channel
Dynamic   float32 x, integer w: each image of x becomes int8 codes q of scale s. With one weight
          scale, or none that differs: y = clamp(sum(w * q) * (s * w_scale) + bias); else q has a
          zero point z and y = clamp((sum(w * (q - z)) * w_scale) * s + bias), in float32
Shapes    x (batch, height, width, in), w (out, kernel height, kernel width, in / groups),
          bias (out,) or omitted, y (batch, height', width', out)
Units     codes, real = scale * (code - zero point); w: zero point 0 but for uint8; bias: scale
          x * w
Raises    ModelError, from prepare only: channel counts, scales that do not fit together
Source    LiteRT kernels/conv.cc, internal/reference/integer_ops/conv.h (f67457790);
          tflite-micro micro/kernels/conv_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM for int8 and int16x8, LiteRT for uint8; float32 within
          rounding of the sum

The sums run as floating-point matrix products that are exact for these integers (`numerics.gemm`).
With x_zero folded into the bias, and used as the padding's code, raw codes can be multiplied.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.operands import Weighted
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array
from refinterp.kernels.convolution import Conv2DOptions, conv_output_shapes, patch_grid
from refinterp.kernels.convolution_dynamic import Conv2DDynamic
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.weighted import accumulator_rounding, clamp
from refinterp.kernels.weighted_kernel import (
    Folded,
    Scaling,
    SteadyWeightedKernel,
    settled_gemm,
)
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import real_bounds
from refinterp.numerics.gemm import ExactGemm
from refinterp.numerics.patches import PatchGrid
from refinterp.numerics.tape import NOW, Do

_NARROW = 16  # output channels up to which pixels are tiled

Groups = tuple[Folded[ExactGemm], ...]
"""Filter and bias of each group: filter (depth, out), bias (out,)."""


@kernel(
    "CONV_2D",
    "int8",
    "int8x4",
    "int16x8",
    "int16x4",
    "uint8",
    options=Conv2DOptions,
)
@dataclass(frozen=True, slots=True, eq=False)
class Conv2DInteger(SteadyWeightedKernel[Groups]):
    """The integer kernel.

    tile: neighbouring output pixels that are worked out as one, with a filter that holds theirs
    side by side: more products, but of matrices that are less narrow, from longer runs of pixels.
    """

    settles: ClassVar[bool] = True

    place: PatchGrid
    tile: int
    scaling: Scaling
    group_count: int

    output_shapes = staticmethod(conv_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Weighted[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: Conv2DOptions,
        rule: Rules,
    ) -> Conv2DInteger:
        """Fold scales, zero point and bias; see the module's docstring."""
        x, w, bias = operands.input, operands.filter, operands.bias
        place = patch_grid(x, w, options)
        channels = w.shape[0]
        tile = 1
        if x.shape[3] == w.shape[3] and channels <= _NARROW and not rule.plain:
            tile = place.tile
        scaling = Scaling.of(
            (x, w, outputs[0]),
            channels,
            options.fused_activation_function,
            accumulator_rounding(x, bias, options.quantized_bias_type, rule),
            plain=rule.plain,
        )
        self = cls(place.tiled(tile), tile, scaling, x.shape[3] // w.shape[3])
        return self.folded(w, bias, channels)

    def lay_out(self, w: Array, bias: Array | None) -> Groups:
        """Lay out one group after the other; w (out, height, width, in / groups)."""
        scaling, count = self.scaling, w.shape[0] // self.group_count
        values = scaling.bias(bias)
        groups = []
        for start in range(0, w.shape[0], max(count, 1)):
            own = slice(start, start + count)
            weights = self._side_by_side(scaling.centred(w[own]))
            matrix = weights.reshape(len(weights), -1).T
            gemm = ExactGemm.prepare(matrix, scaling.x_max)
            bias_of_own = values[own] if self.tile == 1 else np.tile(values[own], self.tile)
            constant = bias_of_own - scaling.x_zero * gemm.sums
            requantizer = scaling.requantizer(constant, gemm.bound, own)
            groups.append(Folded(gemm, requantizer, gemm.output_dtype))
        return tuple(groups)

    def folds(self, layout: Groups) -> Groups:
        """One for each group."""
        return layout

    def refolded(self, folds: Sequence[Folded[ExactGemm]]) -> Groups:
        """The groups."""
        return tuple(folds)

    def settled(self, layout: Groups, elements: int, runs: int) -> Groups:
        """Multiply and rescale in the form that pays."""
        groups = tuple(settled_gemm(group, elements // len(layout), runs) for group in layout)
        return layout if all(map(operator.is_, groups, layout)) else groups

    def _side_by_side(self, w: Array) -> Array:
        """Repeat a filter (out, height, width, in) for each pixel of a tile, each among zeros."""
        if self.tile == 1:
            return w
        count, high, wide, depth = w.shape
        stride = self.place.columns.stride // self.tile
        several = np.zeros((self.tile, count, high, self.place.columns.kernel, depth), w.dtype)
        for pixel in range(self.tile):
            several[pixel, :, :, pixel * stride : pixel * stride + wide] = w
        return several.reshape(-1, *several.shape[2:])

    def run(
        self, layout: Groups, x: Array, bias: Array | None, y: Array, work: Workspace, do: Do = NOW
    ) -> None:
        """Write y (S, batch, height', width', out)."""
        images = x.reshape(-1, *x.shape[2:])
        rows = y.reshape(-1, y.shape[-1] * self.tile)
        depth, count = self.place.channels, rows.shape[1] // len(layout)
        for index, group in enumerate(layout):
            own = images[..., index * depth : (index + 1) * depth]
            columns = rows[:, index * count : (index + 1) * count]
            for start, stop, acc, scratch in self._sums(group, own, count, work, do):
                group.requantizer(acc, columns[start:stop], scratch, do)

    def _sums(
        self, group: Folded[ExactGemm], images: Array, count: int, work: Workspace, do: Do
    ) -> Iterator[tuple[int, int, NDArray[Any], NDArray[np.float64]]]:
        """Yield (start, stop, acc, scratch): sums of some output pixels, (stop - start, count)."""
        gemm, take, zero = group.weights, work.take, self.scaling.x_zero
        banded = self.place.banded and len(gemm.pieces) == 1
        blocks = self.place.bands if banded else self.place.blocks
        sums: Any = None
        for start, stop, patches in blocks(images, gemm.input_dtype, zero, take, count, do):
            rows = stop - start
            if sums is None:  # the first block is the largest
                sums = take((rows, count), gemm.output_dtype)
                spare = take((rows, count), gemm.output_dtype) if banded else sums
                scratch = take((group.requantizer.scratch_size(rows),), np.float64)
            acc = sums[:rows]
            if isinstance(patches, tuple):
                shape = (*patches[0].shape[:-1], count)
                gemm.banded(patches, acc.reshape(shape), spare[:rows].reshape(shape), do)
            else:
                gemm(patches, acc, do)
            yield start, stop, acc, scratch


Matrices = tuple[NDArray[np.float32], ...]


@kernel("CONV_2D", "float32", options=Conv2DOptions)
@dataclass(frozen=True, slots=True, eq=False)
class Conv2DFloat(SteadyWeightedKernel[Matrices]):
    """The float32 kernel. Its layout: a matrix (depth, out) per group."""

    place: PatchGrid
    low: float
    high: float
    group_count: int

    output_shapes = staticmethod(conv_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Weighted[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: Conv2DOptions,
        rule: Rules,
    ) -> Conv2DFloat:
        """Lay out the filter once."""
        x, w = operands.input, operands.filter
        low, high = real_bounds(options.fused_activation_function)
        self = cls(patch_grid(x, w, options), low, high, x.shape[3] // w.shape[3])
        return self.laid_out(w)

    def lay_out(self, w: Array, bias: Array | None) -> Matrices:
        """Lay out one group after the other."""
        parts = np.split(w, self.group_count)
        return tuple(np.ascontiguousarray(part.reshape(len(part), -1).T) for part in parts)

    def run(
        self,
        layout: Matrices,
        x: Array,
        bias: Array | None,
        y: Array,
        work: Workspace,
        do: Do = NOW,
    ) -> None:
        """Write y (S, batch, height', width', out)."""
        images = x.reshape(-1, *x.shape[2:])
        rows = y.reshape(-1, y.shape[-1])
        depth, count = self.place.channels, y.shape[-1] // len(layout)
        for index, matrix in enumerate(layout):
            own = images[..., index * depth : (index + 1) * depth]
            units = slice(index * count, (index + 1) * count)
            blocks = self.place.blocks(own, np.float32, 0.0, work.take, count, do)
            for start, stop, patches in blocks:
                out = rows[start:stop, units]
                do(np.matmul, patches, matrix, out)
                if bias is not None:
                    do(np.add, out, bias[units], out)
                clamp(out, self.low, self.high, do)


kernel("CONV_2D", "float32x8", "float32x4", options=Conv2DOptions)(Conv2DDynamic)
