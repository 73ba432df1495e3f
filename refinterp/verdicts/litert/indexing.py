"""LiteRT's operators that reduce, index, scatter and select."""

from __future__ import annotations

import math

from refinterp.verdicts.litert.moves import axis_of, sized, sizes_fit
from refinterp.verdicts.litert.parts import CODES, same_marks, zeros_are_zero
from refinterp.verdicts.node import Node, Operand, need, rank, runs_on, same_type, types
from refinterp.verdicts.table import litert


@litert("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_ALL", "REDUCE_ANY")
def reduce(node: Node) -> None:
    """Along axes."""
    node.counts(2, 1)
    x, axis, y = node.x(0), node.x(1), node.y()
    if node.name in ("REDUCE_ALL", "REDUCE_ANY"):
        types(x, "bool")
    types(axis, "int32")
    if x.dtype == "int16":
        zeros_are_zero(x, y)
    if node.name == "MEAN":
        runs_on(x, "float32", "int32", "int64", *CODES)
    elif node.name == "REDUCE_PROD":
        if x.affine:
            types(x, "int8", "int16")
        elif x.dtype in CODES:
            same_marks(x, y)
        runs_on(x, "float32", "int32", "int64", "uint8", "int8", "int16", "bool")
    else:
        runs_on(x, "float32", "int32", "int64", *CODES, "bool")
        if x.dtype in CODES and node.name in ("REDUCE_MAX", "REDUCE_MIN"):
            same_marks(x, y)
    values = axis.integers()
    if values is not None and x.rank:
        for value in values:
            axis_of(value, x)


@litert("ARG_MAX", "ARG_MIN")
def arg_max(node: Node) -> None:
    """Where the largest or smallest is."""
    node.counts(2, 1)
    x, axis = node.x(0), node.x(1)
    need(axis.size == 1, "shapes", f"{axis.label} has {axis.size} elements; allowed: 1")
    types(axis, "int32", "int64")
    node.y()
    kind = str(node.option("output_type", "float32"))
    need(kind in ("int32", "int64"), "options", f"output_type is {kind}; allowed: int32, int64")
    types(x, "float32", "uint8", "int8", "int32", "bool")
    need(x.rank >= 1, "rank", f"{x.label} has no dimension; allowed: 1 or more")
    if axis.constant:
        at = axis_of((axis.integers() or [0])[0], x)
        need(x.shape[at] > 0, "shapes", f"{x.label} has nothing along dimension {at}")


@litert("GATHER")
def gather(node: Node) -> None:
    """GATHER."""
    node.counts(2, 1)
    x, positions = node.x(0), node.x(1)
    node.y()
    types(positions, "int64", "int32", "int16")
    types(x, "float32", "float16", "uint8", "int4", "int8", "int16", "int64", "int32", "bool")
    axis = int(node.option("axis", 0))
    at = axis_of(axis, x)
    given = int(node.option("batch_dims", 0))
    batch = given + positions.rank if given < 0 else given
    need(batch <= at and 0 <= batch < x.rank and batch <= positions.rank, "options",
         f"batch_dims is {given}; allowed: 0 to {min(at, positions.rank)}")  # fmt: skip
    for i in range(batch):
        need(x.shape[i] == positions.shape[i], "shapes",
             f"{x.label} has shape {list(x.shape)} and {positions.label} "
             f"{list(positions.shape)}, which differ in the first {batch}")  # fmt: skip
    _not_negative(positions)


def _not_negative(positions: Operand) -> None:
    values = positions.integers()
    if values is not None:
        need(min(values, default=0) >= 0, "values",
             f"{positions.label} holds {min(values, default=0)}; allowed: 0 or more",
             stage="invoke")  # fmt: skip


@litert("GATHER_ND")
def gather_nd(node: Node) -> None:
    """GATHER_ND."""
    node.counts(2, 1)
    x, indices = node.x(0), node.x(1)
    node.y()
    types(x, "float16", "float32", "uint8", "int8", "int16", "int64", "int32", "bool")
    types(indices, "int64", "int32", "int16")
    need(x.rank >= 1, "rank", f"{x.label} has no dimension; allowed: 1 or more")
    need(indices.rank >= 1, "rank", f"{indices.label} has no dimension; allowed: 1 or more")
    depth = indices.shape[-1]
    need(0 <= depth <= x.rank, "shapes",
         f"{indices.label} has {depth} coordinates; allowed: up to {x.rank}")  # fmt: skip
    need(x.size > 0 or indices.size == 0, "shapes", f"{x.label} has no elements", stage="invoke")
    _not_negative(indices)
    _within(indices, x.shape[:depth])


