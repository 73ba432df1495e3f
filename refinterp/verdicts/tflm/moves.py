"""TFLM's operators that move elements, resize, pad, reduce and index."""

from __future__ import annotations

import math
from itertools import pairwise

from refinterp.graph.model import STORAGE
from refinterp.verdicts.node import (
    Node,
    Operand,
    is_constant,
    need,
    rank,
    refuse,
    runs_on,
    same_type,
    types,
)
from refinterp.verdicts.table import tflm
from refinterp.verdicts.tflm.parts import scale, zero, zero_point_is


def _axis(value: int, x: Operand, *, aborts: bool = False) -> int:
    """An axis counted from the front; refused where the operand has none such."""
    at = value + x.rank if value < 0 else value
    need(0 <= at < x.rank, "axis", f"the axis is {value}, and {x.label} has {x.rank} dimensions; "
         f"allowed: {-x.rank} to {x.rank - 1}", aborts=aborts, stage="invoke")  # fmt: skip
    return at


@tflm("CONCATENATION")
def concatenation(node: Node) -> None:
    """CONCATENATION."""
    first, y = node.x(0), node.y()
    activation = node.option("fused_activation_function", "NONE")
    need(activation == "NONE", "options", f"the activation is {activation}; allowed: NONE")
    types(first, "float32", "int8", "int16", "int32", "int64", "bool")
    same_type(y, first)
    need(len(node.inputs) <= 10, "operands", f"it has {len(node.inputs)} inputs; allowed: 10")
    for position in range(len(node.inputs)):
        x = node.x(position)
        same_type(x, first)
        rank(x, 0, 6)
        if first.dtype == "int8":
            need(scale(x) == scale(y), "scales", f"{x.label} has scale {scale(x):.9g} and "
                 f"{y.label} {scale(y):.9g}; allowed: the same")  # fmt: skip
            need(zero(x) == zero(y), "zero points", f"{x.label} has zero point {zero(x)} and "
                 f"{y.label} {zero(y)}; allowed: the same")  # fmt: skip
        elif first.dtype == "int16":
            zero_point_is(x, 0)
    if first.dtype == "int16":
        zero_point_is(y, 0)
    _axis(int(node.option("axis", 0)), y, aborts=True)


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
        need(value.size == 1, "shapes", f"{value.label} has {value.size} elements; allowed: 1")
    need(paddings.size == 2 * y.rank, "shapes",
         f"{paddings.label} has {paddings.size} elements; allowed: {2 * y.rank}")  # fmt: skip
    is_constant(paddings)
    amounts = _words(paddings, 2 * y.rank)
    for i in range(y.rank):
        before = x.shape[i] if i < x.rank else None
        if before is None:
            continue
        if amounts is None:
            types(paddings, "int32")
            continue
        wanted = before + amounts[2 * i] + amounts[2 * i + 1]
        need(y.shape[i] == wanted, "shapes", f"{y.label} has {y.shape[i]} elements along "
             f"dimension {i}; allowed: {wanted}")  # fmt: skip
    if x.dtype == "int8":
        if value is None:
            need(-128 <= zero(y) <= 127, "zero points",
                 f"{y.label} has zero point {zero(y)}; allowed: -128 to 127")  # fmt: skip
        else:
            need((zero(y), scale(y)) == (zero(value), scale(value)), "scales",
                 f"{value.label} has scale {scale(value):.9g} and zero point {zero(value)}; "
                 f"allowed: those of {y.label}, {scale(y):.9g} and {zero(y)}")  # fmt: skip
    runs_on(x, "float32", "int8", "int16", "int32")


def _words(x: Operand, count: int) -> list[int] | None:
    """A constant's bytes read as int32, as TFLM reads them whatever their type."""
    value = x.value
    if value is None:
        return None
    if x.dtype == "int32":
        return [int(v) for v in value.reshape(-1)][:count]
    raw = value.tobytes()
    words = [int.from_bytes(raw[i : i + 4], "little", signed=True) for i in range(0, len(raw), 4)]
    return words[:count] if len(words) >= count else None


