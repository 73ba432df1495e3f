"""LiteRT's operators that repeat elements or make them."""

from __future__ import annotations

import math

from refinterp.verdicts.checks import elements, has_dimensions, rank, refuse, same_type, types
from refinterp.verdicts.common import broadcasts_to
from refinterp.verdicts.litert.parts import same_marks, sized, sizes_fit, zeros_are_zero
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import litert


@litert("TILE")
def tile(node: Node) -> None:
    """TILE."""
    node.counts(2, 1)
    x, y, times = node.x(0), node.y(), node.x(1)
    same_type(x, y)
    types(times, "int32", "int64")
    if times.constant:
        elements(times, x.rank)
    sized(x)


@litert("FILL")
def fill(node: Node) -> None:
    """FILL."""
    node.counts(2, 1)
    dims, value, y = node.x(0), node.x(1), node.y()
    rank(dims, 1)
    types(dims, "int32", "int64")
    rank(value, 0)
    same_marks(y, value)
    if value.dtype == "int16":
        zeros_are_zero(value)
    wanted = dims.integers()
    if wanted is not None and not min(wanted, default=0) >= 0:
        refuse("values", f"{dims.label} holds {wanted}; allowed: 0 or more")
    sized(value, "int4")


@litert("BROADCAST_TO")
def broadcast_to(node: Node) -> None:
    """BROADCAST_TO."""
    node.counts(2, 1)
    x, shape, y = node.x(0, aborts=True), node.x(1, aborts=True), node.y(aborts=True)
    types(shape, "int32", "int64")
    same_type(x, y)
    wanted = shape.integers()
    if shape.constant:
        rank(shape, 1)
        wanted = wanted or []
        if x.rank > len(wanted):
            refuse(
                "shapes", f"{x.label} has shape {list(x.shape)}, and {shape.label} holds {wanted}"
            )
        broadcasts_to(x, wanted)
        sizes_fit(wanted, "the shape")
        if len(wanted) > 8:
            refuse(
                "rank",
                f"{shape.label} has {len(wanted)} elements; allowed: 8",
                aborts=True,
                stage="invoke",
            )


@litert("RANGE")
def range_(node: Node) -> None:
    """RANGE."""
    node.counts(3, 1)
    start, limit, delta = (node.x(i) for i in range(3))
    node.y()
    for x in (start, limit, delta):
        rank(x, 0)
    types(start, "float32", "int32", "int64")
    same_type(limit, start)
    same_type(delta, start)
    values = [x.value for x in (start, limit, delta)]
    if all(value is not None for value in values):
        first, last, step = (float(value.reshape(-1)[0]) for value in values if value is not None)
        if not (step != 0 and not math.isnan(step)):
            refuse("values", "the step is 0; allowed: another number")
        if not (last - first) * step >= 0:
            refuse("values", f"from {first:g} to {last:g} in steps of {step:g} leads nowhere")


@litert("MATRIX_DIAG")
def matrix_diag(node: Node) -> None:
    """MATRIX_DIAG."""
    node.counts(1, 1)
    x = node.x()
    node.y()
    has_dimensions(x)


@litert("MATRIX_SET_DIAG")
def matrix_set_diag(node: Node) -> None:
    """MATRIX_SET_DIAG."""
    node.counts(2, 1)
    x = node.x()
    node.x(1, aborts=True)
    node.y()
    if x.rank < 2:
        refuse("rank", f"{x.label} has {x.rank} dimensions; allowed: 2 or more")
