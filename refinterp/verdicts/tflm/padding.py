"""TFLM's operators that put elements around others."""

from __future__ import annotations

from refinterp.verdicts.checks import elements, is_constant, rank, refuse, runs_on, same_type, types
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import tflm
from refinterp.verdicts.tflm.parts import first_words, scale, zero


@tflm("PAD", "PADV2")
def pad(node: Node) -> None:
    """Padding."""
    node.counts((2, 3), 1)
    x, paddings, y = node.x(0), node.x(1), node.y()
    value = node.x(2, aborts=False) if len(node.inputs) == 3 and node.has(2) else None
    same_type(x, y)
    rank(x, 0, 5)
    if value is not None:
        same_type(x, value)
        elements(value, 1)
    if paddings.size != 2 * y.rank:
        refuse("shapes", f"{paddings.label} has {paddings.size} elements; allowed: {2 * y.rank}")
    is_constant(paddings)
    amounts = first_words(paddings, 2 * y.rank)
    for i in range(y.rank):
        before = x.shape[i] if i < x.rank else None
        if before is None:
            continue
        if amounts is None:
            types(paddings, "int32")
            continue
        wanted = before + amounts[2 * i] + amounts[2 * i + 1]
        if y.shape[i] != wanted:
            refuse(
                "shapes",
                f"{y.label} has {y.shape[i]} elements along dimension {i}; allowed: {wanted}",
            )
    if x.dtype == "int8":
        if value is None:
            if not -128 <= zero(y) <= 127:
                refuse("zero points", f"{y.label} has zero point {zero(y)}; allowed: -128 to 127")
        else:
            if (zero(y), scale(y)) != (zero(value), scale(value)):
                refuse(
                    "scales",
                    f"{value.label} has scale {scale(value):.9g} and zero point {zero(value)}; "
                    f"allowed: those of {y.label}, {scale(y):.9g} and {zero(y)}",
                )
    runs_on(x, "float32", "int8", "int16", "int32")


@tflm("MIRROR_PAD")
def mirror_pad(node: Node) -> None:
    """MIRROR_PAD."""
    x, paddings = node.x(0, aborts=True), node.x(1, aborts=True)
    y = node.y(aborts=True)
    rank(paddings, 2)
    if paddings.shape[0] != x.rank:
        refuse("shapes", f"{paddings.label} has {paddings.shape[0]} rows; allowed: {x.rank}")
    runs_on(y, "float32", "int8")
