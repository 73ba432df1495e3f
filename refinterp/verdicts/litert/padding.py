"""LiteRT's operators that put elements around or between others."""

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
from refinterp.verdicts.litert.parts import CODES, same_marks, sized, zeros_are_zero
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import litert


@litert("PAD", "PADV2")
def pad(node: Node) -> None:
    """Padding."""
    node.counts((2, 3), 1)
    x, paddings, y = node.x(0), node.x(1), node.y()
    value = node.x(2) if len(node.inputs) == 3 and node.has(2) else None
    rank(paddings, 2)
    if paddings.shape[1] != 2:
        refuse("shapes", f"{paddings.label} has shape {list(paddings.shape)}; allowed: 2 last")
    same_type(x, y)
    if value is not None:
        same_type(x, value)
        elements(value, 1)
    rank(x, 0, 5)
    types(paddings, "int64", "int32", "int8", "int16", "bool")
    if paddings.shape[0] != x.rank:
        refuse("shapes", f"{paddings.label} has {paddings.shape[0]} rows; allowed: {x.rank}")
    amounts = paddings.integers()
    if amounts is not None and not all(n >= 0 for n in amounts):
        refuse("values", f"{paddings.label} holds {min(amounts, default=0)}; allowed: 0 or more")
    runs_on(x, "float32", "float16", *CODES, "int32", "int64", "bool")
    if x.dtype in CODES and x.affine:
        low, high = {"uint8": (0, 255), "int8": (-128, 127), "int16": (-32768, 32767)}[x.dtype]
        if value is None:
            if not low <= y.zero <= high:
                refuse(
                    "zero points",
                    f"{y.label} has zero point {y.zero}; allowed: {low} to {high}",
                    stage="invoke",
                )
        else:
            same_marks(value, y)


@litert("MIRROR_PAD")
def mirror_pad(node: Node) -> None:
    """MIRROR_PAD."""
    x, paddings, y = node.x(0), node.x(1), node.y()
    same_type(x, y)
    types(paddings, "int32", "int64")
    rank(paddings, 2)
    if paddings.shape != (x.rank, 2):
        refuse(
            "shapes", f"{paddings.label} has shape {list(paddings.shape)}; allowed: [{x.rank}, 2]"
        )
    if x.dtype in CODES:
        same_marks(x, y)
    if x.dtype == "int16":
        zeros_are_zero(x, y)
    amounts = paddings.integers()
    if amounts is not None:
        offset = 1 if node.option("mode", "REFLECT") == "REFLECT" else 0
        for i, extent in enumerate(x.shape):
            for amount in amounts[2 * i : 2 * i + 2]:
                if not 0 <= amount <= extent - offset:
                    refuse(
                        "values",
                        f"{paddings.label} holds {amount} for dimension {i}; allowed: 0 to "
                        f"{extent - offset}",
                    )
    sized(x)


@litert("DILATE")
def dilate(node: Node) -> None:
    """DILATE."""
    node.counts(3, 1)
    x, dilations, value = (node.x(i, aborts=True) for i in range(3))
    y = node.y(aborts=True)
    has_dimensions(x)
    same_type(x, y)
    same_type(x, value)
    runs_on(dilations, "int32")
    if dilations.shape != (x.rank,):
        refuse(
            "shapes",
            f"{dilations.label} has shape {list(dilations.shape)}; allowed: [{x.rank}]",
            stage="invoke",
        )
    values = dilations.integers()
    if values is not None and not min(values) >= 1:
        refuse("values", f"{dilations.label} holds {values}; allowed: 1 or more", stage="invoke")
