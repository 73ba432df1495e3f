"""TFLM's operators that gather and look up."""

from __future__ import annotations

from refinterp.verdicts.checks import has_dimensions, rank, refuse, types
from refinterp.verdicts.common import batch_dimensions_agree
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import tflm
from refinterp.verdicts.tflm.parts import zero_point_is


@tflm("GATHER")
def gather(node: Node) -> None:
    """GATHER."""
    node.counts(2, 1)
    x, coords, y = node.x(0), node.x(1), node.y()
    types(coords, "int32")
    types(x, "float32", "int8")
    axis = int(node.option("axis", 0))
    at = axis + x.rank if axis < 0 else axis
    if not 0 <= at < x.rank:
        refuse("axis", f"the axis is {axis}; allowed: {-x.rank} to {x.rank - 1}")
    batch_dimensions_agree(node, x, coords, at)
    del y


@tflm("GATHER_ND")
def gather_nd(node: Node) -> None:
    """GATHER_ND."""
    node.counts(2, 1)
    x, indices = node.x(0), node.x(1)
    node.y()
    types(x, "float32", "int8")
    types(indices, "int32")
    has_dimensions(x)
    has_dimensions(indices)
    depth = indices.shape[-1]
    if depth > min(x.rank, 5):
        refuse(
            "shapes", f"{indices.label} has {depth} coordinates; allowed: up to {min(x.rank, 5)}"
        )


@tflm("EMBEDDING_LOOKUP")
def embedding_lookup(node: Node) -> None:
    """EMBEDDING_LOOKUP."""
    node.counts(2, 1)
    lookup = node.x(0)
    rank(lookup, 1)
    types(lookup, "int32")
    value = node.x(1)
    if value.rank < 2:
        refuse("rank", f"{value.label} has {value.rank} dimensions; allowed: 2 or more")
    types(value, "float32", "int8")
    y = node.y()
    types(y, *(("float32",) if value.dtype == "float32" else ("float32", "int8")))
    if y.rank < value.rank:
        refuse("rank", f"{y.label} has {y.rank} dimensions; allowed: {value.rank} or more")
    size = lookup.shape[0] if lookup.shape else 0
    for extent in value.shape[1:]:
        size *= extent
    for extent in y.shape[value.rank :]:
        size *= extent
    if size > y.size:
        refuse("shapes", f"{y.label} has {y.size} elements; {size} are needed")
    if value.dtype == "int8" and y.dtype == "float32":
        zero_point_is(value, 0)
