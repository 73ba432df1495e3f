"""LiteRT's elementwise operators of two operands, and sums of several."""

from __future__ import annotations

import numpy as np

from refinterp.verdicts.litert.parts import (
    CODES,
    activation_range,
    broadcast,
    power_of_two,
    quotient,
    sum_multipliers,
    zeros_are_zero,
)
from refinterp.verdicts.node import (
    Node,
    Operand,
    below_one,
    need,
    rank,
    runs_on,
    same_shape,
    same_type,
    types,
)
from refinterp.verdicts.table import litert


def _pair(node: Node) -> tuple[Operand, Operand, Operand]:
    """Two operands of one type that broadcast, and the result."""
    node.counts(2, 1)
    a, b, y = node.x(0), node.x(1), node.y()
    same_type(a, b)
    if a.shape != b.shape:
        broadcast(a, b)
    return a, b, y


def _few(most: int, *operands: Operand) -> None:
    """Operands of unlike shape have few enough dimensions, or the process ends."""
    if len({x.shape for x in operands}) == 1:
        return
    for x in operands:
        need(x.rank <= most, "rank", f"{x.label} has {x.rank} dimensions; allowed: up to {most}",
             aborts=True, stage="invoke")  # fmt: skip


def _activation(node: Node) -> str:
    return str(node.option("fused_activation_function", "NONE"))


@litert("ADD")
def add(node: Node) -> None:
    """Sums."""
    a, b, y = _pair(node)
    quantized = a.affine
    general = False
    if a.dtype == "int16" and quantized:
        zeros_are_zero(a, b, y)
        powers = [power_of_two(x.scale) for x in (a, b, y)]
        general = not node.option("pot_scale_int16", True) or None in powers
    if a.dtype in ("uint8", "int8") or general:
        sum_multipliers(a, b, y, 15 if general else 20)
        activation_range(y, a.dtype, _activation(node))
    elif a.dtype == "int16" and quantized:
        _shifts(a, b, y)
        activation_range(y, a.dtype, _activation(node))
        need(a.shape == b.shape, "shapes",
             f"{a.label} has shape {list(a.shape)} and {b.label} {list(b.shape)}, and scales are "
             "powers of two (pot_scale_int16); allowed: the same",
             aborts=True, stage="invoke")  # fmt: skip
    runs_on(a, "float32", "float16", "int32", "int64", *CODES)
    if a.dtype == "int16" and not quantized and y.affine:
        return
    _few(6, a, b)


def _shifts(a: Operand, b: Operand, y: Operand) -> None:
    """Scales that are powers of two: one is the result's, the other no larger."""
    powers = [power_of_two(x.scale) for x in (a, b, y)]
    for x, power in zip((a, b, y), powers, strict=True):
        need(power is not None, "scales",
             f"{x.label} has scale {x.scale:.9g}; allowed: a power of two")  # fmt: skip
    first, second = ((p or 0) - (powers[2] or 0) for p in powers[:2])
    need(max(first, second) == 0, "scales",
         f"{a.label}, {b.label} and {y.label} have scales 2**{powers[0]}, 2**{powers[1]} and "
         f"2**{powers[2]}; allowed: the larger of the inputs' is the output's")  # fmt: skip


@litert("SUB")
def sub(node: Node) -> None:
    """Differences."""
    a, b, y = _pair(node)
    general = False
    if a.dtype == "int16":
        zeros_are_zero(a, b, y)
        powers = [power_of_two(x.scale) for x in (a, b, y)]
        general = not node.option("pot_scale_int16", True) or None in powers
    if a.dtype in ("uint8", "int8") or general:
        low, high = {"uint8": (0, 255), "int8": (-128, 127), "int16": (-32768, 32767)}[a.dtype]
        for x in (a, b, y):
            need(low <= x.zero <= high, "zero points",
                 f"{x.label} has zero point {x.zero}; allowed: {low} to {high}")  # fmt: skip
        sum_multipliers(a, b, y, 15 if a.dtype == "int16" else 20, cap=False)
        activation_range(y, a.dtype, _activation(node))
    elif a.dtype == "int16":
        _shifts(a, b, y)
        activation_range(y, a.dtype, _activation(node))
    runs_on(a, "float32", "int32", "int64", *CODES)
    _few(6, a, b)


@litert("MUL")
def mul(node: Node) -> None:
    """Products."""
    a, b, y = _pair(node)
    quantized = y.affine
    if y.dtype in ("uint8", "int8") or (quantized and y.dtype == "int16"):
        activation_range(y, y.dtype, _activation(node))
    runs_on(y, "float32", "float16", "int32", "int64", "uint32", *CODES)
    if y.dtype in ("uint8", "int8") or (quantized and y.dtype == "int16"):
        ok = a.dtype in CODES and (
            (a.dtype == y.dtype) or (a.dtype == "int16" and y.dtype in ("uint8", "int8"))
        )
        need(ok, "types", f"{a.label} is of {a.dtype} and {y.label} of {y.dtype}; allowed: the "
             "same", stage="invoke")  # fmt: skip
        if a.dtype == y.dtype == "int16":
            zeros_are_zero(a, b, y)
    _few(6, a, b)


@litert("DIV")
def div(node: Node) -> None:
    """Quotients."""
    a, b, y = _pair(node)
    if a.dtype in CODES:
        activation_range(y, a.dtype, _activation(node))
    runs_on(a, "float32", "int32", *CODES)
    _few(6, a, b)


@litert("FLOOR_DIV")
def floor_div(node: Node) -> None:
    """Whole quotients."""
    a, b, _ = _pair(node)
    types(a, "float32", "int32", "int16", "int8")
    _few(6, a, b)