@tflm("MIRROR_PAD")
def mirror_pad(node: Node) -> None:
    """MIRROR_PAD."""
    x, paddings = node.x(0, aborts=True), node.x(1, aborts=True)
    y = node.y(aborts=True)
    rank(paddings, 2)
    need(paddings.shape[0] == x.rank, "shapes",
         f"{paddings.label} has {paddings.shape[0]} rows; allowed: {x.rank}")  # fmt: skip
    runs_on(y, "float32", "int8")


@tflm("RESHAPE")
def reshape(node: Node) -> None:
    """RESHAPE to the result's shape in the file."""
    node.counts((1, 2), 1)
    x, y = node.x(0), node.y()
    shape: tuple[int, ...] = y.shape
    if len(node.inputs) == 1 and shape == (0,):
        shape = ()
    open_ = [i for i, extent in enumerate(shape) if extent == -1]
    need(len(open_) <= 1, "shapes", f"{y.label} has shape {list(shape)}; one -1 is allowed")
    count = math.prod(extent for extent in shape if extent != -1)
    if open_:
        need(count != 0, "shapes", f"{y.label} has shape {list(shape)}", aborts=True)
        count *= int(x.size / count)
    same_type(x, y)
    need(x.size == count, "shapes", f"{x.label} has {x.size} elements and {y.label} {count}; "
         "allowed: as many")  # fmt: skip


@tflm("SQUEEZE")
def squeeze(node: Node) -> None:
    """SQUEEZE."""
    node.counts(1, 1)
    x, y = node.x(aborts=True), node.y(aborts=True)
    rank(x, 0, 8)
    dims = [int(d) for d in node.option("squeeze_dims", ())]
    gone = set()
    for dim in dims:
        at = dim + x.rank if dim < 0 else dim
        need(
            0 <= at < x.rank and x.shape[at] == 1,
            "options",
            f"squeeze_dims holds {dim}; allowed: dimensions of {list(x.shape)} of size 1",
        )
        gone.add(at)
    if not dims:
        gone = {i for i, extent in enumerate(x.shape) if extent == 1}
    kept = [extent for i, extent in enumerate(x.shape) if i not in gone]
    for i, extent in enumerate(kept):
        if i >= y.rank or y.shape[i] < extent:
            refuse("shapes", f"{y.label} has shape {list(y.shape)}; allowed: {kept}")
    if x.dtype in STORAGE and y.dtype in STORAGE:
        sizes = [operand.size * STORAGE[operand.dtype].itemsize for operand in (x, y)]
        need(sizes[0] == sizes[1], "shapes", f"{x.label} has {sizes[0]} bytes and {y.label} "
             f"{sizes[1]}; allowed: as many", stage="invoke")  # fmt: skip


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
    need(at <= x.rank, "axis", f"the axis is {value}; allowed: up to {x.rank}")
    wanted = (*x.shape[: max(at, 0)], 1, *x.shape[max(at, 0) :])
    need(y.rank == x.rank + 1 and (at < 0 or y.shape == wanted), "shapes",
         f"{y.label} has shape {list(y.shape)}; allowed: {list(wanted)}")  # fmt: skip
    need(at >= 0, "axis", f"the axis is {value}; allowed: {-x.rank - 1} to {x.rank}")
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
    need(perm.shape[0] == x.rank, "shapes",
         f"{perm.label} has {perm.shape[0]} elements; allowed: {x.rank}")  # fmt: skip
    for value in _words(perm, x.rank) or []:
        need(0 <= value < x.rank, "axis",
             f"{perm.label} holds {value}; allowed: 0 to {x.rank - 1}")  # fmt: skip
    runs_on(x, "float32", "int8", "int16")