def _within(indices: Operand, sizes: tuple[int, ...]) -> None:
    """Coordinates lead to an element, counted through: each alone may be too large."""
    value = indices.value
    if value is None or not value.size or not sizes:
        return
    steps = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    last = max(sum(int(i) * s for i, s in zip(row, steps, strict=True))
               for row in value.reshape(-1, len(sizes)))  # fmt: skip
    need(last < math.prod(sizes), "values",
         f"{indices.label} leads beyond {list(sizes)}", stage="invoke")  # fmt: skip


@litert("SCATTER_ND")
def scatter_nd(node: Node) -> None:
    """SCATTER_ND."""
    node.counts(3, 1)
    indices, updates, shape = node.x(0), node.x(1), node.x(2)
    types(updates, "float32", "uint8", "bool", "int8", "int64", "int32")
    need(indices.dtype == shape.dtype, "types",
         f"{indices.label} is of {indices.dtype} and {shape.label} of {shape.dtype}; allowed: the "
         "same")  # fmt: skip
    node.y()
    types(indices, "int32")
    wanted = shape.integers()
    if wanted is None:
        ahead = indices.shape[:-1]
        need(updates.shape[: len(ahead)] == ahead, "shapes",
             f"{updates.label} has shape {list(updates.shape)}; allowed: {list(ahead)} first",
             stage="invoke")  # fmt: skip
        return
    need(indices.rank >= 1 and updates.rank >= 1 and shape.rank == 1, "rank",
         f"{indices.label}, {updates.label} and {shape.label} have {indices.rank}, {updates.rank} "
         f"and {shape.rank} dimensions; allowed: 1 or more, 1 or more, 1")  # fmt: skip
    sizes_fit(wanted, "the shape")
    outer, depth = indices.rank - 1, indices.shape[-1]
    _within(indices, tuple(wanted[:depth]))
    mine = list(updates.shape)
    need(mine[:outer] == list(indices.shape[:outer]) and mine[outer:] == wanted[depth:]
         and len(mine) - outer == len(wanted) - depth, "shapes",
         f"{updates.label} has shape {mine}; allowed: "
         f"{[*indices.shape[:outer], *wanted[depth:]]}")  # fmt: skip


@litert("SPARSE_TO_DENSE")
def sparse_to_dense(node: Node) -> None:
    """SPARSE_TO_DENSE."""
    node.counts(4, 1)
    indices, shape, values, default = (node.x(i) for i in range(4))
    rank(indices, 0, 2)
    rank(shape, 1)
    rank(values, 0, 1)
    need(default.size == 1, "shapes", f"{default.label} has {default.size} elements; allowed: 1")
    types(indices, "int32", "int64")
    types(shape, "int32", "int64")
    types(values, "int32", "int64", "int8", "uint8", "float32")
    same_type(values, default)
    if indices.rank < 2:
        if values.rank:
            need(
                indices.size == values.size,
                "shapes",
                f"{indices.label} has {indices.size} elements and {values.label} {values.size}",
            )
        need(shape.size == 1, "shapes", f"{shape.label} has {shape.size} elements; allowed: 1")
    else:
        need(indices.shape[1] == shape.size, "shapes",
             f"{indices.label} has {indices.shape[1]} columns; allowed: {shape.size}")  # fmt: skip
        if values.rank:
            need(
                indices.shape[0] == values.size,
                "shapes",
                f"{indices.label} has {indices.shape[0]} rows; allowed: {values.size}",
            )
    node.y()
    wanted, where_ = shape.integers(), indices.value
    if wanted is None:
        return
    sizes_fit(wanted, "the shape")
    if where_ is not None and where_.size:
        rows = where_.reshape(-1, len(wanted))
        need(bool((rows < wanted).all() and (rows >= 0).all()), "values",
             f"{indices.label} leads beyond {wanted}", stage="invoke")  # fmt: skip


@litert("ONE_HOT")
def one_hot(node: Node) -> None:
    """ONE_HOT."""
    node.counts(4, 1)
    indices, depth, on, off = (node.x(i, aborts=True) for i in range(4))
    node.y()
    types(on, "float32", "int16", "int32", "int64", "int8", "uint8", "bool")
    types(indices, "int32", "int64")
    axis = int(node.option("axis", -1))
    at = indices.rank if axis == -1 else axis
    need(0 <= at <= indices.rank, "axis", f"the axis is {axis}; allowed: -1 to {indices.rank}")
    for x in (depth, on, off):
        need(x.size == 1, "shapes", f"{x.label} has {x.size} elements; allowed: 1")
    same_type(off, on)
    if depth.constant and depth.value is not None:
        raw = depth.value.tobytes()[:4]
        need(int.from_bytes(raw, "little", signed=True) >= 0, "values",
             f"{depth.label} is negative; allowed: 0 or more")  # fmt: skip
    runs_on(on, "float32", "int32", "int64", "int8", "uint8", "bool")


