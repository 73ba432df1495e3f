"""Scratch bytes of CMSIS-NN's functions, as its `…_get_buffer_size` state them.

Source    CMSIS-NN at 4ab83cc, `Source/*/arm_*_get_buffer_sizes_*.c` and `arm_nnsupportfunctions.h`,
          as gcc compiles them (a compiler of Arm's takes more for 1x1 convolutions). The formulas
          are the same at 99f736a6.
Units     sizes in elements, results in bytes. Shapes are (batch, height, width, channels).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from refinterp.tflm.targets import Simd

_CHANNEL_BLOCK: Final = 124  # channels that a depthwise convolution on MVE takes at a time
_FULL_CONV_ABOVE: Final = 1  # output channels from which one input channel is a full convolution
_REVERSE_ABOVE: Final = 16  # input channels from which a transposed convolution runs reversed


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution's shapes and settings. filter: (height, width, channels).

    stride is (height, width); so are padding (before) and dilation.
    """

    x: tuple[int, int, int, int]
    filter: tuple[int, int, int]
    y: tuple[int, int, int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)


def conv_s8(conv: Conv, simd: Simd) -> int:
    """arm_convolve_wrapper_s8: 1x1 takes none, 1xN on MVE less than the rest."""
    _, height, _, channels = conv.x
    rows, _, depth = conv.filter
    whole = depth == channels
    if _pointwise(conv) and whole:
        return 0
    one_by_n = (
        height == 1
        and conv.dilation[1] == 1
        and rows == 1
        and conv.stride[1] * channels % 4 == 0
        and whole
    )
    if one_by_n and simd == "mve":
        return _conv_1_x_n_mve(conv)
    return columns_s8(conv.x[3], conv.filter, simd)


def _pointwise(conv: Conv) -> bool:
    return conv.filter[:2] == (1, 1) and conv.padding == (0, 0) and conv.dilation == (1, 1)


def columns_s8(channels: int, window: tuple[int, ...], simd: Simd) -> int:
    """arm_convolve_s8: columns of the input, four on MVE, else two widened to 16 bits."""
    length = window[0] * window[1] * channels
    if simd == "mve":
        return 4 * (-(-length // 16) * 16)
    return 2 * (-(-length // 4) * 4) * 2


def _conv_1_x_n_mve(conv: Conv) -> int:
    width, channels = conv.x[2], conv.x[3]
    kernel, stride, pad = conv.filter[1], conv.stride[1], conv.padding[1]
    total = (conv.y[2] - 1) * stride + kernel - width
    uneven = _remainder(total, 2)
    right = max(1, _quotient(pad + uneven + stride - 1, stride)) if pad + uneven else 0
    left = max(1, _quotient(pad + stride - 1, stride)) if pad else 0
    if right + max(conv.y[2] - (right + left), 0) + left != conv.y[2]:
        return columns_s8(channels, conv.filter, "mve")
    left_bytes = pad * channels
    right_bytes = right * channels if uneven else left_bytes
    elements = kernel * channels
    return max(elements + left_bytes, elements - channels + right_bytes)


def conv_s16(conv: Conv, simd: Simd) -> int:
    """arm_convolve_wrapper_s16."""
    length = conv.x[3] * conv.filter[0] * conv.filter[1]
    if simd == "mve":
        return 4 * (-(-length // 8) * 8) * 2
    return 2 * length * 2


def depthwise_s8(conv: Conv, simd: Simd) -> int:
    """arm_depthwise_conv_wrapper_s8; filter's channels are the output's."""
    rows, columns, _ = conv.filter
    if simd == "mve" and conv.x[3] == 1 and conv.y[3] > _FULL_CONV_ABOVE:
        full = Conv(conv.x, (rows, columns, 1), conv.y, conv.stride, conv.padding, conv.dilation)
        return conv_s8(full, "mve") + conv.filter[2] * rows * columns
    if not _plain(conv):
        return 0
    small = (rows, columns) == (3, 3) and max(conv.padding) <= 1
    if simd == "none" or (simd == "dsp" and small):
        return 0
    return _depthwise_columns(conv, simd)


def depends_on_stride(conv: Conv, simd: Simd) -> bool:
    """Whether `depthwise_s8` goes by the stride: one row of one channel on MVE, 1xN filters.

    TFLM's wrapper does not set the stride before it asks (`cmsis_nn/depthwise_conv.cc`, Prepare),
    so its own figure is whatever was in memory; ours is that of the operator's stride.
    """
    one_channel = simd == "mve" and conv.x[3] == 1 and conv.y[3] > _FULL_CONV_ABOVE
    one_row = conv.x[1] == conv.filter[0] == conv.dilation[1] == 1
    return one_channel and one_row and not _pointwise(conv)


def depthwise_s4(conv: Conv, simd: Simd) -> int:
    """arm_depthwise_conv_wrapper_s4: int4 weights."""
    return _depthwise_columns(conv, simd) if _plain(conv) else 0


def _plain(conv: Conv) -> bool:
    return conv.x[3] == conv.y[3] and conv.x[0] == 1 and conv.dilation == (1, 1)


def _depthwise_columns(conv: Conv, simd: Simd) -> int:
    taps = conv.filter[0] * conv.filter[1]
    return 4 * _CHANNEL_BLOCK * taps if simd == "mve" else 2 * conv.x[3] * taps


def _reversed(conv: Conv) -> bool:
    return max(conv.stride) <= 2 and conv.x[3] > _REVERSE_ABOVE


def transpose_conv_s8(conv: Conv, simd: Simd) -> int:
    """arm_transpose_conv_s8: a convolution's columns when it runs reversed, else rows of sums."""
    if _reversed(conv):
        return columns_s8(conv.x[3], conv.filter, simd)
    width = (conv.x[2] - 1) * conv.stride[1] + max(conv.filter[1], conv.stride[0])
    return 4 * width * conv.y[3] * max(conv.filter[0], conv.stride[0])


def transpose_conv_reversed_s8(conv: Conv) -> int:
    """arm_transpose_conv_s8: the filter turned round, when it runs reversed."""
    rows, columns, channels = conv.filter
    return channels * rows * columns * conv.y[3] if _reversed(conv) else 0


def fully_connected_s8(outputs: int, simd: Simd) -> int:
    """arm_fully_connected_s8: a kernel sum per output on MVE."""
    return 4 * outputs if simd == "mve" else 0


def average_pool(channels: int, simd: Simd) -> int:
    """arm_avgpool_s8 and _s16: a sum per channel with the DSP extension."""
    return 4 * channels if simd == "dsp" else 0


def svdf_s8(filters: int, simd: Simd) -> int:
    """arm_svdf_s8: a kernel sum per filter on MVE."""
    return 4 * filters if simd == "mve" else 0


def _quotient(a: int, b: int) -> int:
    """C's division: towards zero."""
    return abs(a) // b if a >= 0 else -(abs(a) // b)


def _remainder(a: int, b: int) -> int:
    return a - _quotient(a, b) * b