@tflm("SLICE")
def slice_(node: Node) -> None:
    """SLICE."""
    node.counts(3, 1)
    x, begin, size = (node.x(i, aborts=True) for i in range(3))
    node.y(aborts=True)
    runs_on(begin, "int32", "int64")
    runs_on(x, "float32", "int32", "int8", "int16", "bool")
    need(x.rank <= 5, "rank", f"{x.label} has {x.rank} dimensions; allowed: up to 5",
         aborts=True, stage="invoke")  # fmt: skip
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
        values = _words(bound, x.rank) or []
        need(len(values) == x.rank, "shapes", f"{bound.label} has {len(values)} elements of 32 "
             f"bits; allowed: {x.rank}")  # fmt: skip
        words.append(values)
    kept = _slice(node, x, *words)
    need(list(y.shape) == kept, "shapes", f"{y.label} has shape {list(y.shape)}; allowed: {kept}")
    runs_on(y, "float32", "int8", "int16", "int32", "bool")


def _slice(
    node: Node, x: Operand, begin: list[int], end: list[int], strides: list[int]
) -> list[int]:
    """The shape of a strided slice."""
    masks = [int(node.option(f"{name}_mask", 0)) for name in ("begin", "end", "shrink_axis")]
    kept = []
    for axis, (extent, step) in enumerate(zip(x.shape, strides, strict=True)):
        need(step != 0, "values", "a stride is 0; allowed: others")
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


@tflm("SPLIT")
def split(node: Node) -> None:
    """SPLIT."""
    axis = node.x(0)
    is_constant(axis)
    x = node.x(1, aborts=True)
    y = node.y(aborts=True)
    value = (_words(axis, 1) or [0])[0]
    _axis(value, x)
    runs_on(x, "float32", "int8", "int16", "int32")
    del y


@tflm("SPLIT_V")
def split_v(node: Node) -> None:
    """SPLIT_V."""
    need(len(node.inputs) == 3, "operands", f"it has {len(node.inputs)} inputs; allowed: 3")
    axis = node.x(2, aborts=True)
    is_constant(axis)
    x = node.x(0, aborts=True)
    value = (_words(axis, 1) or [0])[0]
    _axis(value, x)
    runs_on(x, "float32", "int8", "int16", "int32")


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


@tflm("GATHER")
def gather(node: Node) -> None:
    """GATHER."""
    node.counts(2, 1)
    x, coords, y = node.x(0), node.x(1), node.y()
    types(coords, "int32")
    types(x, "float32", "int8")
    axis = int(node.option("axis", 0))
    at = axis + x.rank if axis < 0 else axis
    need(0 <= at < x.rank, "axis", f"the axis is {axis}; allowed: {-x.rank} to {x.rank - 1}")
    given = int(node.option("batch_dims", 0))
    batch = given + coords.rank if given < 0 else given
    need(batch <= at and 0 <= batch < x.rank and batch <= coords.rank, "options",
         f"batch_dims is {given}; allowed: 0 to {min(at, coords.rank)}")  # fmt: skip
    for i in range(batch):
        need(x.shape[i] == coords.shape[i], "shapes",
             f"{x.label} has shape {list(x.shape)} and {coords.label} {list(coords.shape)}, which "
             f"differ in the first {batch}")  # fmt: skip
    del y


@tflm("GATHER_ND")
def gather_nd(node: Node) -> None:
    """GATHER_ND."""
    node.counts(2, 1)
    x, indices = node.x(0), node.x(1)
    node.y()
    types(x, "float32", "int8")
    types(indices, "int32")
    need(x.rank >= 1, "rank", f"{x.label} has no dimension; allowed: 1 or more")
    need(indices.rank >= 1, "rank", f"{indices.label} has no dimension; allowed: 1 or more")
    depth = indices.shape[-1]
    need(depth <= min(x.rank, 5), "shapes",
         f"{indices.label} has {depth} coordinates; allowed: up to {min(x.rank, 5)}")  # fmt: skip