@litert("FLOOR_MOD")
def floor_mod(node: Node) -> None:
    """What remains of them."""
    a, b, _ = _pair(node)
    types(a, "int8", "int16", "int32", "float32", "int64")
    _few(6, a, b)


@litert("POW")
def pow_(node: Node) -> None:
    """Powers."""
    a, b, _ = _pair(node)
    types(a, "int32", "float32")
    powers = b.integers() if a.dtype == "int32" else None
    need(min(powers or [0]) >= 0, "values",
         f"{b.label} holds {min(powers or [0])}; allowed: 0 or more", stage="invoke")  # fmt: skip
    _few(6, a, b)


@litert("BITWISE_XOR", "RIGHT_SHIFT")
def bits(node: Node) -> None:
    """Operators on bits."""
    a, b, _ = _pair(node)
    allowed = ["uint8", "int8", "uint16", "int16", "uint32", "int32"]
    runs_on(a, *allowed)
    _few(6, a, b)


@litert("MAXIMUM", "MINIMUM")
def maximum(node: Node) -> None:
    """The larger or the smaller."""
    a, b, _ = _pair(node)
    runs_on(a, "float32", "uint8", "int8", "int32", "int64", "int16", "float16")
    _few(8, a, b)


@litert("SQUARED_DIFFERENCE")
def squared_difference(node: Node) -> None:
    """(a - b)**2."""
    a, b, y = _pair(node)
    if a.dtype == "int8":
        for x in (a, b, y):
            need(-128 <= x.zero <= 127, "zero points",
                 f"{x.label} has zero point {x.zero}; allowed: -128 to 127")  # fmt: skip
        twice = float(np.float32(2) * np.float32(max(a.scale, b.scale)))
        for x in (a, b):
            below_one(quotient(x.scale, twice), f"the scale of {x.label} over twice the larger")
        real = quotient(twice * twice, float(np.float32(2.0**14) * np.float32(y.scale)))
        below_one(real, f"the square of twice the larger scale over 2**14 times that of {y.label}")
    runs_on(a, "float32", "int32", "int8")
    _few(6, a, b)


@litert("ADD_N")
def add_n(node: Node) -> None:
    """The sum of several operands."""
    need(len(node.inputs) >= 2, "operands", f"it has {len(node.inputs)} inputs; allowed: 2 or more")
    need(len(node.outputs) == 1, "operands", f"it has {len(node.outputs)} outputs; allowed: 1")
    first = node.x(0)
    node.y()
    for position in range(1, len(node.inputs)):
        x = node.x(position)
        same_shape(first, x)
        same_type(first, x)
    runs_on(first, "float32", "int32")


@litert("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
def comparison(node: Node) -> None:
    """Truth values."""
    a, b, _ = _pair(node)
    allowed = ["float32", "float16", "int16", "int32", "int64", "uint8", "int8"]
    if node.name in ("EQUAL", "NOT_EQUAL"):
        allowed.append("bool")
    runs_on(a, *allowed)
    if a.dtype in ("uint8", "int8") or (a.dtype == "int16" and a.affine):
        for x in (a, b):
            need(x.scale > 0 and x.scale != 1, "scales",
                 f"{x.label} has scale {x.scale:.9g}; allowed: more than 0, and not 1",
                 aborts=True, stage="invoke")  # fmt: skip
    _few(6, a, b)


@litert("LOGICAL_AND", "LOGICAL_OR")
def logical(node: Node) -> None:
    """Truth values of truth values."""
    a, b, _ = _pair(node)
    types(a, "bool")
    _few(6, a, b)


@litert("ATAN2")
def atan2(node: Node) -> None:
    """Angles."""
    node.counts(2, 1)
    a, b, y = node.x(0), node.x(1), node.y()
    need(a.rank == b.rank, "rank", f"{a.label} has {a.rank} dimensions and {b.label} {b.rank}; "
         "allowed: as many")  # fmt: skip
    same_type(a, b)
    same_type(a, y)
    types(a, "float32", "float16")


@litert("SELECT", "SELECT_V2")
def select(node: Node) -> None:
    """One or the other."""
    node.counts(3, 1)
    condition, a, b = node.x(0), node.x(1), node.x(2)
    node.y()
    types(condition, "bool")
    same_type(a, b)
    if not condition.shape == a.shape == b.shape:
        if node.name == "SELECT":
            low = condition.rank == 0 or (
                condition.rank == 1 and a.rank > 0 and condition.shape[0] == a.shape[0]
            )
            need(low, "shapes", f"{condition.label} has shape {list(condition.shape)}; allowed: "
                 f"that of {a.label}, [], or one element per row of it")  # fmt: skip
            same_shape(a, b)
        else:
            shape = broadcast(condition, a, b)
            need(len(shape) <= 8, "rank", f"it has {len(shape)} dimensions; allowed: up to 8")


@litert("PRELU")
def prelu(node: Node) -> None:
    """PRELU."""
    node.counts(2, 1)
    x, alpha, y = node.x(0), node.x(1), node.y()
    del y
    shape = broadcast(x, alpha)
    need(shape == x.shape, "shapes", f"{x.label} has shape {list(x.shape)} and {alpha.label} "
         f"{list(alpha.shape)}; the first is not to be repeated")  # fmt: skip
    runs_on(x, "float32", *CODES)
    _few(6, x, alpha)


@litert("BROADCAST_ARGS")
def broadcast_args(node: Node) -> None:
    """BROADCAST_ARGS."""
    node.counts(2, 1)
    a, b, y = node.x(0), node.x(1), node.y()
    types(a, "int32", "int64")
    same_type(a, b)
    same_type(a, y)
    rank(a, 1)
    rank(b, 1)


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
