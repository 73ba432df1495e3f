"""LiteRT's elementwise operators of two operands, and sums of several."""

from __future__ import annotations

import numpy as np

from refinterp.verdicts.checks import below_one, refuse, runs_on, same_shape, same_type, types
from refinterp.verdicts.common import fused_activation, output_count, quotient
from refinterp.verdicts.litert.parts import (
    CODES,
    activation_range,
    broadcast_pair,
    few_dimensions,
    power_of_two,
    sum_multipliers,
    zeros_are_zero,
)
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.table import litert


@litert("ADD")
def add(node: Node) -> None:
    """Sums."""
    a, b, y = broadcast_pair(node)
    quantized = a.affine
    general = False
    if a.dtype == "int16" and quantized:
        zeros_are_zero(a, b, y)
        powers = [power_of_two(x.scale) for x in (a, b, y)]
        general = not node.option("pot_scale_int16", True) or None in powers
    if a.dtype in ("uint8", "int8") or general:
        sum_multipliers(a, b, y, 15 if general else 20)
        activation_range(y, a.dtype, fused_activation(node))
    elif a.dtype == "int16" and quantized:
        _shifts(a, b, y)
        activation_range(y, a.dtype, fused_activation(node))
        if a.shape != b.shape:
            refuse(
                "shapes",
                f"{a.label} has shape {list(a.shape)} and {b.label} {list(b.shape)}, and scales "
                "are powers of two (pot_scale_int16); allowed: the same",
                aborts=True,
                stage="invoke",
            )
    runs_on(a, "float32", "float16", "int32", "int64", *CODES)
    if a.dtype == "int16" and not quantized and y.affine:
        return
    few_dimensions(6, a, b)


def _shifts(a: Operand, b: Operand, y: Operand) -> None:
    """Scales that are powers of two: one is the result's, the other no larger."""
    powers = [power_of_two(x.scale) for x in (a, b, y)]
    for x, power in zip((a, b, y), powers, strict=True):
        if power is None:
            refuse("scales", f"{x.label} has scale {x.scale:.9g}; allowed: a power of two")
    first, second = ((p or 0) - (powers[2] or 0) for p in powers[:2])
    if max(first, second) != 0:
        refuse(
            "scales",
            f"{a.label}, {b.label} and {y.label} have scales 2**{powers[0]}, 2**{powers[1]} and "
            f"2**{powers[2]}; allowed: the larger of the inputs' is the output's",
        )


@litert("SUB")
def sub(node: Node) -> None:
    """Differences."""
    a, b, y = broadcast_pair(node)
    general = False
    if a.dtype == "int16":
        zeros_are_zero(a, b, y)
        powers = [power_of_two(x.scale) for x in (a, b, y)]
        general = not node.option("pot_scale_int16", True) or None in powers
    if a.dtype in ("uint8", "int8") or general:
        low, high = {"uint8": (0, 255), "int8": (-128, 127), "int16": (-32768, 32767)}[a.dtype]
        for x in (a, b, y):
            if not low <= x.zero <= high:
                refuse(
                    "zero points", f"{x.label} has zero point {x.zero}; allowed: {low} to {high}"
                )
        sum_multipliers(a, b, y, 15 if a.dtype == "int16" else 20, cap=False)
        activation_range(y, a.dtype, fused_activation(node))
    elif a.dtype == "int16":
        _shifts(a, b, y)
        activation_range(y, a.dtype, fused_activation(node))
    runs_on(a, "float32", "int32", "int64", *CODES)
    few_dimensions(6, a, b)


@litert("MUL")
def mul(node: Node) -> None:
    """Products."""
    a, b, y = broadcast_pair(node)
    quantized = y.affine
    if y.dtype in ("uint8", "int8") or (quantized and y.dtype == "int16"):
        activation_range(y, y.dtype, fused_activation(node))
    runs_on(y, "float32", "float16", "int32", "int64", "uint32", *CODES)
    if y.dtype in ("uint8", "int8") or (quantized and y.dtype == "int16"):
        ok = a.dtype in CODES and (
            (a.dtype == y.dtype) or (a.dtype == "int16" and y.dtype in ("uint8", "int8"))
        )
        if not ok:
            refuse(
                "types",
                f"{a.label} is of {a.dtype} and {y.label} of {y.dtype}; allowed: the same",
                stage="invoke",
            )
        if a.dtype == y.dtype == "int16":
            zeros_are_zero(a, b, y)
    few_dimensions(6, a, b)


