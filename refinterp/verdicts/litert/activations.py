"""LiteRT's activations and normalizations."""

from __future__ import annotations

import math

import numpy as np

from refinterp.verdicts.checks import (
    has_dimensions,
    rank,
    refuse,
    runs_on,
    same_type,
    types,
    zero_is,
)
from refinterp.verdicts.common import no_activation, one_to_one
from refinterp.verdicts.litert.parts import (
    CODES,
    broadcast,
    few_dimensions,
    power_of_two,
    same_types,
    zeros_are_zero,
)
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.table import litert


@litert("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1")
def relu(node: Node) -> None:
    """Cut off."""
    x, y = same_types(node)
    if x.dtype == "int16":
        zeros_are_zero(x, y)
    runs_on(x, "float32", *(CODES if node.name in ("RELU", "RELU6") else ("uint8", "int8")))


@litert("LEAKY_RELU")
def leaky_relu(node: Node) -> None:
    """LEAKY_RELU."""
    x, y = same_types(node)
    if x.dtype == "int16":
        zeros_are_zero(x, y)
    runs_on(x, "float32", *CODES)


@litert("HARD_SWISH")
def hard_swish(node: Node) -> None:
    """HARD_SWISH."""
    x, y = same_types(node)
    if y.dtype in ("uint8", "int8"):
        with np.errstate(all="ignore"):
            factor = float(
                np.float32(np.float32(1 / 128) * np.float32(x.scale)) / np.float32(y.scale)
            )
        if math.isfinite(factor) and factor and _exponent(factor) > 0:
            refuse("multiplier", f"the scale of {x.label} over 128 times that of {y.label} is "
                   f"{factor:.9g}; allowed: less than 1")  # fmt: skip
    runs_on(x, "float32", "uint8", "int8")


def _exponent(real: float) -> int:
    """The exponent QuantizeMultiplier gives it."""
    mantissa, exponent = math.frexp(real)
    return exponent + 1 if round(mantissa * 2**31) == 2**31 else (0 if exponent < -31 else exponent)


@litert("TANH")
def tanh(node: Node) -> None:
    """TANH."""
    x, y = same_types(node)
    _curve16(x, y)
    runs_on(x, "float32", "float16", *CODES)


@litert("LOGISTIC")
def logistic(node: Node) -> None:
    """LOGISTIC."""
    x, y = same_types(node)
    if x.dtype in ("uint8", "int8") and y.scale != 1 / 256:
        refuse("scales", f"{y.label} has scale {y.scale:.9g}; allowed: 1/256")
    if x.dtype == "int16" and y.scale != 1 / 32768:
        refuse("scales", f"{y.label} has scale {y.scale:.9g}; allowed: 1/32768")
    _curve16(x, y)
    runs_on(x, "float32", "float16", *CODES)


def _curve16(x: Operand, y: Operand) -> None:
    if x.dtype == "int16":
        zeros_are_zero(x, y)
        if power_of_two(y.scale) != -15:
            refuse("scales", f"{y.label} has scale {y.scale:.9g}; allowed: 1/32768")


@litert("SOFTMAX")
def softmax(node: Node) -> None:
    """SOFTMAX."""
    x, y = one_to_one(node)
    has_dimensions(x)
    if x.dtype == y.dtype == "int8":
        zero_is(y, -128)
        _near(y, 1 / 256)
    elif x.dtype == y.dtype == "int16":
        zero_is(y, 0)
        _near(y, 1 / 32768)
    if x.dtype in ("uint8", "int8"):
        _steep(x, float(node.option("beta", 0.0)))
    elif x.dtype == "int16":
        zeros_are_zero(x, y)
    runs_on(x, "float32", "float16", *CODES)
    if x.dtype == "uint8":
        runs_on(y, "uint8", "int16")
    if x.dtype == "int8":
        runs_on(y, "int8", "int16")


def _near(y: Operand, wanted: float) -> None:
    if not abs(y.scale - wanted) <= 0.001 * wanted:
        refuse("scales", f"{y.label} has scale {y.scale:.9g}; allowed: 1/{round(1 / wanted)}")


def _steep(x: Operand, beta: float) -> None:
    """A step of the input is not so small that its factor is 1 or less: that ends the process."""
    real = float(np.float32(beta)) * x.scale * 2**26
    if not real > 1:
        refuse("scales", f"{x.label} has scale {x.scale:.9g} and beta is {beta:.9g}; their product "
               "must be more than 2**-26", aborts=True)  # fmt: skip


@litert("LOG_SOFTMAX")
def log_softmax(node: Node) -> None:
    """LOG_SOFTMAX."""
    x, y = same_types(node)
    if x.dtype in ("uint8", "int8"):
        if y.scale != 16 / 256:
            refuse("scales", f"{y.label} has scale {y.scale:.9g}; allowed: 1/16")
        zero_is(y, 255 if x.dtype == "uint8" else 127)
        _steep(x, 1.0)
    runs_on(x, "float32", "uint8", "int8")


@litert("ELU")
def elu(node: Node) -> None:
    """ELU."""
    x, _ = same_types(node)
    runs_on(x, "float32", "int8")


@litert("GELU")
def gelu(node: Node) -> None:
    """GELU."""
    x, _ = same_types(node)
    runs_on(x, "float32", "float16", *CODES)


@litert("PRELU")
def prelu(node: Node) -> None:
    """PRELU."""
    node.counts(2, 1)
    x, alpha, y = node.x(0), node.x(1), node.y()
    del y
    shape = broadcast(x, alpha)
    if shape != x.shape:
        refuse(
            "shapes",
            f"{x.label} has shape {list(x.shape)} and {alpha.label} "
            f"{list(alpha.shape)}; the first is not to be repeated",
        )
    runs_on(x, "float32", *CODES)
    few_dimensions(6, x, alpha)


@litert("L2_NORMALIZATION")
def l2_normalization(node: Node) -> None:
    """L2_NORMALIZATION."""
    x, y = one_to_one(node)
    has_dimensions(x)
    types(y, "float32", "uint8", "int8")
    same_type(x, y)
    if y.dtype in ("uint8", "int8"):
        if y.scale != 1 / 128:
            refuse("scales", f"{y.label} has scale {y.scale:.9g}; allowed: 1/128")
        zero_is(y, 128 if y.dtype == "uint8" else 0)
    no_activation(node)


@litert("LOCAL_RESPONSE_NORMALIZATION")
def local_response_normalization(node: Node) -> None:
    """LOCAL_RESPONSE_NORMALIZATION."""
    x, y = one_to_one(node)
    rank(x, 4)
    types(y, "float32")
    same_type(x, y)