@tflm("DEPTH_TO_SPACE", "SPACE_TO_DEPTH")
def depth_to_space(node: Node) -> None:
    """Channels to places and back."""
    node.counts(1, 1)
    x, y = node.x(), node.y()
    rank(x, 4)
    types(y, "float32", "int8")
    same_type(x, y)
    block = int(node.option("block_size", 0))
    need(block > 0, "options", f"block_size is {block}; allowed: 1 or more")
    need(y.rank <= 4, "rank", f"{y.label} has {y.rank} dimensions; allowed: 4", aborts=True)
    if node.name == "DEPTH_TO_SPACE":
        need(
            x.shape[3] % (block * block) == 0,
            "shapes",
            f"{x.label} has {x.shape[3]} channels; allowed: multiples of {block * block}",
        )
    else:
        for axis in (1, 2):
            whole = int(x.shape[axis] / block)
            need(
                x.shape[axis] == whole * block,
                "shapes",
                f"{x.label} has shape {list(x.shape)}; block_size {block} must divide it",
            )


@tflm("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND")
def space_to_batch(node: Node) -> None:
    """Places to batches and back."""
    node.counts(3, 1)
    x, y = node.x(0), node.y()
    rank(x, 3, 4)
    rank(y, 3, 4)
    same_type(x, y)
    runs_on(x, "float32", "int8")
    node.x(1, aborts=True)
    node.x(2, aborts=True)


