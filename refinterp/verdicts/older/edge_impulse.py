"""What the kernels that Edge Impulse added refuse.

Source: Prepare of each kernel in Edge Impulse's SDK (0b8b16093).
"""

from __future__ import annotations

import math
from typing import Final

from refinterp.verdicts.checks import elements, is_constant, rank, refuse, runs_on, same_type, types
from refinterp.verdicts.common import (
    batch_dimensions_agree,
    input_count,
    matrices_fit,
    output_count,
)
from refinterp.verdicts.node import Node

_REAL: Final = "float32"
_CODES: Final = ("int8", "int16")


def select(node: Node) -> None:
    """SELECT: the condition has the others' shape, none, or one for the first dimension."""
    node.counts(3, 1)
    condition, a, b = node.x(0), node.x(1), node.x(2)
    types(condition, "bool")
    same_type(a, b)
    low = not condition.rank or condition.shape == a.shape[:1]
    single = condition.size == a.size == b.size == node.y().size == 1
    if not (single or condition.shape == a.shape == b.shape or (low and a.shape == b.shape)):
        refuse(
            "shapes",
            f"{condition.label} has shape {list(condition.shape)}; "
            f"allowed: that of {a.label}, or of its first dimension",
        )
    runs_on(a, _REAL, *_CODES)


def select_v2(node: Node) -> None:
    """SELECT_V2 as Edge Impulse mends it."""
    node.counts(3, 1)
    types(node.x(0), "bool")
    same_type(node.x(1), node.x(2))


def tile(node: Node) -> None:
    """TILE."""
    node.counts(2, 1)
    types(node.x(1), "int32", "int64")


def scatter_nd(node: Node) -> None:
    """SCATTER_ND."""
    node.counts(3, 1)
    indices, updates, shape = node.x(0), node.x(1), node.x(2)
    types(updates, _REAL, "uint8", "bool", "int8", "int64", "int32")
    same_type(indices, shape)
    is_constant(shape)
    types(indices, "int32")


def batch_matmul(node: Node) -> None:
    """BATCH_MATMUL: reals and int8, or reals times int8."""
    node.counts(2, 1)
    a, b = node.x(0), node.x(1)
    types(a, _REAL, "int8")
    types(b, _REAL, "int8")
    if not (a.dtype == _REAL and b.dtype == "int8"):
        same_type(a, b)
    rank(a, 2, 4)
    rank(b, 2, 4)
    left, right = matrices_fit(node, a, b)
    rows = left[-1] if node.option("adj_x", False) else left[-2]
    columns = right[-2] if node.option("adj_y", False) else right[-1]
    batches = math.prod(max(i, j) for i, j in zip(left[:-2], right[:-2], strict=True))
    elements(node.y(), batches * rows * columns)


def gather(node: Node) -> None:
    """GATHER: positions may be int64 too."""
    node.counts(2, 1)
    x, coords = node.x(0), node.x(1)
    types(coords, "int32", "int64")
    types(x, _REAL, "int8")
    axis = int(node.option("axis", 0))
    at = axis + x.rank if axis < 0 else axis
    if not 0 <= at < x.rank:
        refuse("axis", f"the axis is {axis}; allowed: {-x.rank} to {x.rank - 1}")
    batch_dimensions_agree(node, x, coords, at)


def reduce(node: Node) -> None:
    """Extremes and truth along axes."""
    input_count(node, 2)
    output_count(node, 1)
    types(node.x(1), "int32")
