"""Checks that LiteRT and TFLM make in the same way, for the rules of both."""

from __future__ import annotations

import math
from collections.abc import Sequence

from refinterp.graph.model import Shape
from refinterp.verdicts.checks import elements, rank, refuse, types
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand


def operand(node: Node, position: int) -> Operand | None:
    """An input, None where it is left out."""
    return node.inputs[position] if position < len(node.inputs) else None


def input_count(node: Node, count: int) -> None:
    """There are so many inputs; those left out count."""
    found = len(node.inputs)
    if found != count:
        refuse("operands", f"it has {found} inputs; allowed: {count}")


def output_count(node: Node, count: int) -> None:
    """There are so many outputs."""
    found = len(node.outputs)
    if found != count:
        refuse("operands", f"it has {found} outputs; allowed: {count}")


def one_to_one(node: Node) -> tuple[Operand, Operand]:
    """The one operand and the one result."""
    node.counts(1, 1)
    return node.x(), node.y()


def fused_activation(node: Node) -> str:
    """The fused activation."""
    return str(node.option("fused_activation_function", "NONE"))


def no_activation(node: Node) -> None:
    """There is no fused activation."""
    activation = fused_activation(node)
    if activation != "NONE":
        refuse("options", f"the activation is {activation}; allowed: NONE")


def quotient(a: float, b: float) -> float:
    """Like C's, by zero too."""
    if b != 0:
        return a / b
    if a == 0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def int32_words(x: Operand) -> list[int]:
    """A constant's bytes read as int32, whatever its type; none where there is no value."""
    if x.value is None:
        return []
    raw = x.value.tobytes()
    return [int.from_bytes(raw[i : i + 4], "little", signed=True) for i in range(0, len(raw), 4)]


def squeezed_dimensions(node: Node, x: Operand) -> set[int]:
    """The dimensions that squeeze_dims names, which have one element each."""
    gone = set()
    for dim in node.option("squeeze_dims", ()) or ():
        at = int(dim) + x.rank if dim < 0 else int(dim)
        if not (0 <= at < x.rank and x.shape[at] == 1):
            refuse(
                "options",
                f"squeeze_dims holds {dim}; allowed: dimensions of {list(x.shape)} of size 1",
            )
        gone.add(at)
    return gone


def batch_dimensions_agree(node: Node, x: Operand, positions: Operand, axis: int) -> None:
    """GATHER's batch_dims come before its axis, and are of the same sizes in both operands."""
    given = int(node.option("batch_dims", 0))
    batch = given + positions.rank if given < 0 else given
    if not (batch <= axis and 0 <= batch < x.rank and batch <= positions.rank):
        refuse("options", f"batch_dims is {given}; allowed: 0 to {min(axis, positions.rank)}")
    for i in range(batch):
        if x.shape[i] != positions.shape[i]:
            refuse(
                "shapes",
                f"{x.label} has shape {list(x.shape)} and {positions.label} "
                f"{list(positions.shape)}, which differ in the first {batch}",
            )


def update_fits(x: Operand, update: Operand, start: Operand) -> None:
    """What replaces a part of a tensor has its rank, and no more elements along any axis."""
    rank(start, 1)
    elements(start, x.rank)
    if update.rank != x.rank:
        refuse("rank", f"{update.label} has {update.rank} dimensions; allowed: {x.rank}")
    for mine, its in zip(update.shape, x.shape, strict=True):
        if mine > its:
            refuse(
                "shapes",
                f"{update.label} has shape {list(update.shape)}; allowed: up to {list(x.shape)}",
            )


def broadcasts_to(x: Operand, wanted: Sequence[int]) -> None:
    """Each size from the last on is 1 or the one wanted."""
    for mine, its in zip(reversed(x.shape), reversed(wanted), strict=False):
        if mine not in (1, its):
            refuse(
                "shapes",
                f"{x.label} has shape {list(x.shape)}, which does not broadcast to {list(wanted)}",
            )


def blocks_fit(node: Node, x: Operand, block: int) -> None:
    """DEPTH_TO_SPACE's blocks divide the channels, SPACE_TO_DEPTH's height and width."""
    if node.name == "DEPTH_TO_SPACE":
        if x.shape[3] % (block * block) != 0:
            refuse(
                "shapes",
                f"{x.label} has {x.shape[3]} channels; allowed: multiples of {block * block}",
            )
        return
    for axis in (1, 2):
        if x.shape[axis] % block != 0:
            refuse(
                "shapes", f"{x.label} has shape {list(x.shape)}; block_size {block} must divide it"
            )


def matrices_fit(node: Node, a: Operand, b: Operand) -> tuple[Shape, Shape]:
    """BATCH_MATMUL's operands have the same inner size; returns their shapes, of one rank."""
    most = max(a.rank, b.rank)
    left, right = ((1,) * (most - x.rank) + x.shape for x in (a, b))
    for i, j in zip(left[:-2], right[:-2], strict=True):
        if not (i == j or 1 in (i, j)):
            refuse(
                "shapes",
                f"{a.label} has shape {list(a.shape)} and {b.label} "
                f"{list(b.shape)}, which do not broadcast",
            )
    inner = left[-2] if node.option("adj_x", False) else left[-1]
    other = right[-1] if node.option("adj_y", False) else right[-2]
    if inner != other:
        refuse(
            "shapes",
            f"{a.label} has rows of {inner} elements and {b.label} columns "
            f"of {other}; allowed: as many",
        )
    return left, right


def called_subgraph(node: Node, name: str) -> int:
    """The number of a subgraph that an option names."""
    called = int(node.option(name, 0))
    count = len(node.model.subgraphs)
    if not 0 <= called < count:
        refuse("options", f"{name} is {called}; allowed: 0 to {count - 1}")
    return called


def if_condition(node: Node) -> None:
    """IF's first operand is one truth value."""
    if len(node.inputs) <= 0:
        refuse("operands", "it has no inputs; allowed: 1 or more")
    condition = node.x(0)
    types(condition, "bool")
    elements(condition, 1)
