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
Raises    ModelError, from prepare only: ranks, channel counts, scales that do not fit together
Source    LiteRT kernels/conv.cc, internal/reference/integer_ops/conv.h (f67457790);
          tflite-micro micro/kernels/conv_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM for int8 and int16x8, LiteRT for uint8; float32 within
          rounding of the sum

The sums run as floating-point matrix products that are exact for these integers (`numerics.gemm`).
With x_zero folded into the bias, and used as the padding's code, raw codes can be multiplied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import Array, Inputs, Kernel, Steady, kernel
from refinterp.kernels.weighted import (
    accumulator_rounding,
    bias_values,
    clamp,
    largest_code,
    legacy_factors,
    per_sample,
    rescale_factors,
    weight_scales,
)
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import integer_bounds, real_bounds
from refinterp.numerics.dynamic import DynamicGemm, asymmetric, symmetric
from refinterp.numerics.gemm import ExactGemm
from refinterp.numerics.patches import PatchGrid
from refinterp.numerics.requantize import Requantizer
from refinterp.numerics.tape import NOW, Do
from refinterp.numerics.window import window

_NARROW = 16  # output channels up to which pixels are tiled


@dataclass(frozen=True, slots=True)
class Conv2DOptions:
    """Schema table Conv2DOptions."""

    padding: str | int = "SAME"
    stride_w: int = 0
    stride_h: int = 0
    fused_activation_function: str | int = "NONE"
    dilation_w_factor: int = 1
    dilation_h_factor: int = 1
    quantized_bias_type: str | int = "float32"


