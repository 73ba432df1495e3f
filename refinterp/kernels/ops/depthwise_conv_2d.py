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
Raises    ModelError, from prepare only: ranks, channel counts, scales that do not fit together
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
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.elementwise import require_type
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import Array, Inputs, Kernel, Steady, kernel
from refinterp.kernels.weighted import (
    bias_values,
    clamp,
    largest_code,
    legacy_factors,
    per_sample,
    rescale_factors,
)
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import integer_bounds, real_bounds
from refinterp.numerics.dynamic import LARGEST_STEP, asymmetric
from refinterp.numerics.frames import Block, FrameGrid
from refinterp.numerics.gemm import FLOAT32_EXACT
from refinterp.numerics.requantize import Requantizer
from refinterp.numerics.tape import NOW, Do
from refinterp.numerics.window import window

RUN = 1 << 11
"""Elements that one row of tiled weights is stretched to: long inner loops, small tables."""


@dataclass(frozen=True, slots=True)
class DepthwiseConv2DOptions:
    """Schema table DepthwiseConv2DOptions; the channel multiplier follows from the shapes."""

    padding: str | int = "SAME"
    stride_w: int = 0
    stride_h: int = 0
    fused_activation_function: str | int = "NONE"
    dilation_w_factor: int = 1
    dilation_h_factor: int = 1


