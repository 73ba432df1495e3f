"""What TFLM's kernels took otherwise until February 2023.

Source    tflite-micro of 2023-02-27 as Arduino's library has it at 7948b85e0: `conv_common`,
          `depthwise_conv_common`, `transpose_conv`, `cmsis_nn/`; its CMSIS-NN.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from refinterp.tflm.footprint import Footprint
from refinterp.tflm.kernels import older_2023_buffers as buffers
from refinterp.tflm.kernels.cmsis_nn import convolution
from refinterp.tflm.kernels.older_2024_05 import as_convolution, transpose_conv
from refinterp.tflm.kernels.reference_recurrent import lstm, svdf
from refinterp.tflm.kernels.reference_weights import multipliers, unpacked
from refinterp.tflm.operation import TflmOperation

_COLUMNS: Final = "columns of the input"


def conv_2d(op: TflmOperation) -> None:
    """Prepare of CONV_2D."""
    x, simd = op["i0"], op.profile.target.simd
    op.temps("i0 i1 o0")
    conv = convolution(op, x.shape[3])
    unpacked(op, "i1")
    if x.dtype in ("int8", "int16"):
        multipliers(op, op["i1"].shape[0])
    op.temps("i0 i1 i2 o0")
    if x.dtype in ("int8", "int16"):
        rule = buffers.conv_s8 if x.dtype == "int8" else buffers.conv_s16
        size = rule(conv, simd)
        if size:
            op.scratch(size, _COLUMNS)


def depthwise_conv_2d(op: TflmOperation) -> None:
    """Prepare of DEPTHWISE_CONV_2D."""
    x = op["i0"]
    op.temps("i0 i1 o0")
    if x.dtype in ("int8", "int16"):
        multipliers(op, op["i1"].shape[3])
    unpacked(op, "i1")
    op.temps("i0 i1 i2 o0")
    if x.dtype == "int8":
        conv = convolution(op, op["o0"].shape[3])
        size = buffers.depthwise_s8(conv, op.profile.target.simd)
        if size:
            op.scratch(size, _COLUMNS)


def fully_connected(op: TflmOperation) -> None:
    """Prepare of FULLY_CONNECTED: no kernel sums are kept."""
    op.temps("i0 i1 i2 o0")
    if op["i0"].dtype == "int8":
        as_convolution(op)
    unpacked(op, "i1")


_TRANSPOSE_CONV: Final = Footprint(
    "TRANSPOSE_CONV", "TfLiteTransposeConvParams", "OpDataTransposeConv",
    prepare=transpose_conv, measured=True,
)  # fmt: skip
_LSTM: Final = Footprint(
    "UNIDIRECTIONAL_SEQUENCE_LSTM", "TfLiteUnidirectionalSequenceLSTMParams", "OpDataLSTM",
    prepare=lstm, measured=True,
)  # fmt: skip

LAYER: Final = MappingProxyType(
    {
        "cmsis_nn": (
            Footprint("CONV_2D", "TfLiteConvParams", "CmsisOpDataConv", prepare=conv_2d,
                      measured=True),
            Footprint("DEPTHWISE_CONV_2D", "TfLiteDepthwiseConvParams", "CmsisOpDataConv",
                      prepare=depthwise_conv_2d, measured=True),
            Footprint("FULLY_CONNECTED", "TfLiteFullyConnectedParams", "CmsisOpDataFullyConnected",
                      prepare=fully_connected, measured=True),
            Footprint("SVDF", "TfLiteSVDFParams", "OpDataSvdf", prepare=svdf, measured=True),
            _TRANSPOSE_CONV,
            _LSTM,
        ),
    }
)  # fmt: skip
"""Library → rows that were otherwise."""
