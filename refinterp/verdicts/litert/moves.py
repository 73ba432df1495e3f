"""LiteRT's operators that move elements, resize and pad."""

from __future__ import annotations

import math
from collections.abc import Sequence

from refinterp.verdicts.litert.parts import CODES, same_marks, zeros_are_zero
from refinterp.verdicts.node import Node, Operand, need, rank, refuse, runs_on, same_type, types
from refinterp.verdicts.table import litert

_BITS = {"int8": 8, "uint8": 8, "bool": 8, "int16": 16, "uint16": 16, "float16": 16, "int32": 32,
         "uint32": 32, "float32": 32, "int64": 64, "uint64": 64}  # fmt: skip


def sizes_fit(sizes: Sequence[int], what: str) -> None:
    """No size is negative."""
    need(min(sizes, default=0) >= 0, "shapes", f"{what} is {list(sizes)}; allowed: 0 or more")


def sized(x: Operand, *extra: str, stage: str = "invoke") -> None:
    """An element type of 8, 16, 32 or 64 bits."""
    if stage == "invoke":
        runs_on(x, *_BITS, *extra)
    else:
        types(x, *_BITS, *extra)


def axis_of(value: int, x: Operand, *, more: int = 0, stage: str = "prepare") -> int:
    """An axis counted from the front; more: of a result with so many dimensions more."""
    count = x.rank + more
    at = value + count if value < 0 else value
    if not 0 <= at < count:
        refuse("axis", f"the axis is {value}; allowed: {-count} to {count - 1}",
               stage="invoke" if stage == "invoke" else "prepare")  # fmt: skip
    return at


@litert("CONCATENATION")
def concatenation(node: Node) -> None:
    """CONCATENATION."""
    first = node.x(0)
    axis = int(node.option("axis", 0))
    at = axis + first.rank if axis < 0 else axis
    need(0 <= at < first.rank or (first.rank == 0 and at == 0), "axis",
         f"the axis is {axis}; allowed: {-first.rank} to {first.rank - 1}")  # fmt: skip
    activation = node.option("fused_activation_function", "NONE")
    need(activation == "NONE", "options", f"the activation is {activation}; allowed: NONE")
    types(first, "float32", "float16", "uint8", "int8", "int16", "int32", "int64", "bool",
          "uint32", "int4")  # fmt: skip
    operands = [node.x(i) for i in range(len(node.inputs))]
    fixed = all(x.constant for x in operands)
    if fixed and first.rank == 0 and first.dtype != "int4":
        for x in operands:
            rank(x, 0)
        node.y()
        return
    need(first.rank > 0, "rank", f"{first.label} has no dimension; allowed: 1 or more")
    for x in operands[1:]:
        rank(x, first.rank)
        same_type(x, first)
        for d, (mine, its) in enumerate(zip(x.shape, first.shape, strict=True)):
            need(d == at or mine == its, "shapes",
                 f"{x.label} has shape {list(x.shape)} and {first.label} {list(first.shape)}, "
                 f"which differ along another dimension than {at}")  # fmt: skip
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
    need(len(node.inputs) == count and len(node.outputs) == 1, "operands",
         f"it has {len(node.inputs)} inputs and {len(node.outputs)} outputs; allowed: {count} "
         "(values_count) and 1")  # fmt: skip
    first = node.x(0)
    axis_of(int(node.option("axis", 0)), first, more=1)
    types(first, "int32", "float32", "uint8", "uint32", "int8", "int16", "int64")
    for position in range(1, count):
        x = node.x(position)
        need(x.shape == first.shape, "shapes", f"{x.label} has shape {list(x.shape)}; allowed: "
             f"{list(first.shape)}")  # fmt: skip
        same_type(first, x)
    y = node.y()
    same_type(y, first)
    for position in range(count):
        same_marks(node.x(position), y)


