"""TFLM's operators that reduce along axes."""

from __future__ import annotations

from refinterp.verdicts.checks import (
    below_one,
    elements,
    has_dimensions,
    refuse,
    runs_on,
    same_shape,
    same_type,
    types,
)
from refinterp.verdicts.common import quotient
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import tflm
from refinterp.verdicts.tflm.parts import axis_of, scale, zero


@tflm("ARG_MAX", "ARG_MIN")
def arg_max(node: Node) -> None:
    """Where the largest or smallest is: nothing is checked before a run."""
    x, axis, y = node.x(0, aborts=True), node.x(1, aborts=True), node.y(aborts=True)
    runs_on(axis, "int32")
    runs_on(y, "int32")
    runs_on(x, "float32", "int8")
    values = axis.integers()
    if values:
        axis_of(values[0], x, aborts=True)


@tflm("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ALL")
def reduce(node: Node) -> None:
    """Sums, means and extremes along axes."""
    x = node.x(0, aborts=True)
    if node.name in ("MEAN", "SUM", "REDUCE_ALL"):
        node.x(1, aborts=True)
        node.y(aborts=True)
    if node.name == "REDUCE_ALL":
        types(x, "bool")
    node.counts(2, 1)
    axis = node.x(1)
    y = node.y(aborts=True)
    types(axis, "int32")
    if node.name == "MEAN":
        runs_on(x, "float32", "int8", "int16")
    else:
        same = node.name in ("SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ALL")
        if same and x.dtype != y.dtype:
            refuse(
                "types",
                f"{x.label} is of {x.dtype} and {y.label} of {y.dtype}; allowed: the same",
                stage="invoke",
            )
        if node.name == "SUM":
            runs_on(x, "float32", "int8", "int16")
        elif node.name != "REDUCE_ALL":
            runs_on(x, "float32", "int8")
            if x.dtype == "int8" and (scale(x), zero(x)) != (scale(y), zero(y)):
                refuse(
                    "scales",
                    f"{x.label} has scale {scale(x):.9g} and zero point {zero(x)}, {y.label} "
                    f"{scale(y):.9g} and {zero(y)}; allowed: the same",
                    stage="invoke",
                )
    values = axis.integers()
    if values is not None:
        for value in values:
            axis_of(value, x)


@tflm("CUMSUM")
def cumsum(node: Node) -> None:
    """Running sums."""
    node.counts(2, 1)
    x, axis = node.x(0, aborts=True), node.x(1, aborts=True)
    y = node.y(aborts=True)
    types(x, "float32", "int8")
    types(axis, "int32")
    elements(axis, 1)
    has_dimensions(x)
    same_type(x, y)
    same_shape(x, y)
    if y.dtype == "int8":
        below_one(quotient(scale(x), 2 * scale(x)), f"half of the scale of {x.label} over itself")
        below_one(
            quotient(2 * scale(x), 2**20 * scale(y)),
            f"the scale of {x.label} over 2**19 times that of {y.label}",
        )
    value = axis.integers()
    if value is not None:
        at = value[0] + x.rank if value[0] < 0 else value[0]
        if not 0 <= at < x.rank:
            refuse(
                "axis",
                f"the axis is {value[0]}; allowed: {-x.rank} to {x.rank - 1}",
                stage="invoke",
            )
