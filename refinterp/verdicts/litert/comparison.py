"""LiteRT's operators that compare, and that choose by a condition."""

from __future__ import annotations

from refinterp.verdicts.checks import need, runs_on, same_shape, same_type, types
from refinterp.verdicts.litert.parts import broadcast, broadcast_pair, few_dimensions
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import litert


@litert("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
def comparison(node: Node) -> None:
    """Truth values."""
    a, b, _ = broadcast_pair(node)
    allowed = ["float32", "float16", "int16", "int32", "int64", "uint8", "int8"]
    if node.name in ("EQUAL", "NOT_EQUAL"):
        allowed.append("bool")
    runs_on(a, *allowed)
    if a.dtype in ("uint8", "int8") or (a.dtype == "int16" and a.affine):
        for x in (a, b):
            need(x.scale > 0 and x.scale != 1, "scales",
                 f"{x.label} has scale {x.scale:.9g}; allowed: more than 0, and not 1",
                 aborts=True, stage="invoke")  # fmt: skip
    few_dimensions(6, a, b)


@litert("LOGICAL_AND", "LOGICAL_OR")
def logical(node: Node) -> None:
    """Truth values of truth values."""
    a, b, _ = broadcast_pair(node)
    types(a, "bool")
    few_dimensions(6, a, b)


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
