"""TFLM's functions of one operand."""

from __future__ import annotations

import math

import numpy as np

from refinterp.verdicts.node import (
    Node,
    Operand,
    is_quantized,
    need,
    rank,
    refuse,
    runs_on,
    same_shape,
    same_type,
    types,
)
from refinterp.verdicts.table import tflm
from refinterp.verdicts.tflm.parts import scale, zero_point_is


def _pair(node: Node) -> tuple[Operand, Operand]:
    node.counts(1, 1)
    return node.x(), node.y()


@tflm("RELU", "RELU6")
def relu(node: Node) -> None:
    """Cut off below zero, and above six."""
    x = node.x()
    y = node.y() if node.name == "RELU" else node.y(aborts=True)
    if node.name == "RELU" and x.dtype == "int16":
        zero_point_is(x, 0)
        zero_point_is(y, 0)
    runs_on(x, "float32", "int8", "int16")


@tflm("ABS", "RSQRT")
def abs_(node: Node) -> None:
    """Absolute values, and one over the root."""
    x, y = _pair(node)
    same_type(x, y)
    if x.dtype == "int8" or (x.dtype == "int16" and x.affine):
        is_quantized(x)
        is_quantized(y)
        if x.dtype == "int16":
            zero_point_is(x, 0)
            zero_point_is(y, 0)
    runs_on(x, "float32", "int8", "int16")


@tflm("SIN", "COS", "LOG", "SQRT", "SQUARE")
def real(node: Node) -> None:
    """Functions of reals."""
    x, y = _pair(node)
    same_type(x, y)
    runs_on(x, "float32")


@tflm("LOGICAL_NOT")
def logical_not(node: Node) -> None:
    """Not."""
    x, y = _pair(node)
    same_type(x, y)
    runs_on(x, "bool")


@tflm("EXP", "ROUND")
def exp(node: Node) -> None:
    """Functions of reals whose results have the same shape."""
    if node.name == "EXP":
        x, y = _pair(node)
    else:
        x, y = node.x(), node.y()
        node.counts(1, 1)
    types(x, "float32")
    same_type(y, x)
    same_shape(y, x)


@tflm("CEIL")
def ceil(node: Node) -> None:
    """Upwards."""
    x, y = node.x(), node.y()
    node.counts(1, 1)
    types(x, "float32")
    same_type(y, x)
    same_shape(y, x)


@tflm("FLOOR")
def floor(node: Node) -> None:
    """Downwards."""
    x = node.x(aborts=True)
    node.y(aborts=True)
    runs_on(x, "float32")


@tflm("NEG")
def neg(node: Node) -> None:
    """The negative: types are found out in a run."""
    x = node.x(aborts=True)
    node.y(aborts=True)
    runs_on(x, "float32")


@tflm("ELU")
def elu(node: Node) -> None:
    """ELU."""
    x, y = _pair(node)
    same_type(x, y)
    runs_on(x, "float32", "int8")


@tflm("LEAKY_RELU")
def leaky_relu(node: Node) -> None:
    """LEAKY_RELU."""
    x, y = _pair(node)
    same_type(x, y)
    runs_on(x, "float32", "int8", "int16")


@tflm("HARD_SWISH")
def hard_swish(node: Node) -> None:
    """HARD_SWISH."""
    x, y = _pair(node)
    if x.dtype == "int8":
        with np.errstate(all="ignore"):
            factor = float(np.float32(np.float32(1 / 128) * np.float32(scale(x)))
                           / np.float32(scale(y)))  # fmt: skip
        exponent = math.frexp(factor)[1] if math.isfinite(factor) and factor else 0
        if exponent > 0:
            refuse("multiplier", f"the scale of {x.label} over 128 times that of {y.label} is "
                   f"{factor:.9g}; allowed: less than 1")  # fmt: skip
    runs_on(x, "float32", "int8")


def _power_of_two(value: float) -> int | None:
    """Its exponent, None where it is none, as CheckedLog2 has it."""
    if not value > 0:
        return None
    exponent = float(np.log(np.float32(value)) * np.float32(1 / math.log(2)))
    whole = round(exponent)
    return whole if abs(exponent - whole) < 1e-3 else None


def _curve(node: Node, x: Operand, y: Operand) -> None:
    same_type(x, y)
    if x.dtype == "int16":
        zero_point_is(x, 0)
        zero_point_is(y, 0)
        if _power_of_two(scale(y)) != -15:
            refuse("scales", f"{y.label} has scale {scale(y):.9g}; allowed: 1/32768")
    runs_on(x, "float32", "int8", "int16")


@tflm("LOGISTIC")
def logistic(node: Node) -> None:
    """LOGISTIC."""
    x, y = node.x(), node.y()
    if x.dtype == y.dtype == "int8":
        zero_point_is(y, -128)
    _curve(node, x, y)


@tflm("TANH")
def tanh(node: Node) -> None:
    """TANH."""
    x, y = _pair(node)
    _curve(node, x, y)