@litert("TOPK_V2")
def topk(node: Node) -> None:
    """TOPK_V2."""
    node.counts(2, 2)
    x, k = node.x(0), node.x(1)
    y, indices = node.y(0), node.y(1)
    same_type(x, y)
    types(k, "int32", "int16")
    if k.constant:
        need(k.size == 1, "shapes", f"{k.label} has {k.size} elements; allowed: 1")
        need(x.rank >= 1, "rank", f"{x.label} has no dimension; allowed: 1 or more")
        value = (k.integers() or [0])[0]
        need(value <= x.shape[-1], "values", f"k is {value}; allowed: up to {x.shape[-1]}")
    runs_on(y, "float32", "uint8", "int8", "int16", "int32", "int64")
    runs_on(indices, "int32", "int16")


@litert("UNIQUE")
def unique(node: Node) -> None:
    """UNIQUE."""
    node.counts(1, 2)
    x, y, index = node.x(), node.y(0), node.y(1)
    kind = str(node.option("idx_out_type", "int32"))
    kind = kind if kind in ("int64",) else "int32"
    same_type(y, x)
    need(index.dtype == kind, "types", f"{index.label} is of {index.dtype}; allowed: {kind}")
    rank(x, 1)
    runs_on(x, "int8", "int16", "int32", "int64", "float32", "uint8")


@litert("WHERE")
def where(node: Node) -> None:
    """WHERE."""
    node.counts(1, 1)
    x = node.x()
    node.y()
    types(x, "bool", "float32", "int64", "int32", "int8", "uint8", "uint32")


@litert("MATRIX_DIAG")
def matrix_diag(node: Node) -> None:
    """MATRIX_DIAG."""
    node.counts(1, 1)
    x = node.x()
    node.y()
    need(x.rank >= 1, "rank", f"{x.label} has no dimension; allowed: 1 or more")


@litert("MATRIX_SET_DIAG")
def matrix_set_diag(node: Node) -> None:
    """MATRIX_SET_DIAG."""
    node.counts(2, 1)
    x = node.x()
    node.x(1, aborts=True)
    node.y()
    need(x.rank >= 2, "rank", f"{x.label} has {x.rank} dimensions; allowed: 2 or more")


@litert("SEGMENT_SUM")
def segment_sum(node: Node) -> None:
    """SEGMENT_SUM."""
    node.counts(2, 1)
    x, ids = node.x(0), node.x(1)
    node.y()
    types(x, "int32", "float32")
    types(ids, "int32")
    need(x.rank >= 1, "rank", f"{x.label} has no dimension; allowed: 1 or more")
    rank(ids, 1)
    need(ids.size == x.shape[0], "shapes",
         f"{ids.label} has {ids.size} elements; allowed: {x.shape[0]}")  # fmt: skip
    values = ids.integers()
    if values:
        steps = [b - a for a, b in zip([0, *values], values, strict=False)]
        need(
            values[0] == 0 and set(steps) <= {0, 1},
            "values",
            f"{ids.label} holds {values[:8]}; allowed: from 0 on, each the last or one more",
        )


@litert("UNSORTED_SEGMENT_SUM", "UNSORTED_SEGMENT_PROD", "UNSORTED_SEGMENT_MAX",
        "UNSORTED_SEGMENT_MIN")  # fmt: skip
def unsorted_segment(node: Node) -> None:
    """Segments."""
    node.counts(3, 1)
    x, ids, count = node.x(0), node.x(1), node.x(2)
    node.y()
    types(x, "int32", "float32")
    types(ids, "int32")
    types(count, "int32")
    need(ids.rank <= x.rank and ids.shape == x.shape[: ids.rank], "shapes",
         f"{ids.label} has shape {list(ids.shape)}; allowed: how that of {x.label}, "
         f"{list(x.shape)}, begins")  # fmt: skip
    need(count.shape in ((), (1,)), "shapes",
         f"{count.label} has shape {list(count.shape)}; allowed: [] or [1]")  # fmt: skip
    wanted, values = count.integers(), ids.integers()
    if wanted is not None:
        need(wanted[0] >= 0, "values", f"{count.label} is {wanted[0]}; allowed: 0 or more")
        if values is not None:
            need(
                max(values, default=-1) < wanted[0],
                "values",
                f"{ids.label} holds {max(values, default=-1)}; allowed: less than {wanted[0]}",
            )


