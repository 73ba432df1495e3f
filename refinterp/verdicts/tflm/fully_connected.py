"""TFLM's products of matrices."""

from __future__ import annotations

import math

from refinterp.verdicts.checks import elements, rank, refuse, runs_on, same_type, types
from refinterp.verdicts.common import fused_activation, matrices_fit, operand
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.table import tflm
from refinterp.verdicts.tflm.parts import activation_range, zero_point_is
from refinterp.verdicts.tflm.weights import bias_scale_fits, types_fit


@tflm("FULLY_CONNECTED")
def fully_connected(node: Node) -> None:
    """FULLY_CONNECTED."""
    x, w, bias, y = node.x(0), node.x(1), operand(node, 2), node.y()
    same_type(x, y)
    allowed = {"float32": ("float32",), "int8": ("int8", "int4"), "int16": ("int8",)}
    if x.dtype in allowed:
        types_fit(x, w, *((x.dtype, other) for other in allowed[x.dtype]))
    if x.dtype != "float32":
        if w.affine and w.scales.size > 1:
            if not (x.dtype in ("int8", "int16") and w.dtype != "int4"):
                refuse(
                    "scales",
                    f"{w.label} is of {w.dtype} and has {w.scales.size} scales, and {x.label} is "
                    f"of {x.dtype}; allowed: one scale",
                )
            along = w.extent(w.axis) if 0 <= w.axis < w.rank else 0
            if w.scales.size != along:
                refuse("scales", f"{w.label} has {w.scales.size} scales for {along} channels")
        else:
            bias_scale_fits(x, w, bias, y)
        activation_range(y, fused_activation(node))
    runs_on(x, "float32", "int8", "int16")


@tflm("BATCH_MATMUL")
def batch_matmul(node: Node) -> None:
    """BATCH_MATMUL."""
    node.counts(2, 1)
    a, b, y = node.x(0), node.x(1), node.y()
    types(a, "float32", "int8", "int16")
    types(b, "float32", "int8", "int16")
    same_type(a, b)
    same_type(a, y)
    rank(a, 2, 5)
    rank(b, 2, 5)
    if a.dtype == "int16":
        for x in (a, b, y):
            zero_point_is(x, 0)
    left, right = matrices_fit(node, a, b)
    rows = left[-1] if node.option("adj_x", False) else left[-2]
    columns = right[-2] if node.option("adj_y", False) else right[-1]
    wanted = tuple(max(i, j) for i, j in zip(left[:-2], right[:-2], strict=True))
    _result(y, (*wanted, rows, columns))


def _result(y: Operand, shape: tuple[int, ...]) -> None:
    """The result has as many elements as it will have, and no fewer dimensions."""
    if len(shape) > y.rank:
        refuse("rank", f"{y.label} has {y.rank} dimensions; allowed: {len(shape)}")
    count = math.prod(shape)
    elements(y, count)