@litert("DIV")
def div(node: Node) -> None:
    """Quotients."""
    a, b, y = broadcast_pair(node)
    if a.dtype in CODES:
        activation_range(y, a.dtype, fused_activation(node))
    runs_on(a, "float32", "int32", *CODES)
    few_dimensions(6, a, b)


@litert("FLOOR_DIV")
def floor_div(node: Node) -> None:
    """Whole quotients."""
    a, b, _ = broadcast_pair(node)
    types(a, "float32", "int32", "int16", "int8")
    few_dimensions(6, a, b)


@litert("FLOOR_MOD")
def floor_mod(node: Node) -> None:
    """What remains of them."""
    a, b, _ = broadcast_pair(node)
    types(a, "int8", "int16", "int32", "float32", "int64")
    few_dimensions(6, a, b)


@litert("POW")
def pow_(node: Node) -> None:
    """Powers."""
    a, b, _ = broadcast_pair(node)
    types(a, "int32", "float32")
    powers = b.integers() if a.dtype == "int32" else None
    if min(powers or [0]) < 0:
        refuse(
            "values", f"{b.label} holds {min(powers or [0])}; allowed: 0 or more", stage="invoke"
        )
    few_dimensions(6, a, b)


@litert("BITWISE_XOR", "RIGHT_SHIFT")
def bits(node: Node) -> None:
    """Operators on bits."""
    a, b, _ = broadcast_pair(node)
    allowed = ["uint8", "int8", "uint16", "int16", "uint32", "int32"]
    runs_on(a, *allowed)
    few_dimensions(6, a, b)


@litert("MAXIMUM", "MINIMUM")
def maximum(node: Node) -> None:
    """The larger or the smaller."""
    a, b, _ = broadcast_pair(node)
    runs_on(a, "float32", "uint8", "int8", "int32", "int64", "int16", "float16")
    few_dimensions(8, a, b)


@litert("SQUARED_DIFFERENCE")
def squared_difference(node: Node) -> None:
    """(a - b)**2."""
    a, b, y = broadcast_pair(node)
    if a.dtype == "int8":
        for x in (a, b, y):
            if not -128 <= x.zero <= 127:
                refuse("zero points", f"{x.label} has zero point {x.zero}; allowed: -128 to 127")
        twice = float(np.float32(2) * np.float32(max(a.scale, b.scale)))
        for x in (a, b):
            below_one(quotient(x.scale, twice), f"the scale of {x.label} over twice the larger")
        real = quotient(twice * twice, float(np.float32(2.0**14) * np.float32(y.scale)))
        below_one(real, f"the square of twice the larger scale over 2**14 times that of {y.label}")
    runs_on(a, "float32", "int32", "int8")
    few_dimensions(6, a, b)


@litert("ADD_N")
def add_n(node: Node) -> None:
    """The sum of several operands."""
    if len(node.inputs) < 2:
        refuse("operands", f"it has {len(node.inputs)} inputs; allowed: 2 or more")
    output_count(node, 1)
    first = node.x(0)
    node.y()
    for position in range(1, len(node.inputs)):
        x = node.x(position)
        same_shape(first, x)
        same_type(first, x)
    runs_on(first, "float32", "int32")


@litert("ATAN2")
def atan2(node: Node) -> None:
    """Angles."""
    node.counts(2, 1)
    a, b, y = node.x(0), node.x(1), node.y()
    if a.rank != b.rank:
        refuse(
            "rank", f"{a.label} has {a.rank} dimensions and {b.label} {b.rank}; allowed: as many"
        )
    same_type(a, b)
    same_type(a, y)
    types(a, "float32", "float16")


@litert("STABLEHLO_SHIFT_LEFT")
def shift_left(node: Node) -> None:
    """STABLEHLO_SHIFT_LEFT: shapes are not looked at."""
    node.counts(2, 1)
    a, b = node.x(0), node.x(1)
    node.y()
    same_type(a, b)
    runs_on(a, "int8", "int16", "int32")


@litert("STABLEHLO_ADD", "STABLEHLO_MULTIPLY", "STABLEHLO_MAXIMUM", "STABLEHLO_MINIMUM",
        "STABLEHLO_AND")  # fmt: skip
def stablehlo(node: Node) -> None:
    """StableHLO's operators of two operands of one shape."""
    node.counts(2, 1)
    a, b = node.x(0), node.x(1)
    same_type(a, b)
    same_shape(a, b)
    node.y()