@litert("DYNAMIC_UPDATE_SLICE")
def dynamic_update_slice(node: Node) -> None:
    """DYNAMIC_UPDATE_SLICE."""
    x, update, start = node.x(0), node.x(1), node.x(2)
    node.y()
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
    node.counts(3, 1)
    same_type(x, update)
    types(start, "int32", "int64")
    sized(x, "int4")


@litert("SHAPE")
def shape(node: Node) -> None:
    """SHAPE."""
    node.counts(1, 1)
    node.x()
    node.y()
    kind = str(node.option("out_type", "float32"))
    need(kind in ("int32", "int64"), "options", f"out_type is {kind}; allowed: int32, int64")


@litert("RANK")
def rank_(node: Node) -> None:
    """RANK."""
    node.counts(1, 1)
    node.x()
    node.y()


@litert("RANGE")
def range_(node: Node) -> None:
    """RANGE."""
    node.counts(3, 1)
    start, limit, delta = (node.x(i) for i in range(3))
    node.y()
    for x in (start, limit, delta):
        rank(x, 0)
    types(start, "float32", "int32", "int64")
    same_type(limit, start)
    same_type(delta, start)
    values = [x.value for x in (start, limit, delta)]
    if all(value is not None for value in values):
        first, last, step = (float(value.reshape(-1)[0]) for value in values if value is not None)
        need(step != 0 and not math.isnan(step), "values", "the step is 0; allowed: another number")
        need((last - first) * step >= 0, "values",
             f"from {first:g} to {last:g} in steps of {step:g} leads nowhere")  # fmt: skip


@litert("HASHTABLE_LOOKUP")
def hashtable_lookup(node: Node) -> None:
    """HASHTABLE_LOOKUP."""
    node.counts(3, 2)
    lookup, key, value = node.x(0), node.x(1), node.x(2)
    rank(lookup, 1)
    types(lookup, "int32")
    rank(key, 1)
    types(key, "int32")
    need(value.rank >= 1, "rank", f"{value.label} has no dimension; allowed: 1 or more")
    need(key.shape[0] == value.shape[0], "shapes",
         f"{key.label} has {key.shape[0]} elements; allowed: {value.shape[0]}")  # fmt: skip
    y, hits = node.y(0), node.y(1)
    types(hits, "uint8")
    same_type(value, y)


@litert("NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5")
def non_max_suppression(node: Node) -> None:
    """NON_MAX_SUPPRESSION."""
    count = len(node.inputs)
    need(count in (5, 6), "operands", f"it has {count} inputs; allowed: 5 or 6")
    boxes, scores, most = node.x(0), node.x(1), node.x(2)
    types(boxes, "float32")
    rank(boxes, 2)
    need(boxes.shape[1] == 4, "shapes", f"{boxes.label} has shape {list(boxes.shape)}")
    types(scores, "float32")
    rank(scores, 1)
    need(boxes.shape[0] == scores.shape[0], "shapes",
         f"{scores.label} has {scores.shape[0]} elements; allowed: {boxes.shape[0]}")  # fmt: skip
    types(most, "int32")
    rank(most, 0)
    limit = most.integers()
    if limit is not None:
        need(limit[0] >= 0, "values", f"{most.label} is {limit[0]}; allowed: 0 or more")
    for position in range(3, count):
        types(node.x(position), "float32")
        rank(node.x(position), 0)
    wanted = 3 if count == 6 else 2
    need(len(node.outputs) == wanted, "operands",
         f"it has {len(node.outputs)} outputs; allowed: {wanted}")  # fmt: skip
    for position in range(wanted):
        node.y(position)


@litert("DENSIFY")
def densify(node: Node) -> None:
    """DENSIFY."""
    node.counts(1, 1)
    x = node.x()
    node.y()
    need(x.constant, "constants", f"{x.label} is computed at run time; it must be a constant")
    need(x.tensor.sparsity is not None, "sparsity", f"{x.label} is not sparse; it must be")
    runs_on(x, "float32", "float16", "int8")


@litert("DILATE")
def dilate(node: Node) -> None:
    """DILATE."""
    node.counts(3, 1)
    x, dilations, value = (node.x(i, aborts=True) for i in range(3))
    y = node.y(aborts=True)
    need(x.rank > 0, "rank", f"{x.label} has no dimension; allowed: 1 or more")
    same_type(x, y)
    same_type(x, value)
    runs_on(dilations, "int32")
    need(dilations.shape == (x.rank,), "shapes",
         f"{dilations.label} has shape {list(dilations.shape)}; allowed: [{x.rank}]",
         stage="invoke")  # fmt: skip
    values = dilations.integers()
    if values is not None:
        need(min(values) >= 1, "values", f"{dilations.label} holds {values}; allowed: 1 or more",
             stage="invoke")  # fmt: skip
