"""CONV_3D: every output channel is a weighted sum of a box of the input.

Real      y = clamp(sum(w * x) + bias)
Shapes    x (batch, depth, height, width, in), w (kernel depth, kernel height, kernel width, in,
          out), bias (out,) or omitted, y (batch, depth', height', width', out)
Raises    ModelError, from prepare only: ranks, channel counts, strides that do not fit together
Source    LiteRT kernels/conv3d.cc, internal/reference/conv3d.h (f67457790)
Exact to  LiteRT BUILTIN_REF within rounding of the sum; TFLM has no such operator
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.elementwise import operand, require_type
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import Array, Inputs, kernel
from refinterp.kernels.weighted import clamp, per_sample
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import real_bounds
from refinterp.numerics.window import Window, window

AXES = ("depth", "height", "width")


@dataclass(frozen=True, slots=True)
class Conv3DOptions:
    """Schema table Conv3DOptions."""

    padding: str | int = "SAME"
    stride_d: int = 0
    stride_w: int = 0
    stride_h: int = 0
    fused_activation_function: str | int = "NONE"
    dilation_d_factor: int = 1
    dilation_w_factor: int = 1
    dilation_h_factor: int = 1


@dataclass(frozen=True, slots=True)
class Box:
    """Where the windows of a convolution lie. extents: of the tensor they slide over."""

    windows: tuple[Window, Window, Window]
    extents: tuple[int, int, int]

    @classmethod
    def of(cls, extents: Shape, kernel: Shape, options: Conv3DOptions, where: str) -> Box:
        """Place a kernel (depth, height, width); raises ModelError for steps below 1."""
        strides = (options.stride_d, options.stride_h, options.stride_w)
        dilations = (
            options.dilation_d_factor, options.dilation_h_factor, options.dilation_w_factor,
        )  # fmt: skip
        depth, height, width = (
            window(options.padding, extents[i], kernel[i], strides[i], dilations[i], where=name)
            for i, name in enumerate(f"{where} {axis}" for axis in AXES)
        )
        return cls((depth, height, width), (extents[0], extents[1], extents[2]))

    @property
    def shape(self) -> Shape:
        """How often the windows fit along each axis."""
        return tuple(place.size for place in self.windows)

    def taps(self) -> Iterator[tuple[Shape, tuple[slice, ...], tuple[slice, ...]]]:
        """For each tap of the kernel: the elements it meets, and at which window positions."""
        for tap in product(*(range(place.kernel) for place in self.windows)):
            met = [
                _meeting(place, index, extent)
                for place, index, extent in zip(self.windows, tap, self.extents, strict=True)
            ]
            yield tap, tuple(elements for elements, _ in met), tuple(at for _, at in met)


def _meeting(place: Window, tap: int, extent: int) -> tuple[slice, slice]:
    """Which elements one tap meets inside the tensor, and at which positions of the window."""
    start = tap * place.dilation - place.before
    low = max(0, -(start // place.stride))
    high = max(low, min(place.size, -(-(extent - start) // place.stride)))
    begin = start + low * place.stride
    return slice(begin, begin + (high - low) * place.stride, place.stride), slice(low, high)


def check_volumes(x: TensorSpec, w: TensorSpec, channels_at: int, where: str) -> None:
    """Raise ModelError unless data and filter have five axes and as many input channels."""
    if len(x.shape) != 5 or len(w.shape) != 5 or x.shape[4] != w.shape[channels_at]:
        raise ModelError(
            f"{where} needs a 5-D input and filter of as many channels, got {list(x.shape)} and "
            f"{list(w.shape)}"
        )


def check_bias(bias: TensorSpec | None, channels: int, where: str) -> None:
    """Raise ModelError unless there is no bias, or one float32 number per channel."""
    if bias is None:
        return
    require_type(bias, "float32", role="bias")
    if bias.size != channels:
        raise ModelError(f"{where}: bias {bias.name!r} has {bias.size} values for {channels}")


def conv_3d_output_shapes(inputs: Inputs, options: Conv3DOptions) -> tuple[Shape, ...]:
    """The output's shape; `inputs` are data, filter and, possibly, bias."""
    x, w = operand(inputs, 0, "data"), operand(inputs, 1, "filter")
    check_volumes(x, w, 3, "CONV_3D")
    box = Box.of(x.shape[1:4], w.shape[:3], options, "CONV_3D")
    return ((x.shape[0], *box.shape, w.shape[4]),)


@kernel("CONV_3D", "float32", options=Conv3DOptions, weights=1)
@dataclass(frozen=True, slots=True)
class Conv3D:
    """The float32 kernel."""

    box: Box
    low: float
    high: float

    output_shapes = staticmethod(conv_3d_output_shapes)

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: Conv3DOptions, rule: Rules
    ) -> Conv3D:
        """Place the filter."""
        conv_3d_output_shapes(inputs, options)
        x, w = operand(inputs, 0, "data"), operand(inputs, 1, "filter")
        require_type(outputs[0], "float32", role="output")
        check_bias(inputs[2] if len(inputs) > 2 else None, w.shape[4], "CONV_3D")
        box = Box.of(x.shape[1:4], w.shape[:3], options, "CONV_3D")
        return cls(box, *real_bounds(options.fused_activation_function))

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y (S, batch, depth', height', width', out)."""
        x, w = inputs[0], inputs[1]
        bias, y = inputs[2] if len(inputs) > 2 else None, outputs[0]
        assert x is not None
        assert w is not None
        for own_x, own_w, own_bias, own_y in per_sample(x, w, bias, y):
            images = own_x.reshape(-1, *x.shape[2:])
            sums = np.zeros((len(images), *y.shape[2:]), np.float32)
            self._add(images, own_w[0], sums)
            if own_bias is not None:
                sums += own_bias[0].reshape(-1)
            clamp(sums, self.low, self.high)
            own_y[...] = sums.reshape(len(own_x), *y.shape[1:])

    def _add(self, x: NDArray[np.float32], w: NDArray[np.float32], y: NDArray[np.float32]) -> None:
        for tap, elements, at in self.box.taps():
            y[(slice(None), *at)] += x[(slice(None), *elements)] @ w[tap]
