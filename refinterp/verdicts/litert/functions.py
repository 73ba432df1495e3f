"""LiteRT's functions of one operand."""

from __future__ import annotations

import math

import numpy as np

from refinterp.verdicts.litert.parts import CODES, power_of_two, zeros_are_zero
from refinterp.verdicts.node import (
    Node,
    Operand,
    is_quantized,
    need,
    rank,
    refuse,
    runs_on,
    same_type,
    types,
    zero_is,
)
from refinterp.verdicts.table import litert


def _pair(node: Node) -> tuple[Operand, Operand]:
    node.counts(1, 1)
    return node.x(), node.y()


def _alike(node: Node) -> tuple[Operand, Operand]:
    x, y = _pair(node)
    same_type(x, y)
    return x, y


@litert("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1")
def relu(node: Node) -> None:
    """Cut off."""
    x, y = _alike(node)
    if x.dtype == "int16":
        zeros_are_zero(x, y)
    runs_on(x, "float32", *(CODES if node.name in ("RELU", "RELU6") else ("uint8", "int8")))


@litert("LEAKY_RELU")
def leaky_relu(node: Node) -> None:
    """LEAKY_RELU."""
    x, y = _alike(node)
    if x.dtype == "int16":
        zeros_are_zero(x, y)
    runs_on(x, "float32", *CODES)


@litert("HARD_SWISH")
def hard_swish(node: Node) -> None:
    """HARD_SWISH."""
    x, y = _alike(node)
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
    x, y = _alike(node)
    _curve16(x, y)
    runs_on(x, "float32", "float16", *CODES)


@litert("LOGISTIC")
def logistic(node: Node) -> None:
    """LOGISTIC."""
    x, y = _alike(node)
    if x.dtype in ("uint8", "int8"):
        need(y.scale == 1 / 256, "scales", f"{y.label} has scale {y.scale:.9g}; allowed: 1/256")
    if x.dtype == "int16":
        need(y.scale == 1 / 32768, "scales", f"{y.label} has scale {y.scale:.9g}; allowed: 1/32768")
    _curve16(x, y)
    runs_on(x, "float32", "float16", *CODES)


def _curve16(x: Operand, y: Operand) -> None:
    if x.dtype == "int16":
        zeros_are_zero(x, y)
        need(power_of_two(y.scale) == -15, "scales",
             f"{y.label} has scale {y.scale:.9g}; allowed: 1/32768")  # fmt: skip


@litert("SOFTMAX")
def softmax(node: Node) -> None:
    """SOFTMAX."""
    x, y = _pair(node)
    need(x.rank >= 1, "rank", f"{x.label} has no dimension; allowed: 1 or more")
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
    x, y = _alike(node)
    if x.dtype in ("uint8", "int8"):
        need(y.scale == 16 / 256, "scales", f"{y.label} has scale {y.scale:.9g}; allowed: 1/16")
        zero_is(y, 255 if x.dtype == "uint8" else 127)
        _steep(x, 1.0)
    runs_on(x, "float32", "uint8", "int8")


@litert("ELU")
def elu(node: Node) -> None:
    """ELU."""
    x, _ = _alike(node)
    runs_on(x, "float32", "int8")


@litert("GELU")
def gelu(node: Node) -> None:
    """GELU."""
    x, _ = _alike(node)
    runs_on(x, "float32", "float16", *CODES)


_ELEMENTWISE = {
    "ABS": ("float32", "int8", "int16", "int32"),
    "SIN": ("float32", "float16"),
    "COS": ("float32", "float16"),
    "LOG": ("float32", "int8", "int16"),
    "SQRT": ("float32", "int8", "int16"),
    "RSQRT": ("float32", "int8", "int16"),
    "SQUARE": ("float32",),
    "LOGICAL_NOT": ("bool",),
}


@litert(*_ELEMENTWISE)
def elementwise(node: Node) -> None:
    """Functions of one element."""
    x, y = _alike(node)
    types(x, *_ELEMENTWISE[node.name])
    if x.dtype == "int8" or (x.dtype == "int16" and x.affine):
        is_quantized(x)
        is_quantized(y)
        if x.dtype == "int16":
            for operand in (x, y):
                need(
                    operand.first_zero == 0,
                    "zero points",
                    f"{operand.label} has zero point {operand.first_zero}; allowed: 0",
                )
    elif x.dtype == "int16" and node.name in ("LOG", "SQRT", "RSQRT"):
        refuse("quantization", f"{x.label} is not quantized; it must be", aborts=True,
               stage="invoke")  # fmt: skip


@litert("EXP")
def exp(node: Node) -> None:
    """EXP."""
    x, y = _pair(node)
    if x.dtype == "int16":
        zeros_are_zero(x, y)
    runs_on(x, "float32", "int8", "int16")


@litert("CEIL")
def ceil(node: Node) -> None:
    """Upwards."""
    x, _ = _pair(node)
    types(x, "float32")


@litert("FLOOR", "ROUND")
def floor(node: Node) -> None:
    """To a whole number."""
    x, _ = _pair(node)
    types(x, "float32", "float16")


