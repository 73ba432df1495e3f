"""LiteRT's operators that cut out, replace or reverse."""

from __future__ import annotations

from refinterp.verdicts.checks import rank, refuse, same_type, types
from refinterp.verdicts.common import update_fits
from refinterp.verdicts.litert.parts import CODES, axis_of, sized
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import litert


@litert("SLICE")
def slice_(node: Node) -> None:
    """SLICE."""
    node.counts(3, 1)
    x, begin, size, y = node.x(0), node.x(1), node.x(2), node.y()
    same_type(x, y)
    types(begin, "int32", "int64")
    types(size, "int32", "int64")
    rank(begin, 1)
    rank(size, 1)
    if begin.size != size.size:
        refuse("shapes", f"{begin.label} has {begin.size} elements and {size.label} {size.size}")
    if x.rank > 8:
        refuse("rank", f"{x.label} has {x.rank} dimensions; allowed: up to 8")
    sized(x, "int4")
    if not (begin.constant and size.constant):
        return
    same_type(begin, size)
    starts, counts = begin.integers() or [], size.integers() or []
    wanted = []
    for extent, start, count in zip(x.shape, starts, counts, strict=False):
        if not (start >= 0 and (count == -1 or 0 <= count <= extent - start)):
            refuse(
                "values",
                f"begin is {starts} and size {counts}; {x.label} has shape {list(x.shape)}",
            )
        wanted.append(extent - start if count == -1 else count)
    signature = y.tensor.shape_signature
    if y.rank and not (signature is not None and -1 in signature) and list(y.shape) != wanted:
        refuse("shapes", f"{y.label} has shape {list(y.shape)}; allowed: {wanted}")


@litert("STRIDED_SLICE")
def strided_slice(node: Node) -> None:
    """STRIDED_SLICE."""
    node.counts(4, 1)
    x, begin, end, strides = (node.x(i, aborts=True) for i in range(4))
    y = node.y(aborts=True)
    for bound in (begin, end, strides):
        rank(bound, 1)
    if begin.size != end.size:
        refuse("shapes", f"{begin.label} has {begin.size} elements and {end.label} {end.size}")
    same_type(x, y)
    for bound in (begin, end, strides):
        types(bound, "int32")
    if strides.size < begin.size:
        refuse("shapes", f"{strides.label} has {strides.size} elements; allowed: {begin.size}")
    steps = strides.integers()
    if steps is not None and 0 in steps:
        refuse("values", f"{strides.label} holds 0; allowed: other numbers")
    sized(x)


@litert("DYNAMIC_UPDATE_SLICE")
def dynamic_update_slice(node: Node) -> None:
    """DYNAMIC_UPDATE_SLICE."""
    x, update, start = node.x(0), node.x(1), node.x(2)
    node.y()
    update_fits(x, update, start)
    node.counts(3, 1)
    same_type(x, update)
    types(start, "int32", "int64")
    sized(x, "int4")


@litert("REVERSE_V2")
def reverse(node: Node) -> None:
    """REVERSE_V2."""
    node.counts(2, 1)
    x, axis, y = node.x(0), node.x(1), node.y()
    rank(axis, 1)
    rank(x, 0, 8)
    if axis.size > x.rank:
        refuse("shapes", f"{axis.label} has {axis.size} elements; allowed: up to {x.rank}")
    types(x, "int32", "float32", *CODES, "int64", "bool", "float16")
    types(axis, "int32")
    same_type(y, x)
    values = axis.integers()
    if values is not None:
        axes = sorted(axis_of(value, x, stage="invoke") for value in values)
        if not (axes == list(range(axes[0], axes[0] + len(axes))) if axes else True):
            refuse(
                "axis",
                f"the axes are {values}; allowed: axes that follow each other",
                stage="invoke",
            )


@litert("REVERSE_SEQUENCE")
def reverse_sequence(node: Node) -> None:
    """REVERSE_SEQUENCE."""
    node.counts(2, 1)
    x, lengths, y = node.x(0), node.x(1), node.y()
    rank(lengths, 1)
    types(x, "int32", "float32", "uint8", "int16", "int64")
    types(lengths, "int32", "int64")
    same_type(y, x)
    sequence, batch = int(node.option("seq_dim", 0)), int(node.option("batch_dim", 0))
    if not (0 <= sequence < x.rank and 0 <= batch < x.rank and sequence != batch):
        refuse(
            "options",
            f"seq_dim is {sequence} and batch_dim {batch}; allowed: two dimensions of {x.label}",
            stage="invoke",
        )
    if lengths.shape[0] != x.shape[batch]:
        refuse(
            "shapes",
            f"{lengths.label} has {lengths.shape[0]} elements; allowed: {x.shape[batch]}",
            stage="invoke",
        )
    values = lengths.integers()
    if values is not None and not max(values, default=0) <= x.shape[sequence]:
        refuse(
            "values",
            f"{lengths.label} holds {max(values, default=0)}; allowed: up to {x.shape[sequence]}",
            stage="invoke",
        )