def grid(x: TensorSpec, w: TensorSpec, options: Conv2DOptions) -> PatchGrid:
    """Place the filter's window on the input; raises ModelError for shapes that cannot be."""
    if len(x.shape) != 4 or len(w.shape) != 4:
        raise ModelError(
            f"CONV_2D needs a 4-D input and filter, got {list(x.shape)} and {list(w.shape)}"
        )
    channels, per_group = x.shape[3], w.shape[3]
    if per_group == 0 or channels % per_group or w.shape[0] % (channels // per_group):
        raise ModelError(
            f"CONV_2D: {channels} input and {w.shape[0]} output channels cannot be split into "
            f"groups of {per_group} input channels"
        )
    return PatchGrid(
        window(
            options.padding,
            x.shape[1],
            w.shape[1],
            options.stride_h,
            options.dilation_h_factor,
            where="CONV_2D height",
        ),
        window(
            options.padding,
            x.shape[2],
            w.shape[2],
            options.stride_w,
            options.dilation_w_factor,
            where="CONV_2D width",
        ),
        per_group,
    )


def conv_output_shapes(inputs: Inputs, options: Conv2DOptions) -> tuple[Shape, ...]:
    """The output's shape; `inputs` are data, filter and, possibly, bias."""
    x, w = inputs[0], inputs[1]
    if x is None or w is None:
        raise ModelError("CONV_2D needs an input and a filter")
    place = grid(x, w, options)
    return ((x.shape[0], place.rows.size, place.columns.size, w.shape[0]),)


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """Filter and bias of one group, ready to multiply: filter (depth, out), bias (out,)."""

    gemm: ExactGemm
    requantizer: Requantizer

    def settle(self, elements: int) -> Folded:
        """Rescale in the form that pays for so many sums."""
        requantizer = self.requantizer.settle(elements, self.gemm.output_dtype)
        return replace(self, requantizer=requantizer)


@kernel(
    "CONV_2D",
    "int8",
    "int8x4",
    "int16x8",
    "int16x4",
    "uint8",
    options=Conv2DOptions,
    weights=1,
)
@dataclass(frozen=True, slots=True, eq=False)
class Conv2DInteger(Steady):
    """The integer kernel. groups is empty when filter or bias are only known at run time.

    tile: neighbouring output pixels that are worked out as one, with a filter that holds theirs
    side by side: more products, but of matrices that are less narrow, from longer runs of pixels.
    """

    place: PatchGrid
    tile: int
    x_zero: int
    x_max: int
    w_zero: int
    factors: NDArray[np.float64]
    y_zero: int
    y_min: int
    y_max: int
    rounding: str
    plain: bool
    group_count: int
    groups: tuple[Folded, ...]

    settles: ClassVar[bool] = True
    output_shapes = staticmethod(conv_output_shapes)

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: Conv2DOptions, rule: Rules
    ) -> Conv2DInteger:
        """Fold scales, zero point and bias; see the module's docstring."""
        x, w, y = inputs[0], inputs[1], outputs[0]
        bias = inputs[2] if len(inputs) > 2 else None
        assert x is not None
        assert w is not None
        place = grid(x, w, options)
        channels = w.shape[0]
        y_min, y_max = integer_bounds(options.fused_activation_function, y.dtype, y.step, y.zero)
        tile = 1
        if x.shape[3] == w.shape[3] and channels <= _NARROW and not rule.plain:
            tile = place.tile
        self = cls(
            place.tiled(tile),
            tile,
            x.zero,
            largest_code(x.dtype),
            w.zero if x.dtype == "uint8" else 0,
            (legacy_factors if x.dtype == "uint8" else rescale_factors)(x, w, y, channels),
            y.zero,
            y_min,
            y_max,
            accumulator_rounding(x, bias, options.quantized_bias_type, rule),
            rule.plain,
            x.shape[3] // w.shape[3],
            (),
        )
        if w.data is None or (bias is not None and bias.data is None):
            return self
        return replace(self, groups=self.fold(w.data, bias_values(bias, channels)))

    def fold(self, w: Array, bias: NDArray[np.int64]) -> tuple[Folded, ...]:
        """Lay out one group after the other; w (out, height, width, in / groups)."""
        count = w.shape[0] // self.group_count
        folded = []
        for start in range(0, w.shape[0], count):
            own = slice(start, start + count)
            weights = self._side_by_side(w[own].astype(np.int32) - self.w_zero)
            matrix = weights.reshape(len(weights), -1).T
            gemm = ExactGemm.prepare(matrix, self.x_max)
            constant = np.tile(bias[own], self.tile)
            constant -= self.x_zero * matrix.sum(axis=0, dtype=np.int64)
            requantizer = Requantizer.prepare(
                np.tile(self.factors[own], self.tile),
                constant,
                self.y_zero,
                self.y_min,
                self.y_max,
                rounding=self.rounding,
                bound=gemm.bound,
                plain=self.plain,
            )
            folded.append(Folded(gemm, requantizer))
        return tuple(folded)

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

    def settle(self, outputs: Sequence[Array], runs: int) -> Conv2DInteger:
        """Rescale in the form that pays for so many runs."""
        elements = outputs[0].size * runs // max(len(self.groups), 1)
        return replace(self, groups=tuple(group.settle(elements) for group in self.groups))

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y (S, batch, height', width', out)."""
        x, w, y = inputs[0], inputs[1], outputs[0]
        assert x is not None
        assert w is not None
        if self.groups:
            self._run(self.groups, x, y, work)
            return
        bias = inputs[2] if len(inputs) > 2 else None
        for own_x, own_w, own_bias, own_y in per_sample(x, w, bias, y):
            values = np.zeros(w.shape[1], np.int64) if own_bias is None else own_bias[0].reshape(-1)
            folded = self.fold(own_w[0], values.astype(np.int64))
            elements = own_y.size // len(folded)
            self._run(tuple(group.settle(elements) for group in folded), own_x, own_y, work)

    def record(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace, do: Do
    ) -> bool:
        """Name the calls that write y; False when they depend on the filter's values."""
        if self.groups and inputs[0] is not None:
            self._run(self.groups, inputs[0], outputs[0], work, do)
        return bool(self.groups)

    def _run(
        self, groups: tuple[Folded, ...], x: Array, y: Array, work: Workspace, do: Do = NOW
    ) -> None:
        images = x.reshape(-1, *x.shape[2:])
        rows = y.reshape(-1, y.shape[-1] * self.tile)
        depth, count = self.place.channels, rows.shape[1] // len(groups)
        for index, group in enumerate(groups):
            own = images[..., index * depth : (index + 1) * depth]
            columns = rows[:, index * count : (index + 1) * count]
            for start, stop, acc, scratch in self._sums(group, own, count, work, do):
                group.requantizer(acc, columns[start:stop], scratch, do)

    def _sums(
        self, group: Folded, images: Array, count: int, work: Workspace, do: Do
    ) -> Iterator[tuple[int, int, NDArray[Any], NDArray[np.float64]]]:
        """Yield (start, stop, acc, scratch): sums of some output pixels, (stop - start, count)."""
        gemm, take = group.gemm, work.take
        banded = self.place.banded and len(gemm.pieces) == 1
        blocks = self.place.bands if banded else self.place.blocks
        sums: Any = None
        for start, stop, patches in blocks(images, gemm.input_dtype, self.x_zero, take, count, do):
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


