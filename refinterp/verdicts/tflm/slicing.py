"""TFLM's operators that cut out, replace or reverse."""

from __future__ import annotations

import math
from itertools import pairwise

from refinterp.verdicts.checks import is_constant, rank, refuse, runs_on, same_type, types
from refinterp.verdicts.common import update_fits
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.table import tflm
from refinterp.verdicts.tflm.parts import axis_of, first_words, five_dimensions


@tflm("SLICE")
def slice_(node: Node) -> None:
    """SLICE."""
    node.counts(3, 1)
    x, begin, size = (node.x(i, aborts=True) for i in range(3))
    node.y(aborts=True)
    runs_on(begin, "int32", "int64")
    runs_on(x, "float32", "int32", "int8", "int16", "bool")
    five_dimensions(x)
    del size


@tflm("STRIDED_SLICE")
def strided_slice(node: Node) -> None:
    """STRIDED_SLICE."""
    node.counts(4, 1)
    x, begin, end, strides = (node.x(i, aborts=True) for i in range(4))
    y = node.y(aborts=True)
    rank(x, 0, 4)
    words = []
    for bound in (begin, end, strides):
        is_constant(bound)
        values = first_words(bound, x.rank) or []
        if len(values) != x.rank:
            refuse(
                "shapes", f"{bound.label} has {len(values)} elements of 32 bits; allowed: {x.rank}"
            )
        words.append(values)
    kept = _slice(node, x, *words)
    if list(y.shape) != kept:
        refuse("shapes", f"{y.label} has shape {list(y.shape)}; allowed: {kept}")
    runs_on(y, "float32", "int8", "int16", "int32", "bool")


def _slice(
    node: Node, x: Operand, begin: list[int], end: list[int], strides: list[int]
) -> list[int]:
    """The shape of a strided slice."""
    masks = [int(node.option(f"{name}_mask", 0)) for name in ("begin", "end", "shrink_axis")]
    kept = []
    for axis, (extent, step) in enumerate(zip(x.shape, strides, strict=True)):
        if step == 0:
            refuse("values", "a stride is 0; allowed: others")
        whole_begin, whole_end, shrunk = (mask >> axis & 1 for mask in masks)
        low, high = (0, extent) if step > 0 else (-1, extent - 1)
        first, last = (low, high) if step > 0 else (high, low)
        start = first if whole_begin else _held(begin[axis], extent, low, high)
        stop = last if whole_end else _held(end[axis], extent, low, high)
        if not shrunk:
            kept.append(max(0, math.ceil((stop - start) / step)))
    return kept


def _held(position: int, extent: int, low: int, high: int) -> int:
    """A position, counted from the end if it is negative, within bounds."""
    return min(max(position + extent if position < 0 else position, low), high)


@tflm("DYNAMIC_UPDATE_SLICE")
def dynamic_update_slice(node: Node) -> None:
    """DYNAMIC_UPDATE_SLICE."""
    node.counts(3, 1)
    x, update, start = node.x(0), node.x(1), node.x(2)
    node.y()
    same_type(x, update)
    types(start, "int32", "int64")
    update_fits(x, update, start)
    runs_on(x, "float32", "int8", "int16", "int32")


@tflm("REVERSE_V2")
def reverse(node: Node) -> None:
    """REVERSE_V2."""
    node.counts(2, 1)
    x, axis, y = node.x(0), node.x(1), node.y()
    rank(axis, 1)
    rank(x, 0, 6)
    if axis.size > x.rank:
        refuse("shapes", f"{axis.label} has {axis.size} elements; allowed: up to {x.rank}")
    types(x, "int32", "float32", "uint8", "int8", "int16", "int64", "bool")
    types(axis, "int32")
    same_type(x, y)
    values = axis.integers()
    if values is not None:
        _consecutive(values, x)


def _consecutive(values: list[int], x: Operand) -> None:
    """Axes that exist, and follow each other."""
    axes = sorted(axis_of(value, x) for value in values)
    if not all(b == a + 1 for a, b in pairwise(axes)):
        refuse(
            "axis", f"the axes are {values}; allowed: axes that follow each other", stage="invoke"
        )