@tflm("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
def resize(node: Node) -> None:
    """Other heights and widths."""
    node.counts(2, 1)
    x, size, y = node.x(0, aborts=True), node.x(1, aborts=True), node.y(aborts=True)
    rank(x, 4)
    rank(size, 1)
    types(size, "int32")
    if node.name == "RESIZE_NEAREST_NEIGHBOR":
        need(size.shape[0] == 2, "shapes",
             f"{size.label} has {size.shape[0]} elements; allowed: 2")  # fmt: skip
    is_constant(size)
    need(y.rank <= 4, "rank", f"{y.label} has {y.rank} dimensions; allowed: 4", aborts=True,
         stage="invoke")  # fmt: skip
    if node.name == "RESIZE_BILINEAR":
        both = node.option("half_pixel_centers", False) and node.option("align_corners", False)
        need(not both, "options", "half_pixel_centers and align_corners are both set; allowed: one")
        runs_on(y, "float32", "int8")
    else:
        runs_on(y, "float32", "int8", "int16")


@tflm("REVERSE_V2")
def reverse(node: Node) -> None:
    """REVERSE_V2."""
    node.counts(2, 1)
    x, axis, y = node.x(0), node.x(1), node.y()
    rank(axis, 1)
    rank(x, 0, 6)
    need(axis.size <= x.rank, "shapes",
         f"{axis.label} has {axis.size} elements; allowed: up to {x.rank}")  # fmt: skip
    types(x, "int32", "float32", "uint8", "int8", "int16", "int64", "bool")
    types(axis, "int32")
    need(x.dtype == y.dtype, "types",
         f"{x.label} is of {x.dtype} and {y.label} of {y.dtype}; allowed: the same")  # fmt: skip
    values = axis.integers()
    if values is not None:
        _consecutive(values, x)


def _consecutive(values: list[int], x: Operand) -> None:
    """Axes that exist, and follow each other."""
    axes = sorted(_axis(value, x) for value in values)
    need(
        all(b == a + 1 for a, b in pairwise(axes)),
        "axis",
        f"the axes are {values}; allowed: axes that follow each other",
        stage="invoke",
    )


@tflm("FILL")
def fill(node: Node) -> None:
    """FILL."""
    dims, value, y = node.x(0), node.x(1), node.y()
    rank(value, 0)
    same_type(value, y)
    is_constant(dims)
    rank(dims, 1)
    need(dims.shape[0] == y.rank, "shapes",
         f"{dims.label} has {dims.shape[0]} elements; allowed: {y.rank}")  # fmt: skip
    types(dims, "int8", "int16", "int32", "int64")
    wanted = dims.integers()
    if wanted is not None:
        need(tuple(wanted) == y.shape, "shapes",
             f"{y.label} has shape {list(y.shape)}; allowed: {wanted}")  # fmt: skip
    runs_on(value, "float32", "int32", "int8")


@tflm("SHAPE")
def shape(node: Node) -> None:
    """SHAPE."""
    node.counts(1, 1)
    node.x(aborts=True)
    runs_on(node.y(aborts=True), "int32")


@tflm("BROADCAST_TO")
def broadcast_to(node: Node) -> None:
    """BROADCAST_TO."""
    node.counts(2, 1)
    x, target, y = node.x(0, aborts=True), node.x(1, aborts=True), node.y(aborts=True)
    rank(x, 0, 5)
    types(target, "int32", "int64")
    need(x.dtype == y.dtype, "types",
         f"{x.label} is of {x.dtype} and {y.label} of {y.dtype}; allowed: the same")  # fmt: skip
    is_constant(target)
    rank(target, 1)
    need(y.rank == target.shape[0], "shapes",
         f"{y.label} has {y.rank} dimensions; allowed: {target.shape[0]}")  # fmt: skip
    need(x.rank <= y.rank, "shapes", f"{x.label} has more dimensions than {y.label}")
    rank(y, 0, 5)
    wanted = target.integers()
    if wanted is not None:
        for mine, its in zip(reversed(x.shape), reversed(wanted), strict=False):
            need(
                mine in (1, its),
                "shapes",
                f"{x.label} has shape {list(x.shape)}, which does not broadcast to {wanted}",
            )
        need(tuple(wanted) == y.shape, "shapes",
             f"{y.label} has shape {list(y.shape)}; allowed: {wanted}")  # fmt: skip


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


@tflm("DYNAMIC_UPDATE_SLICE")
def dynamic_update_slice(node: Node) -> None:
    """DYNAMIC_UPDATE_SLICE."""
    node.counts(3, 1)
    x, update, start = node.x(0), node.x(1), node.x(2)
    node.y()
    same_type(x, update)
    types(start, "int32", "int64")
    rank(start, 1)
    need(start.shape[0] == x.rank, "shapes",
         f"{start.label} has {start.shape[0]} elements; allowed: {x.rank}")  # fmt: skip
    need(update.rank == x.rank, "rank",
         f"{update.label} has {update.rank} dimensions; allowed: {x.rank}")  # fmt: skip
    for mine, its in zip(update.shape, x.shape, strict=True):
        need(
            mine <= its,
            "shapes",
            f"{update.label} has shape {list(update.shape)}; allowed: up to {list(x.shape)}",
        )
    runs_on(x, "float32", "int8", "int16", "int32")


@tflm("ARG_MAX", "ARG_MIN")
def arg_max(node: Node) -> None:
    """Where the largest or smallest is: nothing is checked before a run."""
    x, axis, y = node.x(0, aborts=True), node.x(1, aborts=True), node.y(aborts=True)
    runs_on(axis, "int32")
    runs_on(y, "int32")
    runs_on(x, "float32", "int8")
    values = axis.integers()
    if values:
        _axis(values[0], x, aborts=True)


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
        if node.name in ("SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ALL"):
            need(x.dtype == y.dtype, "types", f"{x.label} is of {x.dtype} and {y.label} of "
                 f"{y.dtype}; allowed: the same", stage="invoke")  # fmt: skip
        if node.name == "SUM":
            runs_on(x, "float32", "int8", "int16")
        elif node.name != "REDUCE_ALL":
            runs_on(x, "float32", "int8")
            if x.dtype == "int8":
                need((scale(x), zero(x)) == (scale(y), zero(y)), "scales",
                     f"{x.label} has scale {scale(x):.9g} and zero point {zero(x)}, {y.label} "
                     f"{scale(y):.9g} and {zero(y)}; allowed: the same",
                     stage="invoke")  # fmt: skip
    values = axis.integers()
    if values is not None:
        for value in values:
            _axis(value, x)
