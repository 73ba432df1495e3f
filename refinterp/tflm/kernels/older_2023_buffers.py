"""Scratch bytes of CMSIS-NN's functions until February 2023, as `…_get_buffer_size` state them.

Source    CMSIS-NN as Arduino's library has it at 7948b85e0, `arm_convolve_wrapper_s8.c` and its
          like.
Units     as in `cmsis_nn_buffers`.
"""

from __future__ import annotations

from typing import Final

from refinterp.tflm.kernels.cmsis_nn_buffers import Conv
from refinterp.tflm.targets import Simd

_FAST_BELOW: Final = 512  # elements of a column up to which int16 products are summed in 32 bits
_CHANNEL_BLOCK: Final = 124


def conv_s8(conv: Conv, simd: Simd) -> int:
    """arm_convolve_wrapper_s8: no column is rounded up but on MVE; 1x1 takes none at stride 1."""
    rows, columns, _ = conv.filter
    ones = {(1, 1)}
    if (
        {(rows, columns), conv.stride, conv.dilation} == ones
        and conv.padding == (0, 0)
    ):  # fmt: skip
        return 0
    row = conv.x[1] == rows == conv.dilation[1] == 1 and conv.y[2] % 4 == 0
    length = conv.x[3] * rows * columns
    if simd != "mve":
        return 2 * length * 2
    return 0 if row else 4 * (-(-length // 8) * 8)


def conv_s16(conv: Conv, simd: Simd) -> int:
    """arm_convolve_wrapper_s16: with DSP, and short columns."""
    length = conv.x[3] * conv.filter[0] * conv.filter[1]
    fast = simd == "dsp" and length < _FAST_BELOW and conv.dilation == (1, 1)
    return 2 * length * 2 if fast else 0


def depthwise_s8(conv: Conv, simd: Simd) -> int:
    """arm_depthwise_conv_wrapper_s8: int8 data, whatever the weights."""
    plain = conv.x[3] == conv.y[3] and conv.x[0] == 1 and conv.dilation == (1, 1)
    if simd == "none" or not plain:
        return 0
    taps = conv.filter[0] * conv.filter[1]
    return 4 * _CHANNEL_BLOCK * taps if simd == "mve" else 2 * conv.x[3] * taps
