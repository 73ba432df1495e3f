"""LiteRT's operators that compare, and that choose by a condition."""

from __future__ import annotations

from refinterp.verdicts.checks import refuse, runs_on, same_shape, same_type, types
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
            if not (x.scale > 0 and x.scale != 1):
                refuse(
                    "scales",
                    f"{x.label} has scale {x.scale:.9g}; allowed: more than 0, and not 1",
                    aborts=True,
                    stage="invoke",
                )
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
            if not low:
                refuse(
                    "shapes",
                    f"{condition.label} has shape {list(condition.shape)}; allowed: "
                    f"that of {a.label}, [], or one element per row of it",
                )
            same_shape(a, b)
        else:
            shape = broadcast(condition, a, b)
            if len(shape) > 8:
                refuse("rank", f"it has {len(shape)} dimensions; allowed: up to 8")
