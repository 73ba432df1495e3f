"""TFLM's activations and normalizations."""

from __future__ import annotations

import math

import numpy as np

from refinterp.verdicts.checks import (
    has_dimensions,
    rank,
    refuse,
    runs_on,
    same_shape,
    same_type,
    types,
)
from refinterp.verdicts.common import no_activation, one_to_one
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.table import tflm
from refinterp.verdicts.tflm.parts import scale, zero_point_is


@tflm("RELU", "RELU6")
def relu(node: Node) -> None:
    """Cut off below zero, and above six."""
    x = node.x()
    y = node.y() if node.name == "RELU" else node.y(aborts=True)
    if node.name == "RELU" and x.dtype == "int16":
        zero_point_is(x, 0)
        zero_point_is(y, 0)
    runs_on(x, "float32", "int8", "int16")


@tflm("ELU")
def elu(node: Node) -> None:
    """ELU."""
    x, y = one_to_one(node)
    same_type(x, y)
    runs_on(x, "float32", "int8")


@tflm("LEAKY_RELU")
def leaky_relu(node: Node) -> None:
    """LEAKY_RELU."""
    x, y = one_to_one(node)
    same_type(x, y)
    runs_on(x, "float32", "int8", "int16")


@tflm("PRELU")
def prelu(node: Node) -> None:
    """PRELU."""
    x, alpha, y = node.x(0), node.x(1), node.y()
    if y.dtype == "int16":
        types(alpha, "int8")
    runs_on(x, "float32", "int8", "int16")
    for operand in (x, alpha, y):
        if operand.rank > 6:
            refuse(
                "rank",
                f"{operand.label} has {operand.rank} dimensions; allowed: up to 6",
                aborts=True,
                stage="invoke",
            )


@tflm("HARD_SWISH")
def hard_swish(node: Node) -> None:
    """HARD_SWISH."""
    x, y = one_to_one(node)
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
    x, y = one_to_one(node)
    _curve(node, x, y)


@tflm("SOFTMAX")
def softmax(node: Node) -> None:
    """SOFTMAX."""
    x, y = one_to_one(node)
    has_dimensions(x)
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
            if scale(y) != 1 / 256:
                refuse("scales", f"{y.label} has scale {scale(y):.9g}; allowed: 1/256")
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
    x, y = one_to_one(node)
    same_type(x, y)
    same_shape(x, y)
    if x.dtype == "int8":
        if scale(y) != 16 / 256:
            refuse("scales", f"{y.label} has scale {scale(y):.9g}; allowed: 1/16")
        zero_point_is(y, 127)
        _steep(x, 1.0)
    runs_on(x, "float32", "int8")


@tflm("L2_NORMALIZATION")
def l2_normalization(node: Node) -> None:
    """L2_NORMALIZATION."""
    x, y = one_to_one(node)
    rank(x, 0, 4)
    types(y, "float32", "int8")
    same_type(x, y)
    no_activation(node)
