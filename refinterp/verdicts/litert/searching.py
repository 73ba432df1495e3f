"""LiteRT's operators that look for elements: the largest, the distinct, the true, boxes."""

from __future__ import annotations

from refinterp.verdicts.checks import (
    elements,
    has_dimensions,
    rank,
    refuse,
    runs_on,
    same_type,
    types,
)
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import litert


@litert("TOPK_V2")
def topk(node: Node) -> None:
    """TOPK_V2."""
    node.counts(2, 2)
    x, k = node.x(0), node.x(1)
    y, indices = node.y(0), node.y(1)
    same_type(x, y)
    types(k, "int32", "int16")
    if k.constant:
        elements(k, 1)
        has_dimensions(x)
        value = (k.integers() or [0])[0]
        if value > x.shape[-1]:
            refuse("values", f"k is {value}; allowed: up to {x.shape[-1]}")
    runs_on(y, "float32", "uint8", "int8", "int16", "int32", "int64")
    runs_on(indices, "int32", "int16")


@litert("UNIQUE")
def unique(node: Node) -> None:
    """UNIQUE."""
    node.counts(1, 2)
    x, y, index = node.x(), node.y(0), node.y(1)
    kind = str(node.option("idx_out_type", "int32"))
    kind = kind if kind in ("int64",) else "int32"
    same_type(y, x)
    if index.dtype != kind:
        refuse("types", f"{index.label} is of {index.dtype}; allowed: {kind}")
    rank(x, 1)
    runs_on(x, "int8", "int16", "int32", "int64", "float32", "uint8")


@litert("WHERE")
def where(node: Node) -> None:
    """WHERE."""
    node.counts(1, 1)
    x = node.x()
    node.y()
    types(x, "bool", "float32", "int64", "int32", "int8", "uint8", "uint32")


@litert("NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5")
def non_max_suppression(node: Node) -> None:
    """NON_MAX_SUPPRESSION."""
    count = len(node.inputs)
    if count not in (5, 6):
        refuse("operands", f"it has {count} inputs; allowed: 5 or 6")
    boxes, scores, most = node.x(0), node.x(1), node.x(2)
    types(boxes, "float32")
    rank(boxes, 2)
    if boxes.shape[1] != 4:
        refuse("shapes", f"{boxes.label} has shape {list(boxes.shape)}")
    types(scores, "float32")
    rank(scores, 1)
    if boxes.shape[0] != scores.shape[0]:
        refuse(
            "shapes", f"{scores.label} has {scores.shape[0]} elements; allowed: {boxes.shape[0]}"
        )
    types(most, "int32")
    rank(most, 0)
    limit = most.integers()
    if limit is not None and not limit[0] >= 0:
        refuse("values", f"{most.label} is {limit[0]}; allowed: 0 or more")
    for position in range(3, count):
        types(node.x(position), "float32")
        rank(node.x(position), 0)
    wanted = 3 if count == 6 else 2
    if len(node.outputs) != wanted:
        refuse("operands", f"it has {len(node.outputs)} outputs; allowed: {wanted}")
    for position in range(wanted):
        node.y(position)