@litert("UNPACK")
def unpack(node: Node) -> None:
    """UNPACK."""
    count = int(node.option("num", 0))
    need(len(node.inputs) == 1 and len(node.outputs) == count, "operands",
         f"it has {len(node.inputs)} inputs and {len(node.outputs)} outputs; allowed: 1 and "
         f"{count} (num)")  # fmt: skip
    x = node.x()
    need(x.size > 0, "shapes", f"{x.label} has no elements")
    at = axis_of(int(node.option("axis", 0)), x)
    types(x, "int32", "float32", "float16", "uint8", "int8", "int16", "bool")
    need(count == x.shape[at], "options", f"num is {count}; allowed: {x.shape[at]}")
    for position in range(count):
        y = node.y(position)
        same_type(y, x)
        same_marks(x, y)


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
    need(list(wanted).count(-1) <= 1, "shapes", f"the shape is {list(wanted)}; one -1 is allowed")
    need(all(n >= -1 for n in wanted), "shapes",
         f"the shape is {list(wanted)}; allowed: 0 or more, and one -1")  # fmt: skip
    count = math.prod(n for n in wanted if n != -1)
    if -1 in wanted:
        if x.size == 0 and count != 0:
            count = 0
        else:
            left = math.prod(n for n in wanted if n > 0)
            count *= math.prod(n for n in x.shape if n) // left
    need(count == x.size, "shapes",
         f"the shape is {list(wanted)}, and {x.label} has {x.size} elements")  # fmt: skip