@tflm("SOFTMAX")
def softmax(node: Node) -> None:
    """SOFTMAX."""
    x, y = _pair(node)
    need(x.rank >= 1, "rank", f"{x.label} has no dimension; allowed: 1 or more")
    if x.dtype == "int16":
        types(y, "int16")
        zero_point_is(x, 0)
        zero_point_is(y, 0)
        _near(y, 1 / 32768)
    elif x.dtype == "int8":
        _steep(x, float(node.option("beta", 0.0)))
        if y.dtype == "int16":
            zero_point_is(y, -32768)
            _near(y, 1 / 65536)
        else:
            types(y, "int8")
            zero_point_is(y, -128)
            need(scale(y) == 1 / 256, "scales",
                 f"{y.label} has scale {scale(y):.9g}; allowed: 1/256")  # fmt: skip
    else:
        types(x, "float32", "int8", "int16")
        types(y, "float32")


def _steep(x: Operand, beta: float) -> None:
    """A step of the input is not so small that its factor is 1 or less: that ends the process."""
    real = float(np.float32(beta)) * scale(x) * 2**26
    if not real > 1:
        refuse("scales", f"{x.label} has scale {scale(x):.9g} and beta is {beta:.9g}; their "
               "product must be more than 2**-26", aborts=True)  # fmt: skip


def _near(y: Operand, wanted: float) -> None:
    if abs(scale(y) - wanted) > 0.001 * wanted:
        refuse("scales", f"{y.label} has scale {scale(y):.9g}; allowed: 1/{round(1 / wanted)}")


@tflm("LOG_SOFTMAX")
def log_softmax(node: Node) -> None:
    """LOG_SOFTMAX."""
    x, y = _pair(node)
    same_type(x, y)
    same_shape(x, y)
    if x.dtype == "int8":
        need(scale(y) == 16 / 256, "scales", f"{y.label} has scale {scale(y):.9g}; allowed: 1/16")
        zero_point_is(y, 127)
        _steep(x, 1.0)
    runs_on(x, "float32", "int8")


@tflm("L2_NORMALIZATION")
def l2_normalization(node: Node) -> None:
    """L2_NORMALIZATION."""
    x, y = _pair(node)
    rank(x, 0, 4)
    types(y, "float32", "int8")
    same_type(x, y)
    activation = node.option("fused_activation_function", "NONE")
    need(activation == "NONE", "options", f"the activation is {activation}; allowed: NONE")


@tflm("PRELU")
def prelu(node: Node) -> None:
    """PRELU."""
    x, alpha, y = node.x(0), node.x(1), node.y()
    if y.dtype == "int16":
        types(alpha, "int8")
    runs_on(x, "float32", "int8", "int16")
    for operand in (x, alpha, y):
        need(operand.rank <= 6, "rank",
             f"{operand.label} has {operand.rank} dimensions; allowed: up to 6",
             aborts=True, stage="invoke")  # fmt: skip


@tflm("CAST")
def cast(node: Node) -> None:
    """CAST."""
    x, y = _pair(node)
    runs_on(x, "int8", "int16", "int32", "uint32", "float32", "bool")
    runs_on(y, "int8", "int16", "int32", "uint32", "float32", "bool")


@tflm("DEQUANTIZE")
def dequantize(node: Node) -> None:
    """Codes to reals."""
    x, y = _pair(node)
    types(x, "int8", "int16", "uint8")
    types(y, "float32")


_REQUANTIZED = {
    "float32": ("int8", "int16"),
    "int32": ("int8", "int16"),
    "int16": ("int8", "int16", "int32"),
    "int8": ("int8", "uint8", "int16", "int32"),
    "uint8": ("int8",),
}
"""What QUANTIZE makes of which type."""


@tflm("QUANTIZE")
def quantize(node: Node) -> None:
    """Reals, or other codes, to codes."""
    x, y = _pair(node)
    is_quantized(y)
    need(y.scales.size == 1, "scales", f"{y.label} has {y.scales.size} scales; allowed: 1")
    types(x, *_REQUANTIZED)
    types(y, "int8", "int16", "int32", "uint8")
    runs_on(y, *_REQUANTIZED[x.dtype])


@tflm("ZEROS_LIKE")
def zeros_like(node: Node) -> None:
    """Zeros."""
    x, _ = _pair(node)
    runs_on(x, "int64", "int32", "int8", "float32")


@tflm("CUMSUM")
def cumsum(node: Node) -> None:
    """Running sums."""
    from refinterp.verdicts.node import below_one
    from refinterp.verdicts.tflm.parts import quotient

    node.counts(2, 1)
    x, axis = node.x(0, aborts=True), node.x(1, aborts=True)
    y = node.y(aborts=True)
    types(x, "float32", "int8")
    types(axis, "int32")
    need(axis.size == 1, "shapes", f"{axis.label} has {axis.size} elements; allowed: 1")
    need(x.rank >= 1, "rank", f"{x.label} has no dimension; allowed: 1 or more")
    same_type(x, y)
    same_shape(x, y)
    if y.dtype == "int8":
        below_one(quotient(scale(x), 2 * scale(x)), f"half of the scale of {x.label} over itself")
        below_one(
            quotient(2 * scale(x), 2**20 * scale(y)),
            f"the scale of {x.label} over 2**19 times that of {y.label}",
        )
    value = axis.integers()
    if value is not None:
        at = value[0] + x.rank if value[0] < 0 else value[0]
        need(0 <= at < x.rank, "axis", f"the axis is {value[0]}; allowed: {-x.rank} to "
             f"{x.rank - 1}", stage="invoke")  # fmt: skip
