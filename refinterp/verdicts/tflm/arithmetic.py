"""TFLM's elementwise operators of two operands, and sums of several."""

from __future__ import annotations

import numpy as np

from refinterp.verdicts.checks import (
    below_one,
    is_quantized,
    not_quantized,
    refuse,
    runs_on,
    same_shape,
    same_type,
    types,
)
from refinterp.verdicts.common import fused_activation, output_count, quotient
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.table import tflm
from refinterp.verdicts.tflm.parts import (
    activation_range,
    as_many,
    broadcast_rank,
    five_dimensions,
    scale,
    sum_multipliers,
    zero,
    zero_point_is,
)


@tflm("ADD", "SUB")
def add(node: Node) -> None:
    """Sums and differences."""
    a, b, y = node.x(0), node.x(1), node.y()
    if y.dtype in ("int8", "int16"):
        if node.name == "ADD":
            is_quantized(y)
        sum_multipliers(a, b, y)
        activation_range(y, fused_activation(node))
    if y.dtype == "int32":
        not_quantized(a)
        not_quantized(b)
        if node.name == "SUB":
            not_quantized(y)
    runs_on(y, "float32", "int32", "int8", "int16")
    as_many(y, a, b)
    broadcast_rank(node, 4, a, b, y)


@tflm("MUL")
def mul(node: Node) -> None:
    """Products."""
    a, b, y = node.x(0), node.x(1), node.y()
    node.counts(2, 1)
    same_type(a, b)
    if y.dtype in ("int8", "int16"):
        activation_range(y, fused_activation(node))
        if a.dtype == "int16":
            for x in (a, b, y):
                zero_point_is(x, 0)
    runs_on(a, "int8", "int16", "int32", "float32")
    as_many(y, a, b)
    broadcast_rank(node, 4, a, b, y)


@tflm("DIV")
def div(node: Node) -> None:
    """Quotients."""
    a, b, y = node.x(0), node.x(1), node.y()
    same_type(a, b)
    same_type(a, y)
    if y.dtype == "int8":
        activation_range(y, fused_activation(node))
    if y.dtype == "int32":
        not_quantized(a)
        not_quantized(b)
    runs_on(y, "float32", "int32", "int8")
    as_many(y, a, b)
    broadcast_rank(node, 4, a, b, y)


@tflm("FLOOR_DIV", "FLOOR_MOD")
def floor_div(node: Node) -> None:
    """Whole quotients and what remains."""
    node.counts(2, 1)
    a, b, y = node.x(0), node.x(1), node.y()
    same_type(a, b)
    same_type(a, y)
    runs_on(a, "float32")
    broadcast_rank(node, 4, a, b, y)


@tflm("MAXIMUM", "MINIMUM")
def maximum(node: Node) -> None:
    """The larger or the smaller."""
    a, b, y = node.x(0, aborts=True), node.x(1, aborts=True), node.y()
    runs_on(y, "float32", "int8", "int16", "int32", "int64")
    for x in (a, b, y):
        if x.rank > 6:
            refuse(
                "rank",
                f"{x.label} has {x.rank} dimensions; allowed: up to 6",
                aborts=True,
                stage="invoke",
            )


@tflm("SQUARED_DIFFERENCE")
def squared_difference(node: Node) -> None:
    """(a - b)**2."""
    node.counts(2, 1)
    a, b, y = node.x(0), node.x(1), node.y()
    same_type(a, b)
    if a.dtype == "int8":
        for x in (a, b, y):
            if not -128 <= zero(x) <= 127:
                refuse("zero points", f"{x.label} has zero point {zero(x)}; allowed: -128 to 127")
    if a.dtype == "int16":
        for x in (a, b, y):
            zero_point_is(x, 0)
    if a.dtype in ("int8", "int16"):
        twice = 2 * max(scale(a), scale(b))
        for x in (a, b):
            below_one(quotient(scale(x), twice), f"the scale of {x.label} over twice the larger")
    runs_on(y, "float32", "int32", "int8", "int16")
    broadcast_rank(node, 4, a, b, y)


@tflm("ADD_N")
def add_n(node: Node) -> None:
    """The sum of several operands."""
    if len(node.inputs) < 2:
        refuse("operands", f"it has {len(node.inputs)} inputs; allowed: 2 or more")
    output_count(node, 1)
    first, y = node.x(0), node.y()
    same_type(y, first)
    for position in range(1, len(node.inputs)):
        x = node.x(position)
        same_shape(first, x)
        same_type(first, x)
        if first.dtype == "int8" and (
            zero(first) != zero(x) or np.float32(scale(first)) != np.float32(scale(x))
        ):
            refuse(
                "scales",
                f"{first.label} and {x.label} have scales {scale(first):.9g} and {scale(x):.9g}, "
                f"zero points {zero(first)} and {zero(x)}; allowed: the same",
            )
    types(y, "float32", "int8")
    if y.dtype == "int8":
        twice = 2 * scale(first)
        below_one(quotient(scale(first), twice), f"half of the scale of {first.label} over itself")
        below_one(quotient(twice, 2**20 * scale(y)), f"the scale of {first.label} over 2**19 times "
                  f"that of {y.label}")  # fmt: skip


@tflm("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
def comparison(node: Node) -> None:
    """Truth values."""
    a, b = node.x(0), node.x(1)
    if a.dtype == "int8":
        for x in (a, b):
            below_one(scale(x), f"the scale of {x.label}")
    allowed = ["float32", "int32", "int64", "int8"]
    if node.name in ("EQUAL", "NOT_EQUAL"):
        allowed.insert(0, "bool")
    if node.name == "GREATER":
        allowed.append("int16")
    y = node.y(aborts=True)
    runs_on(a, *allowed)
    broadcast_rank(node, 4, a, b, y)


@tflm("LOGICAL_AND", "LOGICAL_OR")
def logical(node: Node) -> None:
    """Truth values of truth values: nothing is checked."""
    a, b, y = node.x(0, aborts=True), node.x(1, aborts=True), node.y(aborts=True)
    broadcast_rank(node, 4, a, b, y)


@tflm("SELECT_V2")
def select(node: Node) -> None:
    """One or the other."""
    node.counts(3, 1)
    c, a, b, y = (node.x(i, aborts=True) for i in range(3)), None, None, None
    condition, a, b = tuple(c)
    y = node.y(aborts=True)
    types(condition, "bool")
    same_type(a, b)
    same = condition.shape == a.shape == b.shape
    single = condition.size == a.size == b.size == y.size == 1
    if not same and not single:
        _broadcasts(condition, a, b, y)
    runs_on(a, "float32", "int8", "int16")
    if not same and not single:
        five_dimensions(condition, a, b, y)


def _broadcasts(*operands: Operand) -> None:
    """Three shapes repeat to the fourth."""
    *inputs, y = operands
    most = max(x.rank for x in inputs)
    if y.rank != most:
        refuse("rank", f"{y.label} has {y.rank} dimensions; allowed: {most}")
    for back in range(1, most + 1):
        sizes = [x.shape[-back] if back <= x.rank else 1 for x in inputs]
        wanted = 0 if min(sizes) == 0 else max(sizes)
        if any(size not in (1, wanted) for size in sizes):
            refuse("shapes", "its inputs have shapes "
                   + " and ".join(str(list(x.shape)) for x in inputs)
                   + ", which do not broadcast")  # fmt: skip
        if y.shape[-back] != wanted:
            refuse(
                "shapes", f"{y.label} has shape {list(y.shape)}; its inputs broadcast to another"
            )