@litert("SQUEEZE")
def squeeze(node: Node) -> None:
    """SQUEEZE."""
    node.counts(1, 1)
    x = node.x(aborts=True)
    y = node.y()
    rank(x, 0, 8)
    for dim in node.option("squeeze_dims", ()) or ():
        at = int(dim) + x.rank if dim < 0 else int(dim)
        need(
            0 <= at < x.rank and x.shape[at] == 1,
            "options",
            f"squeeze_dims holds {dim}; allowed: dimensions of {list(x.shape)} of size 1",
        )
    if x.dtype in _BITS and y.dtype in _BITS:
        sizes = [-(-x.size * _BITS[operand.dtype] // 8) for operand in (x, y)]
        need(sizes[0] == sizes[1], "types", f"{x.label} is of {x.dtype} and {y.label} of "
             f"{y.dtype}; allowed: types of one size", stage="invoke")  # fmt: skip


@litert("EXPAND_DIMS")
def expand_dims(node: Node) -> None:
    """EXPAND_DIMS."""
    node.counts(2, 1)
    x, axis, y = node.x(0), node.x(1), node.y()
    same_marks(x, y)
    if x.dtype == "int16":
        zeros_are_zero(x)
    if axis.constant:
        need(axis.size == 1, "shapes", f"{axis.label} has {axis.size} elements; allowed: 1")
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
        need(perm.shape[0] == x.rank, "shapes",
             f"{perm.label} has {perm.shape[0]} elements; allowed: {x.rank}")  # fmt: skip
        for value in _words(perm)[: x.rank]:
            need(-x.rank <= value < x.rank, "axis",
                 f"{perm.label} holds {value}; allowed: {-x.rank} to {x.rank - 1}")  # fmt: skip
    sized(x, "int4")


def _words(x: Operand) -> list[int]:
    """A constant's bytes read as int32, whatever its type."""
    if x.value is None:
        return []
    raw = x.value.tobytes()
    return [int.from_bytes(raw[i : i + 4], "little", signed=True) for i in range(0, len(raw), 4)]


@litert("PAD", "PADV2")
def pad(node: Node) -> None:
    """Padding."""
    node.counts((2, 3), 1)
    x, paddings, y = node.x(0), node.x(1), node.y()
    value = node.x(2) if len(node.inputs) == 3 and node.has(2) else None
    rank(paddings, 2)
    need(paddings.shape[1] == 2, "shapes",
         f"{paddings.label} has shape {list(paddings.shape)}; allowed: 2 last")  # fmt: skip
    same_type(x, y)
    if value is not None:
        same_type(x, value)
        need(value.size == 1, "shapes", f"{value.label} has {value.size} elements; allowed: 1")
    rank(x, 0, 5)
    types(paddings, "int64", "int32", "int8", "int16", "bool")
    need(paddings.shape[0] == x.rank, "shapes",
         f"{paddings.label} has {paddings.shape[0]} rows; allowed: {x.rank}")  # fmt: skip
    amounts = paddings.integers()
    if amounts is not None:
        need(all(n >= 0 for n in amounts), "values",
             f"{paddings.label} holds {min(amounts, default=0)}; allowed: 0 or more")  # fmt: skip
    runs_on(x, "float32", "float16", *CODES, "int32", "int64", "bool")
    if x.dtype in CODES and x.affine:
        low, high = {"uint8": (0, 255), "int8": (-128, 127), "int16": (-32768, 32767)}[x.dtype]
        if value is None:
            need(low <= y.zero <= high, "zero points",
                 f"{y.label} has zero point {y.zero}; allowed: {low} to {high}",
                 stage="invoke")  # fmt: skip
        else:
            same_marks(value, y)


@litert("MIRROR_PAD")
def mirror_pad(node: Node) -> None:
    """MIRROR_PAD."""
    x, paddings, y = node.x(0), node.x(1), node.y()
    same_type(x, y)
    types(paddings, "int32", "int64")
    rank(paddings, 2)
    need(paddings.shape == (x.rank, 2), "shapes",
         f"{paddings.label} has shape {list(paddings.shape)}; allowed: [{x.rank}, 2]")  # fmt: skip
    if x.dtype in CODES:
        same_marks(x, y)
    if x.dtype == "int16":
        zeros_are_zero(x, y)
    amounts = paddings.integers()
    if amounts is not None:
        offset = 1 if node.option("mode", "REFLECT") == "REFLECT" else 0
        for i, extent in enumerate(x.shape):
            for amount in amounts[2 * i : 2 * i + 2]:
                need(0 <= amount <= extent - offset, "values",
                     f"{paddings.label} holds {amount} for dimension {i}; allowed: 0 to "
                     f"{extent - offset}")  # fmt: skip
    sized(x)


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
    need(begin.size == size.size, "shapes",
         f"{begin.label} has {begin.size} elements and {size.label} {size.size}")  # fmt: skip
    need(x.rank <= 8, "rank", f"{x.label} has {x.rank} dimensions; allowed: up to 8")
    sized(x, "int4")
    if not (begin.constant and size.constant):
        return
    same_type(begin, size)
    starts, counts = begin.integers() or [], size.integers() or []
    wanted = []
    for extent, start, count in zip(x.shape, starts, counts, strict=False):
        need(
            start >= 0 and (count == -1 or 0 <= count <= extent - start),
            "values",
            f"begin is {starts} and size {counts}; {x.label} has shape {list(x.shape)}",
        )
        wanted.append(extent - start if count == -1 else count)
    signature = y.tensor.shape_signature
    if y.rank and not (signature is not None and -1 in signature):
        need(list(y.shape) == wanted, "shapes",
             f"{y.label} has shape {list(y.shape)}; allowed: {wanted}")  # fmt: skip


@litert("STRIDED_SLICE")
def strided_slice(node: Node) -> None:
    """STRIDED_SLICE."""
    node.counts(4, 1)
    x, begin, end, strides = (node.x(i, aborts=True) for i in range(4))
    y = node.y(aborts=True)
    for bound in (begin, end, strides):
        rank(bound, 1)
    need(begin.size == end.size, "shapes",
         f"{begin.label} has {begin.size} elements and {end.label} {end.size}")  # fmt: skip
    same_type(x, y)
    for bound in (begin, end, strides):
        types(bound, "int32")
    need(strides.size >= begin.size, "shapes",
         f"{strides.label} has {strides.size} elements; allowed: {begin.size}")  # fmt: skip
    steps = strides.integers()
    if steps is not None:
        need(0 not in steps, "values", f"{strides.label} holds 0; allowed: other numbers")
    sized(x)


@litert("SPLIT")
def split(node: Node) -> None:
    """SPLIT."""
    need(len(node.inputs) == 2, "operands", f"it has {len(node.inputs)} inputs; allowed: 2")
    axis, x = node.x(0, aborts=True), node.x(1, aborts=True)
    count = int(node.option("num_splits", 0))
    _outputs(node, count)
    types(x, "float32", *CODES, "int32", "int64")
    if axis.constant:
        if len(_words(axis)) < 1 or _BITS.get(axis.dtype, 0) < 32:
            return  # of a narrower type: what is read is not in the file
        at = axis_of((_words(axis) or [0])[0], x)
        need(count != 0, "options", "num_splits is 0; allowed: 1 or more")
        need(x.shape[at] % count == 0, "shapes",
             f"{x.label} has {x.shape[at]} elements along dimension {at}; allowed: multiples of "
             f"{count}")  # fmt: skip


def _outputs(node: Node, count: int) -> None:
    need(len(node.outputs) == count, "operands",
         f"it has {len(node.outputs)} outputs; allowed: {count} (num_splits)")  # fmt: skip
    for position in range(count):
        node.y(position)


@litert("SPLIT_V")
def split_v(node: Node) -> None:
    """SPLIT_V."""
    need(len(node.inputs) == 3, "operands", f"it has {len(node.inputs)} inputs; allowed: 3")
    x, sizes, axis = node.x(0), node.x(1, aborts=True), node.x(2, aborts=True)
    _outputs(node, int(node.option("num_splits", 0)))
    types(x, "float32", *CODES, "int32", "int64")
    rank(sizes, 1)
    need(len(node.outputs) == sizes.size, "shapes",
         f"{sizes.label} has {sizes.size} elements; allowed: {len(node.outputs)}")  # fmt: skip
    if not (sizes.constant and axis.constant):
        return
    types(sizes, "int32", "int64")
    at = (_words(axis) or [0])[0]
    wanted = sizes.integers() or []
    need(wanted.count(-1) <= 1, "values", f"{sizes.label} holds {wanted}; one -1 is allowed")
    at = axis_of(at, x)
    total = sum(n for n in wanted if n != -1)
    need(
        total <= x.shape[at] if -1 in wanted else total == x.shape[at],
        "values",
        f"{sizes.label} holds {wanted}; {x.label} has {x.shape[at]} elements along dimension {at}",
    )


@litert("TILE")
def tile(node: Node) -> None:
    """TILE."""
    node.counts(2, 1)
    x, y, times = node.x(0), node.y(), node.x(1)
    same_type(x, y)
    types(times, "int32", "int64")
    if times.constant:
        need(times.size == x.rank, "shapes",
             f"{times.label} has {times.size} elements; allowed: {x.rank}")  # fmt: skip
    sized(x)


@litert("DEPTH_TO_SPACE", "SPACE_TO_DEPTH")
def depth_to_space(node: Node) -> None:
    """Channels to places and back."""
    node.counts(1, 1)
    x, y = node.x(), node.y()
    rank(x, 4)
    types(y, "float32", "uint8", "int8", "int32", "int64")
    same_type(x, y)
    block = int(node.option("block_size", 0))
    need(block > 0, "options", f"block_size is {block}; allowed: 1 or more")
    if node.name == "DEPTH_TO_SPACE":
        need(
            x.shape[3] % (block * block) == 0,
            "shapes",
            f"{x.label} has {x.shape[3]} channels; allowed: multiples of {block * block}",
        )
    else:
        for axis in (1, 2):
            need(
                x.shape[axis] % block == 0,
                "shapes",
                f"{x.label} has shape {list(x.shape)}; block_size {block} must divide it",
            )


@litert("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND")
def space_to_batch(node: Node) -> None:
    """Places to batches and back."""
    node.counts(3, 1)
    x, block, amounts = (node.x(i, aborts=True) for i in range(3))
    y = node.y(aborts=True)
    rank(x, 3, 4)
    same_type(x, y)
    if x.dtype in CODES:
        same_marks(x, y)
    if x.dtype == "int16":
        zeros_are_zero(x, y)
    sized(x)
    if not (block.constant and amounts.constant):
        return
    spatial = x.rank - 2
    rank(block, 1)
    need(block.shape[0] == spatial, "shapes",
         f"{block.label} has {block.shape[0]} elements; allowed: {spatial}")  # fmt: skip
    rank(amounts, 2)
    need(amounts.shape == (spatial, 2), "shapes",
         f"{amounts.label} has shape {list(amounts.shape)}; allowed: [{spatial}, 2]")  # fmt: skip
    blocks, around = _words(block)[:spatial], _words(amounts)[: 2 * spatial]
    if len(blocks) < spatial or len(around) < 2 * spatial:
        narrow = block if len(blocks) < spatial else amounts
        refuse("types", f"{narrow.label} is of {narrow.dtype}, and read as int32: past its end")
    need(0 not in blocks, "values", f"{block.label} holds 0; allowed: 1 or more")
    if node.name == "BATCH_TO_SPACE_ND":
        need(min(around, default=0) >= 0, "values", f"{amounts.label} holds {min(around)}")
        batch = x.shape[0]
        for size in blocks:
            need(math.fmod(batch, size) == 0, "shapes", f"{x.label} has {x.shape[0]} batches, "
                 f"which {blocks} does not divide")  # fmt: skip
            batch = int(batch / size)
        for i, size in enumerate(blocks):
            need(x.shape[i + 1] * size - around[2 * i] - around[2 * i + 1] >= 0, "values",
                 f"{amounts.label} takes more than there is", stage="invoke")  # fmt: skip
    else:
        for i, size in enumerate(blocks):
            whole = x.shape[i + 1] + around[2 * i] + around[2 * i + 1]
            need(math.fmod(whole, size) == 0, "shapes",
                 f"{x.label} has {whole} elements along dimension {i + 1} with its padding, which "
                 f"{size} does not divide")  # fmt: skip


@litert("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
def resize(node: Node) -> None:
    """Other heights and widths."""
    node.counts(2, 1)
    x, size = node.x(0), node.x(1)
    node.y()
    rank(x, 4)
    rank(size, 1)
    need(size.shape[0] == 2, "shapes", f"{size.label} has {size.shape[0]} elements; allowed: 2")
    types(size, "int32")
    wanted = size.integers()
    if node.name == "RESIZE_BILINEAR":
        if wanted is not None:
            both = node.option("half_pixel_centers", False) and node.option("align_corners", False)
            need(not both, "options",
                 "half_pixel_centers and align_corners are both set; allowed: one")  # fmt: skip
            need(min(wanted) > 0, "values", f"{size.label} holds {wanted}; allowed: 1 or more")
        runs_on(x, "float32", *CODES)
    else:
        types(x, *(name for name, bits in _BITS.items() if bits < 64))


@litert("REVERSE_V2")
def reverse(node: Node) -> None:
    """REVERSE_V2."""
    node.counts(2, 1)
    x, axis, y = node.x(0), node.x(1), node.y()
    rank(axis, 1)
    rank(x, 0, 8)
    need(axis.size <= x.rank, "shapes",
         f"{axis.label} has {axis.size} elements; allowed: up to {x.rank}")  # fmt: skip
    types(x, "int32", "float32", *CODES, "int64", "bool", "float16")
    types(axis, "int32")
    same_type(y, x)
    values = axis.integers()
    if values is not None:
        axes = sorted(axis_of(value, x, stage="invoke") for value in values)
        need(axes == list(range(axes[0], axes[0] + len(axes))) if axes else True, "axis",
             f"the axes are {values}; allowed: axes that follow each other",
             stage="invoke")  # fmt: skip


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
    need(0 <= sequence < x.rank and 0 <= batch < x.rank and sequence != batch, "options",
         f"seq_dim is {sequence} and batch_dim {batch}; allowed: two dimensions of {x.label}",
         stage="invoke")  # fmt: skip
    need(lengths.shape[0] == x.shape[batch], "shapes",
         f"{lengths.label} has {lengths.shape[0]} elements; allowed: {x.shape[batch]}",
         stage="invoke")  # fmt: skip
    values = lengths.integers()
    if values is not None:
        need(max(values, default=0) <= x.shape[sequence], "values",
             f"{lengths.label} holds {max(values, default=0)}; allowed: up to {x.shape[sequence]}",
             stage="invoke")  # fmt: skip


@litert("FILL")
def fill(node: Node) -> None:
    """FILL."""
    node.counts(2, 1)
    dims, value, y = node.x(0), node.x(1), node.y()
    rank(dims, 1)
    types(dims, "int32", "int64")
    rank(value, 0)
    same_marks(y, value)
    if value.dtype == "int16":
        zeros_are_zero(value)
    wanted = dims.integers()
    if wanted is not None:
        need(min(wanted, default=0) >= 0, "values",
             f"{dims.label} holds {wanted}; allowed: 0 or more")  # fmt: skip
    sized(value, "int4")


@litert("BROADCAST_TO")
def broadcast_to(node: Node) -> None:
    """BROADCAST_TO."""
    node.counts(2, 1)
    x, shape, y = node.x(0, aborts=True), node.x(1, aborts=True), node.y(aborts=True)
    types(shape, "int32", "int64")
    same_type(x, y)
    wanted = shape.integers()
    if shape.constant:
        rank(shape, 1)
        wanted = wanted or []
        need(x.rank <= len(wanted), "shapes",
             f"{x.label} has shape {list(x.shape)}, and {shape.label} holds {wanted}")  # fmt: skip
        for mine, its in zip(reversed(x.shape), reversed(wanted), strict=False):
            need(
                mine in (1, its),
                "shapes",
                f"{x.label} has shape {list(x.shape)}, which does not broadcast to {wanted}",
            )
        sizes_fit(wanted, "the shape")
        need(len(wanted) <= 8, "rank", f"{shape.label} has {len(wanted)} elements; allowed: 8",
             aborts=True, stage="invoke")  # fmt: skip