@kernel("CONV_2D", "float32", options=Conv2DOptions, weights=1)
@dataclass(frozen=True, slots=True, eq=False)
class Conv2DFloat(Steady):
    """The float32 kernel: matrices (depth, out) per group, or none when known only at run time."""

    place: PatchGrid
    low: float
    high: float
    group_count: int
    matrices: tuple[NDArray[np.float32], ...]

    output_shapes = staticmethod(conv_output_shapes)

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: Conv2DOptions, rule: Rules
    ) -> Conv2DFloat:
        """Lay out the filter once."""
        x, w = inputs[0], inputs[1]
        assert x is not None
        assert w is not None
        low, high = real_bounds(options.fused_activation_function)
        count = x.shape[3] // w.shape[3] if w.shape[3] else 1
        matrices = () if w.data is None else _matrices(w.data, count)
        return cls(grid(x, w, options), low, high, count, matrices)

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y (S, batch, height', width', out)."""
        x, w, y = inputs[0], inputs[1], outputs[0]
        assert x is not None
        assert w is not None
        bias = inputs[2] if len(inputs) > 2 else None
        for own_x, own_w, own_bias, own_y in per_sample(x, w, bias, y):
            matrices = self.matrices or _matrices(own_w[0], self.group_count)
            flat = None if own_bias is None else own_bias[0].reshape(-1)
            self._run(matrices, own_x, flat, own_y, work, NOW)

    def record(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace, do: Do
    ) -> bool:
        """Name the calls that write y; False when they depend on the filter's values."""
        x, bias = inputs[0], inputs[2] if len(inputs) > 2 else None
        steady = bool(self.matrices) and (bias is None or len(bias) == 1)
        if steady and x is not None:
            flat = None if bias is None else bias[0].reshape(-1)
            self._run(self.matrices, x, flat, outputs[0], work, do)
        return steady

    def _run(
        self,
        matrices: tuple[NDArray[np.float32], ...],
        x: Array,
        bias: Array | None,
        y: Array,
        work: Workspace,
        do: Do,
    ) -> None:
        images = x.reshape(-1, *x.shape[2:])
        rows = y.reshape(-1, y.shape[-1])
        depth, count = self.place.channels, y.shape[-1] // len(matrices)
        for index, matrix in enumerate(matrices):
            own = images[..., index * depth : (index + 1) * depth]
            units = slice(index * count, (index + 1) * count)
            blocks = self.place.blocks(own, np.float32, 0.0, work.take, count, do)
            for start, stop, patches in blocks:
                out = rows[start:stop, units]
                do(np.matmul, patches, matrix, out)
                if bias is not None:
                    do(np.add, out, bias[units], out)
                clamp(out, self.low, self.high, do)


def _matrices(w: Array, groups: int) -> tuple[NDArray[np.float32], ...]:
    parts = np.split(w, groups)
    return tuple(np.ascontiguousarray(part.reshape(len(part), -1).T) for part in parts)


@kernel("CONV_2D", "float32x8", "float32x4", options=Conv2DOptions, weights=1)
@dataclass(frozen=True, slots=True, eq=False)
class Conv2DDynamic(Kernel):
    """Dynamic range: float32 data quantized image by image.

    scales: float32 (1,) or (out,) of the weights. gemms: one per group, or none for weights that
    are only known at run time.
    """

    place: PatchGrid
    low: float
    high: float
    group_count: int
    scales: NDArray[np.float32]
    gemms: tuple[DynamicGemm, ...]

    output_shapes = staticmethod(conv_output_shapes)

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: Conv2DOptions, rule: Rules
    ) -> Conv2DDynamic:
        """Lay out the weights and see which of the two ways LiteRT takes."""
        x, w = inputs[0], inputs[1]
        assert x is not None
        assert w is not None
        place = grid(x, w, options)
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
        self = cls(place, low, high, groups, scales, ())
        return self if w.data is None else replace(self, gemms=self._fold(w.data))

    @property
    def per_channel(self) -> bool:
        """Whether data are quantized with a zero point and weights scaled channel by channel."""
        return self.group_count > 1 or self.scales.size > 1

    def _fold(self, w: Array) -> tuple[DynamicGemm, ...]:
        """Lay out w group by group; LiteRT takes SSE vectors where one scale serves all units and
        these do not come in fours.
        """
        sse = not self.per_channel and len(w) % 4 != 0
        parts = np.split(w, self.group_count)
        return tuple(DynamicGemm.prepare(part.reshape(len(part), -1).T, sse=sse) for part in parts)

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y (S, batch, height', width', out)."""
        x, w, y = inputs[0], inputs[1], outputs[0]
        assert x is not None
        assert w is not None
        bias = inputs[2] if len(inputs) > 2 else None
        for own_x, own_w, own_bias, own_y in per_sample(x, w, bias, y):
            self._run(self.gemms or self._fold(own_w[0]), own_x, own_y, work)
            if own_bias is not None:
                own_y += own_bias[0].reshape(-1)
            clamp(own_y, self.low, self.high)

    def _run(self, gemms: tuple[DynamicGemm, ...], x: Array, y: Array, work: Workspace) -> None:
        count = x.shape[0] * x.shape[1]
        if x.size == 0 or y.size == 0:
            return
        images = (asymmetric if self.per_channel else symmetric)(x.reshape(count, -1))
        codes = (images.codes - images.zero[:, None]).reshape(count, *x.shape[2:])
        scale = np.repeat(images.scale, y.size // y.shape[-1] // count)[:, None]
        rows = y.reshape(-1, y.shape[-1])
        depth, units = self.place.channels, y.shape[-1] // len(gemms)
        for index, gemm in enumerate(gemms):
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
