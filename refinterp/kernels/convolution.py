"""What the convolutions of images share: options, shapes, and where the filter's window lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Weighted
from refinterp.graph.spec import TensorSpec
from refinterp.numerics.dynamic import Quantized, asymmetric
from refinterp.numerics.frames import FrameGrid
from refinterp.numerics.patches import PatchGrid
from refinterp.numerics.window import Window, window

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ConvolutionOptions:
    """What the schema tables of convolutions have in common; without dilation it is 1."""

    padding: str | int = "SAME"
    stride_w: int = 0
    stride_h: int = 0
    fused_activation_function: str | int = "NONE"
    dilation_w_factor: int = 1
    dilation_h_factor: int = 1


@dataclass(frozen=True, slots=True)
class Conv2DOptions(ConvolutionOptions):
    """Schema table Conv2DOptions."""

    quantized_bias_type: str | int = "float32"


@dataclass(frozen=True, slots=True)
class DepthwiseConv2DOptions(ConvolutionOptions):
    """Schema table DepthwiseConv2DOptions; the channel multiplier follows from the shapes."""


def windows(
    extents: Shape, kernel: Shape, options: ConvolutionOptions, where: str
) -> tuple[Window, Window]:
    """Place a filter (height, width) on an image (height, width); raises ModelError."""
    rows = window(
        options.padding,
        extents[0],
        kernel[0],
        options.stride_h,
        options.dilation_h_factor,
        where=f"{where} height",
    )
    columns = window(
        options.padding,
        extents[1],
        kernel[1],
        options.stride_w,
        options.dilation_w_factor,
        where=f"{where} width",
    )
    return rows, columns


def patch_grid(x: TensorSpec, w: TensorSpec, options: Conv2DOptions) -> PatchGrid:
    """Place the filter's window on the input; raises ModelError for shapes that cannot be."""
    channels, per_group = x.shape[3], w.shape[3]
    if 0 in (channels, per_group) or channels % per_group or w.shape[0] % (channels // per_group):
        raise ModelError(
            f"operand filter {w.name!r}: found {w.shape[0]} filters of {per_group} channels; "
            f"allowed: groups of them that divide the {channels} channels of the input"
        )
    rows, columns = windows(x.shape[1:3], w.shape[1:3], options, "CONV_2D")
    return PatchGrid(rows, columns, per_group)


def conv_output_shapes(operands: Weighted[TensorSpec], options: Conv2DOptions) -> tuple[Shape, ...]:
    """The output's shape."""
    x, w = operands.input, operands.filter
    place = patch_grid(x, w, options)
    return ((x.shape[0], place.rows.size, place.columns.size, w.shape[0]),)


def frame_grid(x: TensorSpec, w: TensorSpec, options: DepthwiseConv2DOptions) -> FrameGrid:
    """Place the filter's window on the input; raises ModelError for shapes that cannot be."""
    if w.shape[0] != 1:
        raise ModelError(
            "DEPTHWISE_CONV_2D needs a filter of shape [1, height, width, channels], got "
            f"{list(w.shape)}"
        )
    channels = x.shape[3]
    if channels == 0 or w.shape[3] % channels:
        raise ModelError(
            f"DEPTHWISE_CONV_2D: {w.shape[3]} output channels are not a multiple of {channels} "
            "input channels"
        )
    rows, columns = windows(x.shape[1:3], w.shape[1:3], options, "DEPTHWISE_CONV_2D")
    return FrameGrid(rows, columns, channels, w.shape[3] // channels)


def depthwise_output_shapes(
    operands: Weighted[TensorSpec], options: DepthwiseConv2DOptions
) -> tuple[Shape, ...]:
    """The output's shape."""
    x, w = operands.input, operands.filter
    place = frame_grid(x, w, options)
    return ((x.shape[0], place.rows.size, place.columns.size, w.shape[3]),)


def quantized_images(
    images: F32, quantize: Callable[[F32], Quantized] = asymmetric
) -> tuple[F32, F32]:
    """Quantize float32 images (count, ...) one by one.

    Returns their codes without zero point, in their shape, and the scales (count,).
    """
    rows = quantize(images.reshape(len(images), -1))
    return (rows.codes - rows.zero[:, None]).reshape(images.shape), rows.scale
