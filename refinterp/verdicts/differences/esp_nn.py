"""What esp-tflite-micro with ESP-NN does wrong."""

from __future__ import annotations

from typing import Final

from refinterp.verdicts.differences.conditions import no_bias, operand
from refinterp.verdicts.differences.difference import Difference
from refinterp.verdicts.node import Node
from refinterp.verdicts.verdict import ESP_NN

_ORIGIN: Final = (
    "esp-tflite-micro 99f49e149 with esp-nn d45b843ca, its C kernels compiled for x86-64; outputs "
    "of 276 models"
)


def _grouped(node: Node) -> bool:
    """Whether a convolution has groups and no dilation, with which the reference kernel runs."""
    x, weights = operand(node, 0), operand(node, 1)
    if x is None or weights is None or not x.rank == weights.rank == 4:
        return False
    steps = (node.option("dilation_w_factor", 1), node.option("dilation_h_factor", 1))
    return x.shape[3] != weights.shape[3] and steps == (1, 1)


ROWS: Final = (
    Difference(
        "esp-nn-conv-no-bias", "CONV_2D", ("int8",), (ESP_NN,), "aborts", "no bias",
        "reads the bias that is not there", "give the layer a bias of zeros", no_bias,
        origin=_ORIGIN,
    ),
    Difference(
        "esp-nn-conv-groups", "CONV_2D", ("int8",), (ESP_NN,), "differs",
        "groups, and no dilation",
        "computes an ungrouped convolution over the first bytes of the input, read with as many "
        "channels as the filter has; built without NDEBUG it aborts",
        "split the input and convolve each group by itself", _grouped, origin=_ORIGIN,
    ),
)  # fmt: skip
