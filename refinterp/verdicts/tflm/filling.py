"""TFLM's operators that repeat elements or make them."""

from __future__ import annotations

from refinterp.verdicts.checks import is_constant, rank, refuse, runs_on, same_type, types
from refinterp.verdicts.common import broadcasts_to
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import tflm


@tflm("FILL")
def fill(node: Node) -> None:
    """FILL."""
    dims, value, y = node.x(0), node.x(1), node.y()
    rank(value, 0)
    same_type(value, y)
    is_constant(dims)
    rank(dims, 1)
    if dims.shape[0] != y.rank:
        refuse("shapes", f"{dims.label} has {dims.shape[0]} elements; allowed: {y.rank}")
    types(dims, "int8", "int16", "int32", "int64")
    wanted = dims.integers()
    if wanted is not None and tuple(wanted) != y.shape:
        refuse("shapes", f"{y.label} has shape {list(y.shape)}; allowed: {wanted}")
    runs_on(value, "float32", "int32", "int8")


@tflm("BROADCAST_TO")
def broadcast_to(node: Node) -> None:
    """BROADCAST_TO."""
    node.counts(2, 1)
    x, target, y = node.x(0, aborts=True), node.x(1, aborts=True), node.y(aborts=True)
    rank(x, 0, 5)
    types(target, "int32", "int64")
    same_type(x, y)
    is_constant(target)
    rank(target, 1)
    if y.rank != target.shape[0]:
        refuse("shapes", f"{y.label} has {y.rank} dimensions; allowed: {target.shape[0]}")
    if x.rank > y.rank:
        refuse("shapes", f"{x.label} has more dimensions than {y.label}")
    rank(y, 0, 5)
    wanted = target.integers()
    if wanted is not None:
        broadcasts_to(x, wanted)
        if tuple(wanted) != y.shape:
            refuse("shapes", f"{y.label} has shape {list(y.shape)}; allowed: {wanted}")