def grid(x: TensorSpec, w: TensorSpec, options: DepthwiseConv2DOptions) -> FrameGrid:
    """Place the filter's window on the input; raises ModelError for shapes that cannot be."""
    if len(x.shape) != 4 or len(w.shape) != 4 or w.shape[0] != 1:
        raise ModelError(
            "DEPTHWISE_CONV_2D needs a 4-D input and a filter of shape [1, height, width, "
            f"channels], got {list(x.shape)} and {list(w.shape)}"
        )
    channels = x.shape[3]
    if channels == 0 or w.shape[3] % channels:
        raise ModelError(
            f"DEPTHWISE_CONV_2D: {w.shape[3]} output channels are not a multiple of {channels} "
            "input channels"
        )
    where = "DEPTHWISE_CONV_2D"
    rows = window(
        options.padding,
        x.shape[1],
        w.shape[1],
        options.stride_h,
        options.dilation_h_factor,
        where=f"{where} height",
    )
    columns = window(
        options.padding,
        x.shape[2],
        w.shape[2],
        options.stride_w,
        options.dilation_w_factor,
        where=f"{where} width",
    )
    return FrameGrid(rows, columns, channels, w.shape[3] // channels)


def depthwise_output_shapes(inputs: Inputs, options: DepthwiseConv2DOptions) -> tuple[Shape, ...]:
    """The output's shape; `inputs` are data, filter and, possibly, bias."""
    x, w = inputs[0], inputs[1]
    if x is None or w is None:
        raise ModelError("DEPTHWISE_CONV_2D needs an input and a filter")
    place = grid(x, w, options)
    return ((x.shape[0], place.rows.size, place.columns.size, w.shape[3]),)


@dataclass(frozen=True, slots=True, eq=False)
class Taps:
    """Filter weights of a dtype, per phase of the grid, repeated over `run` output pixels.

    phases[i]: (kernel height, taps of phase i, run * channels).
    """

    run: int
    phases: tuple[NDArray[Any], ...]

    @classmethod
    def prepare(cls, place: FrameGrid, w: NDArray[Any], dtype: Any) -> Taps:
        """Lay out w (kernel height, kernel width, channels)."""
        width, depth = place.columns.size, max(place.depth, 1)
        fitting = [n for n in range(1, width + 1) if width % n == 0 and n * depth <= RUN]
        run = max(fitting, default=1)
        phases = []
        for phase in range(place.phase_count):
            own = w[:, place.taps(phase)]
            phases.append(np.tile(own, (1, 1, run)).astype(dtype))
        return cls(run, tuple(phases))

    def spare(self, shape: tuple[int, ...], dtype: Any, work: Workspace) -> NDArray[Any] | None:
        """Borrow what `sums` needs besides for blocks of up to that shape: one phase, nothing."""
        return work.take(shape, dtype) if len(self.phases) > 1 else None

    def sums(
        self, block: Block, out: NDArray[Any], spare: NDArray[Any] | None, do: Do = NOW
    ) -> None:
        """Write the weighted sums of a block's windows to out (images, lines, pixels, channels)."""
        images, lines, columns, depth = out.shape
        runs = (images, lines, columns // self.run, self.run * depth)
        total = out.reshape(runs)
        for index, (view, weights) in enumerate(zip(block.phases, self.phases, strict=True)):
            taps = view.reshape(*view.shape[:3], *runs[1:])
            if index == 0 or spare is None:
                do(partial(np.einsum, out=total), "nyxlrc,yxc->nlrc", taps, weights)
            else:
                part = spare[:images, :lines].reshape(runs)
                do(partial(np.einsum, out=part), "nyxlrc,yxc->nlrc", taps, weights)
                do(np.add, total, part, total)


def _float_type(magnitude: NDArray[np.float64]) -> Any:
    """A float type that holds every sum up to `magnitude` (channels,) exactly."""
    return np.float32 if magnitude.max(initial=0) < FLOAT32_EXACT else np.float64


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """Filter and bias, ready to multiply."""

    taps: Taps
    requantizer: Requantizer

    def settle(self, elements: int) -> Folded:
        """Rescale in the form that pays for so many sums."""
        requantizer = self.requantizer.settle(elements, self.taps.phases[0].dtype)
        return replace(self, requantizer=requantizer)


@kernel(
    "DEPTHWISE_CONV_2D",
    "int8",
    "int8x4",
    "int16x8",
    "uint8",
    options=DepthwiseConv2DOptions,
    weights=1,
)
@dataclass(frozen=True, slots=True, eq=False)
class DepthwiseConv2DInteger(Steady):
    """The integer kernel. folded is None when filter or bias are only known at run time."""

    place: FrameGrid
    x_zero: int
    x_max: int
    w_zero: int
    factors: NDArray[np.float64]
    y_zero: int
    y_min: int
    y_max: int
    rounding: str
    plain: bool
    folded: Folded | None

    settles: ClassVar[bool] = True
    output_shapes = staticmethod(depthwise_output_shapes)

    @classmethod
    def prepare(
        cls,
        inputs: Inputs,
        outputs: Sequence[TensorSpec],
        options: DepthwiseConv2DOptions,
        rule: Rules,
    ) -> DepthwiseConv2DInteger:
        """Fold scales, zero point and bias; see the module's docstring."""
        x, w, y = inputs[0], inputs[1], outputs[0]
        bias = inputs[2] if len(inputs) > 2 else None
        assert x is not None
        assert w is not None
        channels = w.shape[3]
        y_min, y_max = integer_bounds(options.fused_activation_function, y.dtype, y.step, y.zero)
        self = cls(
            grid(x, w, options),
            x.zero,
            largest_code(x.dtype),
            w.zero if x.dtype == "uint8" else 0,
            (legacy_factors if x.dtype == "uint8" else rescale_factors)(x, w, y, channels),
            y.zero,
            y_min,
            y_max,
            "int64" if x.dtype == "int16" else rule.rounding,
            rule.plain,
            None,
        )
        if w.data is None or (bias is not None and bias.data is None):
            return self
        return replace(self, folded=self.fold(w.data[0], bias_values(bias, channels)))

    def fold(self, w: Array, bias: NDArray[np.int64]) -> Folded:
        """Lay out w (height, width, out) and bias (out,)."""
        w = w.astype(np.int32) - self.w_zero
        magnitude = np.abs(w.astype(np.float64)).sum(axis=(0, 1), dtype=np.float64) * self.x_max
        dtype = np.int64 if self.plain else _float_type(magnitude)
        taps = Taps.prepare(self.place, w, dtype)
        constant = bias - self.x_zero * w.sum(axis=(0, 1), dtype=np.int64)
        requantizer = Requantizer.prepare(
            self.factors,
            constant,
            self.y_zero,
            self.y_min,
            self.y_max,
            rounding=self.rounding,
            bound=magnitude,
            plain=self.plain,
        )
        return Folded(taps, requantizer)

    def settle(self, outputs: Sequence[Array], runs: int) -> DepthwiseConv2DInteger:
        """Rescale in the form that pays for so many runs."""
        if self.folded is None:
            return self
        return replace(self, folded=self.folded.settle(outputs[0].size * runs))

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y (S, batch, height', width', out)."""
        x, w, y = inputs[0], inputs[1], outputs[0]
        assert x is not None
        assert w is not None
        if self.folded is not None:
            self._run(self.folded, x, y, work)
            return
        bias = inputs[2] if len(inputs) > 2 else None
        for own_x, own_w, own_bias, own_y in per_sample(x, w, bias, y):
            values = np.zeros(w.shape[-1], np.int64) if own_bias is None else own_bias[0]
            folded = self.fold(own_w[0, 0], values.astype(np.int64)).settle(own_y.size)
            self._run(folded, own_x, own_y, work)

    def record(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace, do: Do
    ) -> bool:
        """Name the calls that write y; False when they depend on the filter's values."""
        if self.folded is not None and inputs[0] is not None:
            self._run(self.folded, inputs[0], outputs[0], work, do)
        return self.folded is not None

    def _run(self, folded: Folded, x: Array, y: Array, work: Workspace, do: Do = NOW) -> None:
        images = x.reshape(-1, *x.shape[2:])
        codes = y.reshape(-1, *y.shape[2:])
        taps = folded.taps
        depth = y.shape[-1]
        dtype = taps.phases[0].dtype
        sums = spare = None
        for block in self.place.blocks(images, dtype, self.x_zero, work.take, do):
            out = codes[block.first : block.last, block.top : block.bottom]
            if sums is None:  # the first block is the largest
                sums, spare = work.take(out.shape, dtype), taps.spare(out.shape, dtype, work)
                size = folded.requantizer.scratch_size(out.size // max(depth, 1))
                scratch = work.take((size,), np.float64)
            acc = sums[: out.shape[0], : out.shape[1]]
            taps.sums(block, acc, spare, do)
            folded.requantizer(acc.reshape(-1, depth), out.reshape(-1, depth), scratch, do)


@kernel("DEPTHWISE_CONV_2D", "float32", options=DepthwiseConv2DOptions, weights=1)
@dataclass(frozen=True, slots=True, eq=False)
class DepthwiseConv2DFloat(Steady):
    """The float32 kernel. taps is None when the filter is only known at run time."""

    place: FrameGrid
    low: float
    high: float
    taps: Taps | None

    output_shapes = staticmethod(depthwise_output_shapes)

    @classmethod
    def prepare(
        cls,
        inputs: Inputs,
        outputs: Sequence[TensorSpec],
        options: DepthwiseConv2DOptions,
        rule: Rules,
    ) -> DepthwiseConv2DFloat:
        """Lay out the filter once."""
        x, w = inputs[0], inputs[1]
        assert x is not None
        assert w is not None
        require_type(outputs[0], "float32", role="output")
        low, high = real_bounds(options.fused_activation_function)
        place = grid(x, w, options)
        taps = None if w.data is None else Taps.prepare(place, w.data[0], np.float32)
        return cls(place, low, high, taps)

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y (S, batch, height', width', out)."""
        x, w, y = inputs[0], inputs[1], outputs[0]
        assert x is not None
        assert w is not None
        bias = inputs[2] if len(inputs) > 2 else None
        for own_x, own_w, own_bias, own_y in per_sample(x, w, bias, y):
            taps = self.taps or Taps.prepare(self.place, own_w[0, 0], np.float32)
            self._run(taps, own_x, None if own_bias is None else own_bias[0], own_y, work, NOW)

    def record(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace, do: Do
    ) -> bool:
        """Name the calls that write y; False when they depend on the filter's values."""
        x, bias = inputs[0], inputs[2] if len(inputs) > 2 else None
        if self.taps is None or x is None or (bias is not None and len(bias) > 1):
            return False
        self._run(self.taps, x, None if bias is None else bias[0], outputs[0], work, do)
        return True

    def _run(
        self, taps: Taps, x: Array, bias: Array | None, y: Array, work: Workspace, do: Do
    ) -> None:
        images = x.reshape(-1, *x.shape[2:])
        reals = y.reshape(-1, *y.shape[2:])
        spare = None
        for block in self.place.blocks(images, np.float32, 0.0, work.take, do):
            out = reals[block.first : block.last, block.top : block.bottom]
            if spare is None:
                spare = taps.spare(out.shape, np.float32, work)
            taps.sums(block, out, spare, do)
            if bias is not None:
                do(np.add, out, bias, out)
            clamp(out, self.low, self.high, do)


@kernel("DEPTHWISE_CONV_2D", "float32x8", options=DepthwiseConv2DOptions, weights=1)
@dataclass(frozen=True, slots=True, eq=False)
class DepthwiseConv2DDynamic(Kernel):
    """Dynamic range: float32 data quantized image by image. scales: float32 (out,) of the weights.

    taps is None when the filter is only known at run time.
    """

    place: FrameGrid
    low: float
    high: float
    scales: NDArray[np.float32]
    taps: Taps | None

    output_shapes = staticmethod(depthwise_output_shapes)

    @classmethod
    def prepare(
        cls,
        inputs: Inputs,
        outputs: Sequence[TensorSpec],
        options: DepthwiseConv2DOptions,
        rule: Rules,
    ) -> DepthwiseConv2DDynamic:
        """Lay out the filter once; every output channel needs a scale of its own."""
        x, w = inputs[0], inputs[1]
        assert x is not None
        assert w is not None
        if w.scale.size != w.shape[-1]:
            raise ModelError(
                f"weights {w.name!r} have {w.scale.size} scales; with float32 data they need "
                f"{w.shape[-1]}, one per output channel"
            )
        self = cls(
            grid(x, w, options), *real_bounds(options.fused_activation_function), w.scale, None
        )
        return self if w.data is None else replace(self, taps=self._fold(w.data[0]))

    def _fold(self, w: Array) -> Taps:
        magnitude = np.abs(w.astype(np.float64)).sum(axis=(0, 1), dtype=np.float64) * LARGEST_STEP
        return Taps.prepare(self.place, w, _float_type(magnitude))

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y (S, batch, height', width', out)."""
        x, w, y = inputs[0], inputs[1], outputs[0]
        assert x is not None
        assert w is not None
        bias = inputs[2] if len(inputs) > 2 else None
        for own_x, own_w, own_bias, own_y in per_sample(x, w, bias, y):
            self._run(self.taps or self._fold(own_w[0, 0]), own_x, own_y, work)
            if own_bias is not None:
                own_y += own_bias[0]
            clamp(own_y, self.low, self.high)

    def _run(self, taps: Taps, x: Array, y: Array, work: Workspace) -> None:
        count = x.shape[0] * x.shape[1]
        if x.size == 0 or y.size == 0:
            return
        images = asymmetric(x.reshape(count, -1))
        codes = (images.codes - images.zero[:, None]).reshape(count, *x.shape[2:])
        reals = y.reshape(count, *y.shape[2:])
        dtype = taps.phases[0].dtype
        sums = spare = None
        for block in self.place.blocks(codes, dtype, 0.0, work.take):
            out = reals[block.first : block.last, block.top : block.bottom]
            if sums is None:
                sums, spare = work.take(out.shape, dtype), taps.spare(out.shape, dtype, work)
            acc = sums[: out.shape[0], : out.shape[1]]
            taps.sums(block, acc, spare)
            scales = images.scale[block.first : block.last, None, None, None] * self.scales
            np.multiply(acc.astype(np.float32, copy=False), scales, out=out)
