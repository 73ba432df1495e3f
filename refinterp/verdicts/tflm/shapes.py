"""TFLM's operators that change or tell a shape, and permute dimensions."""

from __future__ import annotations

import math

from refinterp.graph.model import STORAGE
from refinterp.verdicts.checks import elements, is_constant, rank, refuse, runs_on, same_type, types
from refinterp.verdicts.common import squeezed_dimensions
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import tflm
from refinterp.verdicts.tflm.parts import first_words


@tflm("RESHAPE")
def reshape(node: Node) -> None:
    """RESHAPE to the result's shape in the file."""
    node.counts((1, 2), 1)
    x, y = node.x(0), node.y()
    shape: tuple[int, ...] = y.shape
    if len(node.inputs) == 1 and shape == (0,):
        shape = ()
    open_ = [i for i, extent in enumerate(shape) if extent == -1]
    if len(open_) > 1:
        refuse("shapes", f"{y.label} has shape {list(shape)}; one -1 is allowed")
    count = math.prod(extent for extent in shape if extent != -1)
    if open_:
        if count == 0:
            refuse("shapes", f"{y.label} has shape {list(shape)}", aborts=True)
        count *= int(x.size / count)
    same_type(x, y)
    if x.size != count:
        refuse("shapes", f"{x.label} has {x.size} elements and {y.label} {count}; allowed: as many")


@tflm("SQUEEZE")
def squeeze(node: Node) -> None:
    """SQUEEZE."""
    node.counts(1, 1)
    x, y = node.x(aborts=True), node.y(aborts=True)
    rank(x, 0, 8)
    gone = squeezed_dimensions(node, x)
    if not gone:
        gone = {i for i, extent in enumerate(x.shape) if extent == 1}
    kept = [extent for i, extent in enumerate(x.shape) if i not in gone]
    for i, extent in enumerate(kept):
        if i >= y.rank or y.shape[i] < extent:
            refuse("shapes", f"{y.label} has shape {list(y.shape)}; allowed: {kept}")
    if x.dtype in STORAGE and y.dtype in STORAGE:
        sizes = [operand.size * STORAGE[operand.dtype].itemsize for operand in (x, y)]
        if sizes[0] != sizes[1]:
            refuse(
                "shapes",
                f"{x.label} has {sizes[0]} bytes and {y.label} {sizes[1]}; allowed: as many",
                stage="invoke",
            )


@tflm("EXPAND_DIMS")
def expand_dims(node: Node) -> None:
    """EXPAND_DIMS."""
    node.counts(2, 1)
    x, axis, y = node.x(0), node.x(1), node.y()
    is_constant(axis)
    rank(axis, 0, 1)
    types(axis, "int32")
    value = (axis.integers() or [0])[0]
    at = x.rank + 1 + value if value < 0 else value
    if at > x.rank:
        refuse("axis", f"the axis is {value}; allowed: up to {x.rank}")
    wanted = (*x.shape[: max(at, 0)], 1, *x.shape[max(at, 0) :])
    if not (y.rank == x.rank + 1 and (at < 0 or y.shape == wanted)):
        refuse("shapes", f"{y.label} has shape {list(y.shape)}; allowed: {list(wanted)}")
    if at < 0:
        refuse("axis", f"the axis is {value}; allowed: {-x.rank - 1} to {x.rank}")
    runs_on(x, "float32", "int8", "int16")


@tflm("TRANSPOSE")
def transpose(node: Node) -> None:
    """TRANSPOSE."""
    node.counts(2, 1)
    x, perm, y = node.x(0, aborts=True), node.x(1, aborts=True), node.y(aborts=True)
    rank(x, 0, 5)
    same_type(x, y)
    is_constant(perm)
    rank(perm, 1)
    elements(perm, x.rank)
    for value in first_words(perm, x.rank) or []:
        if not 0 <= value < x.rank:
            refuse("axis", f"{perm.label} holds {value}; allowed: 0 to {x.rank - 1}")
    runs_on(x, "float32", "int8", "int16")


@tflm("SHAPE")
def shape(node: Node) -> None:
    """SHAPE."""
    node.counts(1, 1)
    node.x(aborts=True)
    runs_on(node.y(aborts=True), "int32")


@tflm("BROADCAST_ARGS")
def broadcast_args(node: Node) -> None:
    """BROADCAST_ARGS."""
    node.counts(2, 1)
    a, b, y = node.x(0, aborts=True), node.x(1, aborts=True), node.y(aborts=True)
    types(a, "int32", "int64")
    same_type(a, b)
    same_type(a, y)
    for x in (a, b, y):
        rank(x, 1)
