"""CONV_2D and DEPTHWISE_CONV_2D on float32 data with integer filters: dynamic range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.operands import Weighted
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array
from refinterp.kernels.convolution import (
    Conv2DOptions,
    DepthwiseConv2DOptions,
    conv_output_shapes,
    depthwise_output_shapes,
    frame_grid,
    patch_grid,
    quantized_images,
)
from refinterp.kernels.depthwise_taps import Taps, sum_type
from refinterp.kernels.flavours import Rules
from refinterp.kernels.weighted import clamp, weight_scales
from refinterp.kernels.weighted_kernel import WeightedKernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import real_bounds
from refinterp.numerics.dynamic import LARGEST_STEP, DynamicGemm, asymmetric, symmetric
from refinterp.numerics.frames import FrameGrid
from refinterp.numerics.gemm import ColumnSums
from refinterp.numerics.patches import PatchGrid
from refinterp.numerics.tape import NOW, Do

Gemms = tuple[DynamicGemm, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Conv2DDynamic(WeightedKernel[Gemms]):
    """Dynamic range: float32 data quantized image by image.

    scales: float32 (1,) or (out,) of the weights.
    """

    place: PatchGrid
    low: float
    high: float
    group_count: int
    scales: NDArray[np.float32]

    output_shapes = staticmethod(conv_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Weighted[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: Conv2DOptions,
        rule: Rules,
    ) -> Conv2DDynamic:
        """Lay out the weights and see which of the two ways LiteRT takes."""
        x, w = operands.input, operands.filter
        place = patch_grid(x, w, options)
        low, high = real_bounds(options.fused_activation_function)
        groups = x.shape[3] // w.shape[3]
        scales = weight_scales(w, w.shape[0])
        if groups == 1 and np.all(scales == scales[0]):
            scales = scales[:1]
        elif scales.size != w.shape[0]:
            raise ModelError(
                f"weights {w.name!r} of {groups} groups need a scale for each output channel when "
                "data are float32"
            )
        return cls(place, low, high, groups, scales).laid_out(w)

    @property
    def per_channel(self) -> bool:
        """Whether data are quantized with a zero point and weights scaled channel by channel."""
        return self.group_count > 1 or self.scales.size > 1

    def zero_points(self) -> bool:
        """With weights scaled channel by channel."""
        return self.per_channel

    def lay_out(self, w: Array, bias: Array | None) -> Gemms:
        """Lay out w group by group; LiteRT takes SSE vectors where one scale serves all units and
        these do not come in fours.
        """
        sse = not self.per_channel and len(w) % 4 != 0
        parts = np.split(w, self.group_count)
        return tuple(DynamicGemm.prepare(part.reshape(len(part), -1).T, sse=sse) for part in parts)

    def run(
        self, layout: Gemms, x: Array, bias: Array | None, y: Array, work: Workspace, do: Do = NOW
    ) -> None:
        """Write y (S, batch, height', width', out)."""
        if x.size and y.size:
            self._products(layout, x.reshape(-1, *x.shape[2:]), y.reshape(-1, y.shape[-1]), work)
        if bias is not None:
            np.add(y, bias, out=y)
        clamp(y, self.low, self.high)

    def _products(self, layout: Gemms, images: Array, rows: Array, work: Workspace) -> None:
        quantize = asymmetric if self.per_channel else symmetric
        codes, scale = quantized_images(images, quantize)
        scale = np.repeat(scale, len(rows) // len(images))[:, None]
        depth, units = self.place.channels, rows.shape[1] // len(layout)
        for index, gemm in enumerate(layout):
            own = codes[..., index * depth : (index + 1) * depth]
            columns = rows[:, index * units : (index + 1) * units]
            scales = self.scales
            if self.per_channel:
                scales = scales[index * units : (index + 1) * units]
            for start, stop, patches in self.place.blocks(own, np.float32, 0.0, work.take):
                sums = gemm(patches)
                if self.per_channel:
                    np.multiply(sums * scales, scale[start:stop], out=columns[start:stop])
                else:
                    np.multiply(sums, scale[start:stop] * scales, out=columns[start:stop])


@dataclass(frozen=True, slots=True, eq=False)
class DepthwiseConv2DDynamic(WeightedKernel[Taps]):
    """Data are quantized image by image. scales: float32 (out,) of the weights."""

    place: FrameGrid
    low: float
    high: float
    scales: NDArray[np.float32]

    output_shapes = staticmethod(depthwise_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Weighted[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: DepthwiseConv2DOptions,
        rule: Rules,
    ) -> DepthwiseConv2DDynamic:
        """Lay out the filter once; every output channel needs a scale of its own."""
        x, w = operands.input, operands.filter
        if w.scale.size != w.shape[-1]:
            raise ModelError(
                f"weights {w.name!r} have {w.scale.size} scales; with float32 data they need "
                f"{w.shape[-1]}, one per output channel"
            )
        bounds = real_bounds(options.fused_activation_function)
        return cls(frame_grid(x, w, options), *bounds, w.scale).laid_out(w)

    def zero_points(self) -> bool:
        """Always."""
        return True

    def lay_out(self, w: Array, bias: Array | None) -> Taps:
        """Lay out w (1, height, width, out)."""
        dtype = sum_type(ColumnSums.of(w[0], LARGEST_STEP).most)
        return Taps.prepare(self.place, w[0], dtype)

    def run(
        self, layout: Taps, x: Array, bias: Array | None, y: Array, work: Workspace, do: Do = NOW
    ) -> None:
        """Write y (S, batch, height', width', out)."""
        if x.size and y.size:
            self._products(layout, x.reshape(-1, *x.shape[2:]), y.reshape(-1, *y.shape[2:]), work)
        if bias is not None:
            np.add(y, bias, out=y)
        clamp(y, self.low, self.high)

    def _products(self, layout: Taps, images: Array, reals: Array, work: Workspace) -> None:
        codes, scale = quantized_images(images)
        dtype = layout.phases[0].dtype
        sums = spare = None
        for block in self.place.blocks(codes, dtype, 0.0, work.take):
            out = reals[block.first : block.last, block.top : block.bottom]
            if sums is None:
                sums, spare = work.take(out.shape, dtype), layout.spare(out.shape, dtype, work)
            acc = sums[: out.shape[0], : out.shape[1]]
            layout.sums(block, acc, spare)
            scales = scale[block.first : block.last, None, None, None] * self.scales
            np.multiply(acc.astype(np.float32, copy=False), scales, out=out)
