"""LiteRT's operators that join tensors and split them."""

from __future__ import annotations

from refinterp.verdicts.checks import has_dimensions, rank, refuse, same_type, types
from refinterp.verdicts.common import input_count, int32_words, no_activation
from refinterp.verdicts.litert.parts import BITS, CODES, axis_of, same_marks, zeros_are_zero
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import litert


@litert("CONCATENATION")
def concatenation(node: Node) -> None:
    """CONCATENATION."""
    first = node.x(0)
    axis = int(node.option("axis", 0))
    at = axis + first.rank if axis < 0 else axis
    if not (0 <= at < first.rank or (first.rank == 0 and at == 0)):
        refuse("axis", f"the axis is {axis}; allowed: {-first.rank} to {first.rank - 1}")
    no_activation(node)
    types(first, "float32", "float16", "uint8", "int8", "int16", "int32", "int64", "bool",
          "uint32", "int4")  # fmt: skip
    operands = [node.x(i) for i in range(len(node.inputs))]
    fixed = all(x.constant for x in operands)
    if fixed and first.rank == 0 and first.dtype != "int4":
        for x in operands:
            rank(x, 0)
        node.y()
        return
    has_dimensions(first)
    for x in operands[1:]:
        rank(x, first.rank)
        same_type(x, first)
        for d, (mine, its) in enumerate(zip(x.shape, first.shape, strict=True)):
            if not (d == at or mine == its):
                refuse(
                    "shapes",
                    f"{x.label} has shape {list(x.shape)} and {first.label} {list(first.shape)}, "
                    f"which differ along another dimension than {at}",
                )
    y = node.y()
    same_type(y, first)
    if first.dtype == "int8":
        for x in operands:
            same_marks(x, y)
    if first.dtype == "int16":
        zeros_are_zero(*operands, y)


@litert("PACK")
def pack(node: Node) -> None:
    """PACK."""
    count = int(node.option("values_count", 0))
    if not (len(node.inputs) == count and len(node.outputs) == 1):
        refuse(
            "operands",
            f"it has {len(node.inputs)} inputs and {len(node.outputs)} outputs; allowed: {count} "
            "(values_count) and 1",
        )
    first = node.x(0)
    axis_of(int(node.option("axis", 0)), first, more=1)
    types(first, "int32", "float32", "uint8", "uint32", "int8", "int16", "int64")
    for position in range(1, count):
        x = node.x(position)
        if x.shape != first.shape:
            refuse("shapes", f"{x.label} has shape {list(x.shape)}; allowed: {list(first.shape)}")
        same_type(first, x)
    y = node.y()
    same_type(y, first)
    for position in range(count):
        same_marks(node.x(position), y)


@litert("UNPACK")
def unpack(node: Node) -> None:
    """UNPACK."""
    count = int(node.option("num", 0))
    if not (len(node.inputs) == 1 and len(node.outputs) == count):
        refuse(
            "operands",
            f"it has {len(node.inputs)} inputs and {len(node.outputs)} outputs; allowed: 1 and "
            f"{count} (num)",
        )
    x = node.x()
    if x.size <= 0:
        refuse("shapes", f"{x.label} has no elements")
    at = axis_of(int(node.option("axis", 0)), x)
    types(x, "int32", "float32", "float16", "uint8", "int8", "int16", "bool")
    if count != x.shape[at]:
        refuse("options", f"num is {count}; allowed: {x.shape[at]}")
    for position in range(count):
        y = node.y(position)
        same_type(y, x)
        same_marks(x, y)


@litert("SPLIT")
def split(node: Node) -> None:
    """SPLIT."""
    input_count(node, 2)
    axis, x = node.x(0, aborts=True), node.x(1, aborts=True)
    count = int(node.option("num_splits", 0))
    _outputs(node, count)
    types(x, "float32", *CODES, "int32", "int64")
    if axis.constant:
        if len(int32_words(axis)) < 1 or BITS.get(axis.dtype, 0) < 32:
            return  # of a narrower type: what is read is not in the file
        at = axis_of((int32_words(axis) or [0])[0], x)
        if count == 0:
            refuse("options", "num_splits is 0; allowed: 1 or more")
        if x.shape[at] % count != 0:
            refuse(
                "shapes",
                f"{x.label} has {x.shape[at]} elements along dimension {at}; allowed: multiples of "
                f"{count}",
            )


def _outputs(node: Node, count: int) -> None:
    if len(node.outputs) != count:
        refuse("operands", f"it has {len(node.outputs)} outputs; allowed: {count} (num_splits)")
    for position in range(count):
        node.y(position)


@litert("SPLIT_V")
def split_v(node: Node) -> None:
    """SPLIT_V."""
    input_count(node, 3)
    x, sizes, axis = node.x(0), node.x(1, aborts=True), node.x(2, aborts=True)
    _outputs(node, int(node.option("num_splits", 0)))
    types(x, "float32", *CODES, "int32", "int64")
    rank(sizes, 1)
    if len(node.outputs) != sizes.size:
        refuse("shapes", f"{sizes.label} has {sizes.size} elements; allowed: {len(node.outputs)}")
    if not (sizes.constant and axis.constant):
        return
    types(sizes, "int32", "int64")
    at = (int32_words(axis) or [0])[0]
    wanted = sizes.integers() or []
    if wanted.count(-1) > 1:
        refuse("values", f"{sizes.label} holds {wanted}; one -1 is allowed")
    at = axis_of(at, x)
    total = sum(n for n in wanted if n != -1)
    if not (total <= x.shape[at] if -1 in wanted else total == x.shape[at]):
        refuse(
            "values",
            f"{sizes.label} holds {wanted}; {x.label} has {x.shape[at]} elements along dimension "
            f"{at}",
        )
