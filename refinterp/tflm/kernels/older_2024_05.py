"""What TFLM's kernels took otherwise until May 2024.

Source    tflite-micro as Zephyr's module has it at 48613f7ba: `concatenation`,
          `fully_connected_common`, `cmsis_nn/fully_connected` and `cmsis_nn/transpose_conv`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from refinterp.tflm.footprint import Footprint
from refinterp.tflm.kernels import cmsis_nn_buffers as buffers
from refinterp.tflm.kernels.reference_weights import (
    batch_matmul,
    multipliers,
    quantized_weights,
    transpose_conv_data,
    unpacked,
)
from refinterp.tflm.operation import TflmOperation

NEVER_READ: Final = 1 << 40
"""As `unread`: all of the latest temporary, because nothing is written before it is given back."""


def concatenation(op: TflmOperation) -> None:
    """Prepare of CONCATENATION: int8 keeps a scale and a zero point of every input."""
    count = len(op.operator.inputs)
    op.temps("i0 o0")
    op.require(count <= 10, f"it has {count} inputs, at most 10 are supported")
    inputs = " ".join(f"i{i}" for i in range(count))
    op.temps(f"{inputs} o0")
    if op["o0"].dtype == "int8":
        op.keep(4 * count, "scale of every input")
        op.keep(4 * count, "zero point of every input")
        op.temps(inputs)


def fully_connected(op: TflmOperation) -> None:
    """Prepare of FULLY_CONNECTED in reference kernels: a scale per channel is refused."""
    op.temps("i0 i1 i2 o0")
    unpacked(op, "i1")


def fully_connected_cmsis_nn(op: TflmOperation) -> None:
    """Prepare of FULLY_CONNECTED: more than two dimensions run as a convolution of 1x1."""
    op.temps("i0 i1 i2 o0")
    w, bias = op["i1"], op.get("i2")
    if op["i0"].dtype == "int8" and w.dtype != "int4" and not as_convolution(op):
        size = buffers.fully_connected_s8(op["o0"].shape[-1], op.profile.target.simd)
        if size and w.constant and (bias is None or bias.constant):
            op.keep(size, "kernel sums")
        elif size:
            op.scratch(size, "kernel sums")


def as_convolution(op: TflmOperation) -> bool:
    """Keep multipliers and shifts, which a run fills, where a convolution does the work."""
    outputs = op["o0"].shape
    if len(outputs) <= 2 or op["i1"].shape[-1] % 4:
        return False
    op.keep(4 * outputs[-1], "multiplier for each output", unread=NEVER_READ)
    op.keep(4 * outputs[-1], "shift for each output", unread=NEVER_READ)
    return True


def transpose_conv(op: TflmOperation) -> None:
    """Prepare of TRANSPOSE_CONV in both libraries: sums of the whole output."""
    x, y = op["i2"], op["o0"]
    op.temps("o0 i2 i1")
    multipliers(op, op["i1"].shape[0])
    if x.dtype in ("int8", "int16"):
        op.scratch((4 if x.dtype == "int8" else 8) * y.elements, "sums before they are requantized")
        quantized_weights(op, "i1", 0, zeros=True)
    transpose_conv_data(op)


_CONCATENATION: Final = Footprint(
    "CONCATENATION", "TfLiteConcatenationParams", "OpDataConcatenation",
    prepare=concatenation, measured=True,
)  # fmt: skip

LAYER: Final = MappingProxyType(
    {
        "reference": (
            _CONCATENATION,
            Footprint("FULLY_CONNECTED", "TfLiteFullyConnectedParams", "OpDataFullyConnected",
                      prepare=fully_connected),
        ),
        "cmsis_nn": (
            Footprint("BATCH_MATMUL", "TfLiteBatchMatMulParams", "OpDataBatchMatmul",
                      prepare=batch_matmul, measured=True),
            Footprint("FULLY_CONNECTED", "TfLiteFullyConnectedParams", "CmsisOpDataFullyConnected",
                      prepare=fully_connected_cmsis_nn, measured=True),
            Footprint("TRANSPOSE_CONV", "TfLiteTransposeConvParams", "CmsisOpDataTransposeConv",
                      prepare=transpose_conv, measured=True),
        ),
    }
)  # fmt: skip
"""Library → rows that were otherwise."""