@litert("NEG")
def neg(node: Node) -> None:
    """The negative."""
    x, _ = _pair(node)
    runs_on(x, "int64", "int32", "float32", "int8", "int16", "float16")


@litert("SIGN")
def sign(node: Node) -> None:
    """The sign."""
    need(len(node.inputs) == 1, "operands", f"it has {len(node.inputs)} inputs; allowed: 1")
    x, y = node.x(), node.y()
    same_type(x, y)
    runs_on(y, "float32", "int32")


@litert("L2_NORMALIZATION")
def l2_normalization(node: Node) -> None:
    """L2_NORMALIZATION."""
    x, y = _pair(node)
    need(x.rank >= 1, "rank", f"{x.label} has no dimension; allowed: 1 or more")
    types(y, "float32", "uint8", "int8")
    same_type(x, y)
    if y.dtype in ("uint8", "int8"):
        need(y.scale == 1 / 128, "scales", f"{y.label} has scale {y.scale:.9g}; allowed: 1/128")
        zero_is(y, 128 if y.dtype == "uint8" else 0)
    activation = node.option("fused_activation_function", "NONE")
    need(activation == "NONE", "options", f"the activation is {activation}; allowed: NONE")


@litert("LOCAL_RESPONSE_NORMALIZATION")
def local_response_normalization(node: Node) -> None:
    """LOCAL_RESPONSE_NORMALIZATION."""
    x, y = _pair(node)
    rank(x, 4)
    types(y, "float32")
    same_type(x, y)


_CAST = ("int64", "int32", "uint32", "uint16", "int16", "uint8", "int8", "float16", "float32",
         "bool")  # fmt: skip


@litert("CAST")
def cast(node: Node) -> None:
    """CAST."""
    x, y = _pair(node)
    runs_on(x, *_CAST, "int4", "int2", "uint4")
    runs_on(y, *(("float32",) if x.dtype in ("int4", "int2", "uint4") else _CAST))


@litert("DEQUANTIZE")
def dequantize(node: Node) -> None:
    """Codes to reals."""
    x, _ = _pair(node)
    types(x, "int2", "int4", "uint4", "uint8", "int8", "int16", "float16")
    if x.dtype == "int16":
        zero_is(x, 0)


_REQUANTIZED = {
    "float32": ("int8", "uint8", "int16", "int4"),
    "int32": ("int8", "int16"),
    "int16": ("int8", "int16", "int32"),
    "int8": ("int8", "uint8", "int16"),
    "uint8": ("int8", "uint8", "int16"),
}
"""What QUANTIZE makes of which type."""


@litert("QUANTIZE")
def quantize(node: Node) -> None:
    """Reals, or other codes, to codes."""
    x, y = _pair(node)
    is_quantized(y)
    types(x, *_REQUANTIZED)
    types(y, *_REQUANTIZED[x.dtype])


@litert("FAKE_QUANT")
def fake_quant(node: Node) -> None:
    """FAKE_QUANT."""
    _pair(node)
    need(not node.option("narrow_range", False), "options",
         "narrow_range is set; allowed: not")  # fmt: skip


@litert("ZEROS_LIKE")
def zeros_like(node: Node) -> None:
    """Zeros."""
    x, _ = _pair(node)
    runs_on(x, "int64", "int32", "float32")


@litert("BUCKETIZE")
def bucketize(node: Node) -> None:
    """BUCKETIZE."""
    x, _ = _pair(node)
    given = node.option("boundaries")
    bounds = [] if given is None else [float(bound) for bound in given]
    need(bounds == sorted(bounds), "options", "the boundaries are not in order")
    types(x, "int32", "float32", "int64")


@litert("CUMSUM")
def cumsum(node: Node) -> None:
    """Running sums."""
    node.counts(2, 1)
    x, axis = node.x(0, aborts=True), node.x(1, aborts=True)
    node.y(aborts=True)
    types(x, "int32", "float32", "int64")
    types(axis, "int32")
    need(axis.size == 1, "shapes", f"{axis.label} has {axis.size} elements; allowed: 1")
    need(x.rank >= 1, "rank", f"{x.label} has no dimension; allowed: 1 or more")
    value = axis.integers()
    if value is not None:
        at = value[0] + x.rank if value[0] < 0 else value[0]
        need(0 <= at < x.rank, "axis", f"the axis is {value[0]}; allowed: {-x.rank} to "
             f"{x.rank - 1}", stage="invoke")  # fmt: skip


_SIZES = {"int8": 1, "uint8": 1, "bool": 1, "int16": 2, "uint16": 2, "float16": 2, "int32": 4,
          "uint32": 4, "float32": 4, "int64": 8, "uint64": 8}  # fmt: skip


@litert("BITCAST")
def bitcast(node: Node) -> None:
    """The same bytes as another type."""
    x, y = _pair(node)
    types(x, *_SIZES)
    types(y, *_SIZES)
    before, after = _SIZES[x.dtype], _SIZES[y.dtype]
    if before < after:
        last = x.shape[-1] if x.rank else 0
        need(last == after // before, "shapes",
             f"{x.label} has rows of {last}; allowed: {after // before}")  # fmt: skip
