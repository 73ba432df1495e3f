"""What esp-tflite-micro's wrappers around ESP-NN take; the rest are TFLM's reference kernels.

Source    esp-tflite-micro at 99f49e149, `tensorflow/lite/micro/kernels/esp_nn/`. Scratch sizes:
          `esp_nn_scratch`.
Measured  esp-tflite-micro's own build with the generic kernels, and four models on ESP32 chips.
"""

from __future__ import annotations

from typing import Final

from refinterp.numerics.window import window
from refinterp.tflm.footprint import Footprint
from refinterp.tflm.kernels import reference_elements, reference_weights
from refinterp.tflm.kernels.esp_nn_scratch import Shape, conv_p4, conv_s3, depthwise_s3
from refinterp.tflm.operation import TflmOperation


def _shape(op: TflmOperation) -> Shape:
    x, w, y = op["i0"].shape, op["i1"].shape, op["o0"].shape
    strides = int(op.option("stride_h", 1)), int(op.option("stride_w", 1))
    dilation = int(op.option("dilation_h_factor", 1)), int(op.option("dilation_w_factor", 1))
    before = [
        window(
            op.option("padding", "SAME"), x[i], w[i], strides[i - 1], dilation[i - 1],
            where=op.where,
        ).before
        for i in (1, 2)
    ]  # fmt: skip
    return Shape(
        width=x[2], height=x[1], channels=x[3],
        filter_width=w[2], filter_height=w[1],
        out_width=y[2], out_height=y[1], out_channels=y[3],
        stride_width=strides[1], stride_height=strides[0],
        pad_width=before[1], pad_height=before[0],
        multiplier=int(op.option("depth_multiplier", 1)),
    )  # fmt: skip


def conv_2d(op: TflmOperation) -> None:
    """Prepare of CONV_2D."""
    reference_weights.conv_2d(op)
    rules = {"s3": conv_s3, "p4": conv_p4}
    rule = rules.get(op.profile.kernels.chip)
    if op["i0"].dtype == "int8" and rule is not None:
        op.scratch(rule(_shape(op)), "ESP-NN's copy of weights and input")


def depthwise_conv_2d(op: TflmOperation) -> None:
    """Prepare of DEPTHWISE_CONV_2D."""
    reference_weights.depthwise_conv_2d(op)
    if op["i0"].dtype == "int8" and op.profile.kernels.chip == "s3":
        op.scratch(depthwise_s3(_shape(op)), "ESP-NN's copy of weights and input")


def softmax(op: TflmOperation) -> None:
    """Prepare of SOFTMAX."""
    reference_elements.softmax(op)
    x = op["i0"]
    if x.dtype == op["o0"].dtype == "int8":
        op.require(x.rank > 1, f"{x} has rank 1, and its wrapper reads a second dimension")
        op.scratch(4 * x.shape[1], "one exponential per element")


ROWS: Final[tuple[Footprint, ...]] = (
    Footprint("CONV_2D", "TfLiteConvParams", "EspNodeDataConv", prepare=conv_2d, measured=True),
    Footprint("DEPTHWISE_CONV_2D", "TfLiteDepthwiseConvParams", "EspNodeDataConv",
              prepare=depthwise_conv_2d, measured=True),
    Footprint("SOFTMAX", "TfLiteSoftmaxParams", "EspNodeDataSoftmax",
              types=reference_weights.POOLED, prepare=softmax, measured=True),
)  # fmt: skip
