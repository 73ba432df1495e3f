"""LiteRT's operators that change or tell a shape, and permute dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from refinterp.verdicts.checks import elements, rank, refuse, same_type, types
from refinterp.verdicts.common import int32_words, squeezed_dimensions
from refinterp.verdicts.litert.parts import BITS, axis_of, same_marks, sized, zeros_are_zero
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.table import litert


@litert("RESHAPE")
def reshape(node: Node) -> None:
    """RESHAPE."""
    node.counts((1, 2), 1)
    node.y()
    x = node.x(0)
    by_tensor = False
    if len(node.inputs) == 2:
        shape = node.x(1)
        if not shape.constant:
            return
        by_tensor = shape.rank == 1 and shape.dtype == "int32"
    if by_tensor:
        wanted = node.x(1).integers()
    else:
        wanted = [int(n) for n in node.option("new_shape", ()) or ()]
        wanted = [] if wanted == [0] else wanted
    if wanted is not None:
        _reshaped(x, wanted)


def _reshaped(x: Operand, wanted: Sequence[int]) -> None:
    """The element counts agree, with at most one -1."""
    if list(wanted).count(-1) > 1:
        refuse("shapes", f"the shape is {list(wanted)}; one -1 is allowed")
    if not all(n >= -1 for n in wanted):
        refuse("shapes", f"the shape is {list(wanted)}; allowed: 0 or more, and one -1")
    count = math.prod(n for n in wanted if n != -1)
    if -1 in wanted:
        if x.size == 0 and count != 0:
            count = 0
        else:
            left = math.prod(n for n in wanted if n > 0)
            count *= math.prod(n for n in x.shape if n) // left
    if count != x.size:
        refuse("shapes", f"the shape is {list(wanted)}, and {x.label} has {x.size} elements")


@litert("SQUEEZE")
def squeeze(node: Node) -> None:
    """SQUEEZE."""
    node.counts(1, 1)
    x = node.x(aborts=True)
    y = node.y()
    rank(x, 0, 8)
    squeezed_dimensions(node, x)
    if x.dtype in BITS and y.dtype in BITS:
        sizes = [-(-x.size * BITS[operand.dtype] // 8) for operand in (x, y)]
        if sizes[0] != sizes[1]:
            refuse(
                "types",
                f"{x.label} is of {x.dtype} and {y.label} of {y.dtype}; allowed: types of one size",
                stage="invoke",
            )


@litert("EXPAND_DIMS")
def expand_dims(node: Node) -> None:
    """EXPAND_DIMS."""
    node.counts(2, 1)
    x, axis, y = node.x(0), node.x(1), node.y()
    same_marks(x, y)
    if x.dtype == "int16":
        zeros_are_zero(x)
    if axis.constant:
        elements(axis, 1)
        types(axis, "int32", "int64")
        axis_of((axis.integers() or [0])[0], x, more=1)


@litert("TRANSPOSE")
def transpose(node: Node) -> None:
    """TRANSPOSE."""
    node.counts(2, 1)
    x, perm, y = node.x(0, aborts=True), node.x(1, aborts=True), node.y(aborts=True)
    rank(x, 0, 8)
    same_type(x, y)
    if perm.constant:
        rank(perm, 1)
        elements(perm, x.rank)
        for value in int32_words(perm)[: x.rank]:
            if not -x.rank <= value < x.rank:
                refuse("axis", f"{perm.label} holds {value}; allowed: {-x.rank} to {x.rank - 1}")
    sized(x, "int4")


@litert("SHAPE")
def shape(node: Node) -> None:
    """SHAPE."""
    node.counts(1, 1)
    node.x()
    node.y()
    kind = str(node.option("out_type", "float32"))
    if kind not in ("int32", "int64"):
        refuse("options", f"out_type is {kind}; allowed: int32, int64")


@litert("RANK")
def rank_(node: Node) -> None:
    """RANK."""
    node.counts(1, 1)
    node.x()
    node.y()


@litert("BROADCAST_ARGS")
def broadcast_args(node: Node) -> None:
    """BROADCAST_ARGS."""
    node.counts(2, 1)
    a, b, y = node.x(0), node.x(1), node.y()
    types(a, "int32", "int64")
    same_type(a, b)
    same_type(a, y)
    rank(a, 1)
    rank(b, 1)
