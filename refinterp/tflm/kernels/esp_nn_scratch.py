"""Scratch bytes of ESP-NN's convolutions on the chips whose assembly wants any.

Source    ESP-NN at d45b843ca (1.2.3): `esp_nn_get_conv_scratch_size_esp32s3` (convolution/
          esp_nn_conv_esp32s3.c), `…_esp32p4` (esp_nn_conv_esp32p4.c) and
          `esp_nn_get_depthwise_conv_scratch_size_esp32s3` (esp_nn_depthwise_conv_s8_esp32s3.c).
          The generic kernels, and depthwise on the P4, take none.
Units     sizes in elements, results in bytes; pads are those before the first element.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_L1 = 32768  # bytes of the P4's first-level cache that its convolution plans for
_S3_WHOLE: Final = 40 * 1024  # bytes up to which the S3 pads a whole input, in int8
_S3_WHOLE_16: Final = 48 * 1024  # and in int16


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a convolution on int8: everything the scratch rules look at.

    width, height, channels: of the input, in elements.
    filter_width, filter_height: of the filter.
    out_width, out_height, out_channels: of the result.
    stride_width, stride_height: elements the window moves by.
    pad_width, pad_height: elements before the first.
    multiplier: results per input channel of a depthwise convolution; 1 for others.
    """

    width: int
    height: int
    channels: int
    filter_width: int
    filter_height: int
    out_width: int
    out_height: int
    out_channels: int
    stride_width: int
    stride_height: int
    pad_width: int
    pad_height: int
    multiplier: int = 1

    @property
    def pointwise(self) -> bool:
        """Whether it is 1x1, unpadded, of stride 1."""
        return (
            self.filter_width == self.filter_height == 1
            and self.pad_width == self.pad_height == 0
            and self.stride_width == self.stride_height == 1
        )


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple


def _pointwise(s: Shape, margin: int) -> int:
    """Both chips: weights with channels padded to 8, the input likewise, a transpose buffer."""
    channels = _up(s.channels, 8)
    transpose = 2 * 8 * channels if s.width * s.height >= 8 else 0
    padded = s.width * s.height * channels if s.channels % 8 else 0
    return padded + channels * s.out_channels + transpose + margin


def conv_s3(s: Shape) -> int:
    """esp_nn_get_conv_scratch_size_esp32s3."""
    margin = 64
    if s.pointwise:
        return _pointwise(s, margin)
    row = s.filter_width * s.channels
    taps = row * s.filter_height
    if row < 16 <= taps:
        aligned = _up(taps, 16)
        return s.out_channels * 4 + 16 + s.out_channels * aligned + 16 + aligned + margin
    padded = 0
    if s.pad_width or s.pad_height:
        padded = (s.width + 2 * s.pad_width) * (s.height + 2 * s.pad_height) * s.channels
    weights = s.filter_width * s.filter_height * _up(s.channels, 16) * s.out_channels
    aligned_weights = _up(row, 16) * s.filter_height * s.out_channels
    right = max(0, s.out_width * s.stride_width + s.filter_width - 1 - s.width)
    below = max(0, s.out_height * s.stride_height + s.filter_height - 1 - s.height)
    boundary = (s.width + right) * (s.height + below) * s.channels if right or below else 0
    return padded + weights + aligned_weights + boundary + margin + 4 * s.out_channels


def conv_p4(s: Shape) -> int:
    """esp_nn_get_conv_scratch_size_esp32p4."""
    margin = 32
    if s.pointwise:
        if s.channels < 16:
            return 4 * s.out_channels + 16 * s.out_channels + 32 + margin
        return _pointwise(s, margin)
    sums = 4 * s.out_channels
    taps = s.filter_width * s.filter_height
    unpadded = s.pad_width == s.pad_height == 0
    if unpadded and s.filter_width * s.channels >= 16:
        return taps * _up(s.channels, 16) * s.out_channels + margin + sums
    if taps * s.channels >= 16:
        return sums + taps * s.channels + margin
    few = _up((16 + s.filter_width - 1) // s.filter_width, 16)
    if unpadded:
        return sums + taps * few * s.out_channels + s.width * s.height * few + margin
    width = s.width + 2 * s.pad_width
    whole = width * (s.height + 2 * s.pad_height) * s.channels
    if whole + sums <= _L1:
        return whole + taps * _up(s.channels, 16) * s.out_channels + margin + sums
    return _tiled_p4(s, width, few) + margin + sums


def _tiled_p4(s: Shape, width: int, few: int) -> int:
    """The padded input in strips that fit the cache, and the weights where they are padded."""
    narrow = s.filter_width * s.channels < 16
    channels = few if narrow else s.channels
    weights = s.filter_width * s.filter_height * channels * s.out_channels if narrow else 0
    row = width * channels
    budget = _L1 - 4 * s.out_channels - weights
    strips = 1
    if budget > 0 and s.filter_height * row <= budget:
        strips = (budget - s.filter_height * row) // (s.stride_height * row) + 1
        strips = min(strips, s.out_height)
    rows = (strips - 1) * s.stride_height + s.filter_height + 2 * s.pad_height
    return rows * row + weights


def depthwise_s3(s: Shape) -> int:
    """esp_nn_get_depthwise_conv_scratch_size_esp32s3."""
    taps = s.filter_width * s.filter_height
    weights = taps * s.channels * s.multiplier
    pixels = s.width * s.height
    if s.multiplier == 1 and s.channels % 8 == 0:
        if (s.filter_width, s.filter_height) == (3, 3):
            return _depthwise_3x3_s3(s, weights)
        whole = 2 * (weights + pixels * s.channels)
        if whole <= _S3_WHOLE_16:
            return whole + 32
        return 2 * weights + 2 * s.width * s.filter_height * s.channels + 32
    if s.multiplier == 1 and s.channels > 3:
        channels = _up(s.channels, 8)
        at = _up(2 * taps * channels, 16)
        at = _up(at + 2 * pixels * channels, 16)
        at = _up(at + s.out_width * s.out_height * channels, 16)
        return at + 3 * 4 * channels + 16
    if s.multiplier % 4 == 0:
        return 2 * (weights + pixels * s.channels) + 32
    return 32


def _depthwise_3x3_s3(s: Shape, weights: int) -> int:
    if s.channels % 16 == 0:
        if s.pad_width or s.pad_height:
            right, below = 2 * s.pad_width, 2 * s.pad_height
        else:
            right = s.out_width * s.stride_width + 2 - s.width
            below = s.out_height * s.stride_height + 2 - s.height
        if not right and not below:
            return weights + 16
        whole = (s.width + right) * (s.height + below) * s.channels
        strip = (s.width + right) * s.filter_height * s.channels
        return weights + (whole if whole <= _S3_WHOLE else strip) + 16
    if s.channels < 12:
        return 2 * (weights + s.width * s.height * s.channels) + 32
    channels = _up(s.channels, 16)
    right = 2 * s.pad_width + max(0, s.out_width * s.stride_width + 2 - s.width)
    below = 2 * s.pad_height + max(0, s.out_height * s.stride_height + 2 - s.height)
    padded = (s.width + right) * (s.height + below) * channels
    return 9 * channels + padded + s.out_width * s.out_height * channels + 64
