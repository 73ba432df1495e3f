"""TFLM's operators that join tensors and split them."""

from __future__ import annotations

from refinterp.verdicts.checks import is_constant, rank, refuse, runs_on, same_type, types
from refinterp.verdicts.common import input_count, no_activation
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import tflm
from refinterp.verdicts.tflm.parts import axis_of, first_words, scale, zero, zero_point_is


@tflm("CONCATENATION")
def concatenation(node: Node) -> None:
    """CONCATENATION."""
    first, y = node.x(0), node.y()
    no_activation(node)
    types(first, "float32", "int8", "int16", "int32", "int64", "bool")
    same_type(y, first)
    if len(node.inputs) > 10:
        refuse("operands", f"it has {len(node.inputs)} inputs; allowed: 10")
    for position in range(len(node.inputs)):
        x = node.x(position)
        same_type(x, first)
        rank(x, 0, 6)
        if first.dtype == "int8":
            if scale(x) != scale(y):
                refuse(
                    "scales",
                    f"{x.label} has scale {scale(x):.9g} and "
                    f"{y.label} {scale(y):.9g}; allowed: the same",
                )
            if zero(x) != zero(y):
                refuse(
                    "zero points",
                    f"{x.label} has zero point {zero(x)} and "
                    f"{y.label} {zero(y)}; allowed: the same",
                )
        elif first.dtype == "int16":
            zero_point_is(x, 0)
    if first.dtype == "int16":
        zero_point_is(y, 0)
    axis_of(int(node.option("axis", 0)), y, aborts=True)


@tflm("PACK")
def pack(node: Node) -> None:
    """PACK."""
    y = node.y(aborts=True)
    runs_on(y, "float32", "int8", "int16", "int32", "int64")
    for position in range(int(node.option("values_count", 0))):
        node.x(position, aborts=True)


@tflm("UNPACK")
def unpack(node: Node) -> None:
    """UNPACK."""
    x = node.x(aborts=True)
    runs_on(x, "float32", "int32", "int16", "int8")


@tflm("SPLIT")
def split(node: Node) -> None:
    """SPLIT."""
    axis = node.x(0)
    is_constant(axis)
    x = node.x(1, aborts=True)
    y = node.y(aborts=True)
    value = (first_words(axis, 1) or [0])[0]
    axis_of(value, x)
    runs_on(x, "float32", "int8", "int16", "int32")
    del y


@tflm("SPLIT_V")
def split_v(node: Node) -> None:
    """SPLIT_V."""
    input_count(node, 3)
    axis = node.x(2, aborts=True)
    is_constant(axis)
    x = node.x(0, aborts=True)
    value = (first_words(axis, 1) or [0])[0]
    axis_of(value, x)
    runs_on(x, "float32", "int8", "int16", "int32")
