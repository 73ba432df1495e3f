"""What the convolutions of volumes share: where the windows lie, and checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.spec import TensorSpec
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
    """Raise ModelError unless data and filter have as many input channels."""
    if x.shape[4] != w.shape[channels_at]:
        raise ModelError(
            f"{where} needs an input and a filter of as many channels, got {list(x.shape)} and "
            f"{list(w.shape)}"
        )
