"""What TFLM's kernels refused otherwise until February, and until January, 2023.

Sources: Prepare of each kernel in tflite-micro as Arduino's library (7948b85e0) and
Chirale_TensorFLowLite 2.0.0 (46da2f989) have it.
"""

from __future__ import annotations

from typing import Final

from refinterp.verdicts.checks import below_one, rank, refuse, runs_on, same_type, types
from refinterp.verdicts.common import fused_activation, operand, output_count, quotient
from refinterp.verdicts.node import Node
from refinterp.verdicts.older.y2024 import UNSET, biased, pool, products, sums, symmetric
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.tflm.parts import (
    activation_range,
    scale,
    size_at,
    strides_not_zero,
)
from refinterp.verdicts.tflm.weights import convolution_scales, scales_fit

_REAL: Final = "float32"
_CODES: Final = ("int8", "int16")


# until February 2023


def fully_connected_2023(node: Node) -> None:
    """FULLY_CONNECTED: of several scales the first is taken."""
    x, w, bias, y = node.x(0), node.x(1), operand(node, 2), node.y()
    same_type(x, y)
    products(node, x, w, bias, y)


def conv_2d(node: Node) -> None:
    """CONV_2D: most types are found out in a run; uint8 ends the process."""
    _convolution(node, node.x(0), size_at(node.x(1), 0))


def depthwise_conv_2d(node: Node) -> None:
    """DEPTHWISE_CONV_2D: the same."""
    x, w = node.x(0), node.x(1)
    if x.dtype in _CODES:
        scales_fit(w, size_at(w, 3))
    _convolution(node, x, size_at(w, 3))


def _convolution(node: Node, x: Operand, channels: int) -> None:
    y, w = node.y(), node.x(1)
    node.counts((2, 3), 1)
    strides_not_zero(node)
    biased(node)
    if x.dtype != _REAL:
        if x.dtype not in _CODES:
            refuse(
                "types",
                f"{x.label} is of {x.dtype}, {UNSET}; allowed: float32, int8, int16",
                aborts=True,
            )
        symmetric(x, y)
        convolution_scales(x, w, y, channels, fused_activation(node))
    runs_on(w, *((_REAL,) if x.dtype == _REAL else ("int8", "int4")))
    runs_on(y, x.dtype)


def transpose_conv(node: Node) -> None:
    """TRANSPOSE_CONV: int16 without a bias ends the process."""
    if node.x(2).dtype == "int16":
        biased(node, 3)
    transpose_conv_unbiased(node)


def transpose_conv_unbiased(node: Node) -> None:
    """TRANSPOSE_CONV: hybrid models are found out in a run."""
    y, x, w = node.y(), node.x(2), node.x(1)
    channels = size_at(w, 0)
    if x.dtype in _CODES:
        scales_fit(w, channels)
    node.counts((3, 4), 1)
    strides_not_zero(node)
    if x.dtype != _REAL:
        convolution_scales(x, w, y, channels, fused_activation(node))
    runs_on(w, _REAL if x.dtype == _REAL else "int8")
    runs_on(x, _REAL, *_CODES)


def add(node: Node) -> None:
    """ADD: nothing is asked of int32."""
    a, b = node.x(0), node.x(1)
    y = sums(node)
    if a.dtype == "int16":
        symmetric(a, b, y)
    runs_on(y, _REAL, *_CODES)


def div(node: Node) -> None:
    """DIV."""
    a, b, y = node.x(0), node.x(1), node.y()
    same_type(a, b)
    same_type(a, y)
    if y.dtype == "int8":
        activation_range(y, fused_activation(node))
    runs_on(y, _REAL, "int8")


def squared_difference(node: Node) -> None:
    """SQUARED_DIFFERENCE: int16 is found out in a run."""
    node.counts(2, 1)
    a, b, y = node.x(0), node.x(1), node.y()
    same_type(a, b)
    if a.dtype == "int8":
        twice = 2 * max(scale(a), scale(b))
        for x in (a, b):
            below_one(quotient(scale(x), twice), f"the scale of {x.label} over twice the larger")
        below_one(
            quotient(twice * twice, 2**14 * scale(y)),
            f"four times the larger scale squared over 2**14 times that of {y.label}",
        )
    runs_on(y, _REAL, "int32", "int8")


def select_v2(node: Node) -> None:
    """SELECT_V2: of single elements it forgets to give its temporaries back."""
    node.counts(3, 1)
    condition, a, b, y = node.x(0), node.x(1), node.x(2), node.y()
    types(condition, "bool")
    same_type(a, b)
    if condition.size == a.size == b.size == y.size == 1:
        refuse(
            "shapes",
            "its operands have one "
            "element each, for which its Prepare leaves temporary tensors allocated, and "
            "AllocateTensors fails",
        )
    runs_on(a, _REAL, *_CODES)


# until January 2023


def pool_2023_01(node: Node) -> None:
    """Pools: int16 is found out in a run."""
    pool(node)
    runs_on(node.x(), _REAL, "int8")


def lstm(node: Node) -> None:
    """UNIDIRECTIONAL_SEQUENCE_LSTM: 20 or 24 inputs; int8 wants five intermediate tensors."""
    output_count(node, 1)
    if len(node.inputs) not in (20, 24):
        refuse("operands", f"it has {len(node.inputs)} inputs; allowed: 20 or 24")
    x, y = node.x(0), node.y()
    for position in (2, 3, 4, 6, 7, 8, 13, 14, 15):
        node.x(position, aborts=True)
    rank(x, 3)
    rank(y, 3)
    for position in (18, 19):
        state = node.x(position)
        if not state.variable:
            refuse("variables", f"{state.label} must be a variable")
    integer = x.dtype == "int8"
    for position in (12, 13, 14, 15):
        bias = operand(node, position)
        if bias is not None:
            types(bias, "int32" if integer else _REAL)
    count = len(node.operator.intermediates)
    if integer and count != 5:
        refuse("operands", f"it has {count} intermediate tensors; allowed: 5")
    runs_on(node.x(4), _REAL, "int8", "uint8")
