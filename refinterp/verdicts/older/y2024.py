"""What TFLM's kernels refused otherwise until December, and until May, 2024.

Sources: Prepare of each kernel in tflite-micro as pico-tflmicro (dfea53b97) and Zephyr (48613f7ba)
have it.
"""

from __future__ import annotations

from typing import Final

from refinterp.verdicts.checks import (
    not_quantized,
    rank,
    refuse,
    runs_on,
    same_type,
    types,
)
from refinterp.verdicts.common import fused_activation, no_activation, operand
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.tflm.arithmetic import add
from refinterp.verdicts.tflm.convolutions import depthwise_conv_2d
from refinterp.verdicts.tflm.convolutions import transpose_conv as transpose_conv_now
from refinterp.verdicts.tflm.fully_connected import fully_connected
from refinterp.verdicts.tflm.parts import (
    activation_range,
    strides_not_zero,
    sum_multipliers,
    zero_point_is,
)
from refinterp.verdicts.tflm.weights import bias_scale_fits, types_fit

_REAL: Final = "float32"
_CODES: Final = ("int8", "int16")


def fully_connected_wrapped(node: Node) -> None:
    """FULLY_CONNECTED in CMSIS-NN's wrapper."""
    types(node.x(0), _REAL, *_CODES)
    fully_connected(node)


def add_wrapped(node: Node) -> None:
    """ADD in CMSIS-NN's wrapper."""
    a, b, y = node.x(0), node.x(1), node.y()
    same_type(a, y)
    types(a, _REAL, "int32", *_CODES)
    same_type(a, b)
    symmetric(a, b, y)
    add(node)


def depthwise_conv_2d_wrapped(node: Node) -> None:
    """DEPTHWISE_CONV_2D in CMSIS-NN's wrapper."""
    x, w, y = node.x(0), node.x(1), node.y()
    same_type(x, y)
    types(x, _REAL, *_CODES)
    types_fit(x, w, (_REAL, _REAL), ("int16", "int8"), ("int8", "int4"), ("int8", "int8"))
    symmetric(x, y)
    depthwise_conv_2d(node)


def symmetric(*operands: Operand) -> None:
    """Zero points of int16 are 0."""
    for x in operands:
        if x.dtype == "int16":
            zero_point_is(x, 0)


# until December 2024


def pool(node: Node) -> None:
    """Pools: scales may differ."""
    x = node.x()
    node.y()
    strides_not_zero(node)
    types(x, _REAL, *_CODES)


def prelu(node: Node) -> None:
    """PRELU."""
    x = node.x(0)
    node.x(1)
    node.y()
    runs_on(x, _REAL, "int8")


def relu(node: Node) -> None:
    """RELU: int16 is found out in a run."""
    x = node.x()
    node.y()
    runs_on(x, _REAL, "int8")


def sub(node: Node) -> None:
    """SUB: nothing is asked of int32."""
    sums(node)


def fill(node: Node) -> None:
    """FILL: the dimensions may be computed."""
    dims, value, y = node.x(0), node.x(1), node.y()
    rank(value, 0)
    same_type(value, y)
    wanted = dims.integers()
    if wanted is not None and tuple(wanted) != y.shape:
        refuse("shapes", f"{y.label} has shape {list(y.shape)}; allowed: {wanted}")
    runs_on(value, _REAL, "int32", "int8")


def fully_connected_2024_12(node: Node) -> None:
    """FULLY_CONNECTED in CMSIS-NN's wrapper: a scale per channel goes with int8 alone."""
    x, w = node.x(0), node.x(1)
    types(x, _REAL, *_CODES)
    if x.dtype != _REAL and w.affine and w.scales.size > 1 and x.dtype != "int8":
        refuse(
            "scales",
            f"{w.label} has {w.scales.size} scales, and {x.label} is of {x.dtype}; allowed: int8",
        )
    fully_connected(node)


def sums(node: Node) -> Operand:
    """Check scales of sums and differences; return the result."""
    a, b, y = node.x(0), node.x(1), node.y()
    if y.dtype in _CODES:
        sum_multipliers(a, b, y)
        activation_range(y, fused_activation(node))
    return y


# until May 2024


def concatenation(node: Node) -> None:
    """CONCATENATION: scales may differ."""
    first, y = node.x(0), node.y()
    no_activation(node)
    types(first, _REAL, *_CODES, "int32", "int64", "bool")
    same_type(y, first)
    if len(node.inputs) > 10:
        refuse("operands", f"it has {len(node.inputs)} inputs; allowed: 10")
    for position in range(len(node.inputs)):
        rank(node.x(position), 0, 5)


def add_2024_05(node: Node) -> None:
    """ADD: types are found out in a run."""
    a, b = node.x(0), node.x(1)
    y = sums(node)
    if a.dtype == "int16":
        symmetric(a, b, y)
    if y.dtype == "int32":
        not_quantized(a)
        not_quantized(b)
    runs_on(y, _REAL, "int32", *_CODES)


def biased(node: Node, position: int = 2) -> None:
    """A convolution has a bias."""
    if operand(node, position) is None:
        refuse(
            "operands",
            "it has no bias, and its Prepare writes through a null pointer without one: it crashes",
            aborts=True,
        )


def transpose_conv(node: Node) -> None:
    """TRANSPOSE_CONV: int16 without a bias ends the process."""
    if node.x(2).dtype == "int16":
        biased(node, 3)
    transpose_conv_now(node)


def depthwise_conv_2d_2024_05(node: Node) -> None:
    """DEPTHWISE_CONV_2D: no bias, or uint8, ends the process."""
    biased(node)
    x, y = node.x(0), node.y()
    if x.dtype not in (_REAL, *_CODES):
        refuse(
            "types",
            f"{x.label} is of {x.dtype}, {UNSET}; allowed: float32, int8, int16",
            aborts=True,
        )
    symmetric(x, y)
    depthwise_conv_2d(node)


UNSET: Final = (
    "for which its Prepare writes multipliers through a pointer that it never sets: it crashes"
)


def fully_connected_2024_05(node: Node) -> None:
    """FULLY_CONNECTED: weights have one scale, and types are found out in a run."""
    x, w, bias, y = node.x(0), node.x(1), operand(node, 2), node.y()
    same_type(x, y)
    if w.affine and w.scales.size != 1:
        refuse("scales", f"{w.label} has {w.scales.size} scales; allowed: 1")
    products(node, x, w, bias, y)


def products(node: Node, x: Operand, w: Operand, bias: Operand | None, y: Operand) -> None:
    """Check what every FULLY_CONNECTED asks of scales, and of types as it runs."""
    if x.dtype != _REAL:
        bias_scale_fits(x, w, bias, y)
        activation_range(y, fused_activation(node))
    symmetric(x, y)
    runs_on(x, _REAL, *_CODES)
    if x.dtype == "int8":
        runs_on(w, "int8", "int4")
