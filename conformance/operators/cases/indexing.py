"""Operators that pick, place, repeat or rearrange elements by index, or make indices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.operators.case import Case, generator
from conformance.operators.cases.movement import (
    BYTES,
    COMMON,
    EVERY,
    INTEGERS,
    data,
    negative,
    quantization,
)
from conformance.operators.cases.movement import single as moved
from conformance.operators.draw import Draw, chance, choice, scale, shape
from refinterp.graph.build import GraphBuilder


class IndexingOperands:
    """The inputs of one operator: each a constant, or an input with data for three samples."""

    def __init__(self, d: Draw) -> None:
        self.d = d
        self.g = GraphBuilder()
        self.tensors: list[int] = []
        self.columns: list[list[NDArray[Any]]] = []

    def fed(self, dims: Sequence[int], dtype: str, draw: Any = None, **q: Any) -> None:
        """A model input; draw makes the data of one sample."""
        self.tensors.append(self.g.input(f"x{len(self.tensors)}", dims, dtype, **q))
        make = draw or (lambda: data(self.d, dims, dtype))
        self.columns.append([np.asarray(make()) for _ in range(3)])

    def given(self, value: Any, dtype: str | None = None, **q: Any) -> None:
        """A constant."""
        self.tensors.append(self.g.constant(f"c{len(self.tensors)}", value, dtype, **q))

    def either(
        self, dims: Sequence[int], dtype: str, draw: Any = None, constant: int = 40, **q: Any
    ) -> None:
        """A constant in some percent of the draws, else a model input."""
        if chance(self.d, constant):
            value = draw() if draw else data(self.d, dims, dtype)
            self.given(np.asarray(value), dtype, **q)
        else:
            self.fed(dims, dtype, draw, **q)

    def case(
        self,
        operator: str,
        outputs: Sequence[tuple[Sequence[int], str, dict[str, Any]]],
        options: dict[str, Any] | None = None,
        **rest: Any,
    ) -> Case:
        """Add the operator and its outputs (shape, type, quantization)."""
        ys = [
            self.g.tensor(f"y{i}", dims, dtype, **q) for i, (dims, dtype, q) in enumerate(outputs)
        ]
        self.g.operator(operator, self.tensors, ys, options)
        samples = [[column[s] for column in self.columns] for s in range(3)]
        return Case(self.g.build(outputs=ys), samples, **rest)


def indices(d: Draw, dims: Sequence[int], size: int, dtype: str) -> Any:
    """A function that draws indices below `size`."""
    return lambda: d.rng.integers(0, max(size, 1), tuple(dims)).astype(dtype)


def index_type(d: Draw) -> str:
    """int32 mostly: TFLM has no other."""
    return choice(d, ["int32"] * 6 + ["int64", "int16"])


@generator("GATHER", *COMMON, "float16", "int4")
def gather(d: Draw, dtype: str) -> Case:
    """Any axis, any shape of indices, batch dimensions."""
    rank = d.integer(1, 4)
    x_shape = shape(d, rank, most=5)
    axis = d.integer(0, rank - 1)
    batch = d.integer(0, axis) if chance(d, 40) else 0
    if dtype == "int4":  # LiteRT reads slices of an odd number of elements at half a byte
        x_shape, axis, batch = (*x_shape, 2), min(axis, rank - 1), 0
    i_shape = (*x_shape[:batch], *shape(d, d.integer(0, 2), most=4))
    y_shape = (*x_shape[:axis], *i_shape[batch:], *x_shape[axis + 1 :])
    q = quantization(d, dtype)
    kind = index_type(d)
    o = IndexingOperands(d)
    o.either(x_shape, dtype, constant=20, **q)
    constant = 40 if o.columns else 0
    o.either(i_shape, kind, indices(d, i_shape, x_shape[axis], kind), constant=constant)
    back = batch - len(i_shape) if 0 < batch < len(i_shape) and chance(d, 30) else batch
    options = {"axis": negative(d, axis, len(x_shape)), "batch_dims": back}
    return o.case("GATHER", [(y_shape, dtype, q)], options)


@generator("GATHER_ND", *COMMON, "float16")
def gather_nd(d: Draw, dtype: str) -> Case:
    """Coordinates of every length."""
    rank = d.integer(1, 4)
    x_shape = shape(d, rank, most=4)
    count = d.integer(1, rank)
    i_shape = (*shape(d, d.integer(0, 2), most=4), count)
    kind = index_type(d)

    def draw() -> Any:
        found = [d.rng.integers(0, size, i_shape[:-1]) for size in x_shape[:count]]
        return np.stack(found, axis=-1).astype(kind)

    q = quantization(d, dtype)
    o = IndexingOperands(d)
    o.either(x_shape, dtype, constant=20, **q)
    o.either(i_shape, kind, draw, constant=40 if o.columns else 0)
    return o.case("GATHER_ND", [((*i_shape[:-1], *x_shape[count:]), dtype, q)])


@generator("TILE", *BYTES)
def tile(d: Draw, dtype: str) -> Case:
    """Multiples of 1 to 3, 0 now and then."""
    x_shape = shape(d, d.integer(1, 5), most=4)
    multiples = [0 if chance(d, 3) else d.integer(1, 3) for _ in x_shape]
    y_shape = [n * m for n, m in zip(x_shape, multiples, strict=True)]
    value = np.array(multiples, choice(d, ["int32", "int64"]))
    return moved(d, "TILE", dtype, x_shape, [y_shape], [("multiples", value)])


@generator("BROADCAST_TO", *BYTES)
def broadcast_to(d: Draw, dtype: str) -> Case:
    """Inner, outer and new axes."""
    y_shape = shape(d, d.integer(1, 5), most=4)
    x_shape = [1 if chance(d, 40) else size for size in y_shape]
    x_shape = x_shape[d.integer(0, len(x_shape)) :] if chance(d, 30) else x_shape
    value = np.array(y_shape, choice(d, ["int32", "int32", "int64"]))
    return moved(d, "BROADCAST_TO", dtype, x_shape, [y_shape], [("shape", value)])


@generator("BROADCAST_ARGS", "int32", "int64")
def broadcast_args(d: Draw, dtype: str) -> Case:
    """Shapes of different rank that broadcast."""
    lengths = d.integer(0, 4), d.integer(1, 4)
    lengths = lengths if chance(d, 50) else (lengths[1], lengths[0])
    pool = shape(d, 4, most=5)
    o = IndexingOperands(d)
    for length in lengths:
        tail = np.array(pool[4 - length :], dtype)
        o.fed((length,), dtype, lambda t=tail: np.where(d.rng.random(t.shape) < 0.3, 1, t))  # type: ignore[misc]
    o.columns = [[a.astype(dtype) for a in column] for column in o.columns]
    return o.case("BROADCAST_ARGS", [((max(lengths),), dtype, {})])


@generator("FILL", *BYTES)
def fill(d: Draw, dtype: str) -> Case:
    """Any shape, scalars and empty ones included; dims given or fed."""
    dims = shape(d, d.integer(1, 4), most=5)
    q = quantization(d, dtype)
    if dtype == "int16" and q:
        q["zero_point"] = 0
    value = np.array(dims, choice(d, ["int32", "int32", "int64"]))
    o = IndexingOperands(d)
    o.either(value.shape, value.dtype.name, lambda: value, constant=70)
    o.fed((), dtype, **q)
    return o.case("FILL", [(dims, dtype, q)])


@generator("RANGE", "float32", "int32", "int64")
def range_(d: Draw, dtype: str) -> Case:
    """Up and down, with steps that do not divide the way; operands given or fed."""
    sign = choice(d, [1, -1])
    if dtype == "float32":
        start, way, step = (float(np.float32(d.rng.standard_normal() * 10)) for _ in range(3))
        way, step = abs(way), max(abs(step), 0.05)
    else:
        start, way, step = d.integer(-50, 50), d.integer(1, 60), d.integer(1, 9)
    values = [np.array(v, dtype) for v in (start, start + sign * way, sign * step)]
    count = 0 if values[0] == values[1] else 1  # LiteRT tells the size, if it is run
    o = IndexingOperands(d)
    for value in values:
        o.either((), dtype, lambda v=value: v, constant=30)  # type: ignore[misc]
    if not o.columns:
        o.tensors[0] = o.g.input("start", (), dtype)
        o.columns = [[values[0]] * 3]
    return o.case("RANGE", [((count,), dtype, {})], float_tolerance=0.0)


@generator("ZEROS_LIKE", "float32", "int8", "int32", "int64")
def zeros_like(d: Draw, dtype: str) -> Case:
    """Any shape."""
    x_shape = shape(d, d.integer(0, 4))
    return moved(d, "ZEROS_LIKE", dtype, x_shape, [x_shape])


@generator("ONE_HOT", "float32", "int8", "uint8", "int32", "int64", "bool")
def one_hot(d: Draw, dtype: str) -> Case:
    """Indices in and out of range, any axis."""
    i_shape = shape(d, d.integer(0, 3), most=4)
    depth = d.integer(1, 6)
    axis = d.integer(0, len(i_shape))
    kind = choice(d, ["int32", "int64"])
    y_shape = (*i_shape[:axis], depth, *i_shape[axis:])
    o = IndexingOperands(d)
    o.fed(i_shape, kind, lambda: d.rng.integers(-2, depth + 2, i_shape).astype(kind))
    o.either((), "int32", lambda: np.array(depth, np.int32), constant=70)
    o.either((), dtype)
    o.either((), dtype)
    last = axis == len(i_shape) and chance(d, 50)
    return o.case("ONE_HOT", [(y_shape, dtype, {})], {"axis": -1 if last else axis})


@generator("REVERSE_V2", *COMMON, "float16")
def reverse_v2(d: Draw, dtype: str) -> Case:
    """One axis or several neighbours, in any order."""
    rank = d.integer(1, 5)
    x_shape = shape(d, rank, most=4)
    first = d.integer(0, rank - 1)
    axes = list(range(first, d.integer(first, rank - 1) + 1))
    axes = [int(axes[i]) for i in d.rng.permutation(len(axes))]
    value = np.array([negative(d, axis, rank) for axis in axes], np.int32)
    return moved(d, "REVERSE_V2", dtype, x_shape, [x_shape], [("axes", value)])


@generator("REVERSE_SEQUENCE", "float32", "uint8", "int16", "int32", "int64")
def reverse_sequence(d: Draw, dtype: str) -> Case:
    """Sequence axis before and behind the batch axis; lengths from 0."""
    rank = d.integer(2, 4)
    x_shape = shape(d, rank, most=5)
    sequence, batch = (int(axis) for axis in d.rng.permutation(rank)[:2])
    kind = choice(d, ["int32", "int64"])
    lengths = (x_shape[batch],)
    q = quantization(d, dtype)
    o = IndexingOperands(d)
    o.fed(x_shape, dtype, **q)
    o.either(
        lengths,
        kind,
        lambda: d.rng.integers(0, x_shape[sequence] + 1, lengths).astype(kind),
    )
    options = {"seq_dim": sequence, "batch_dim": batch}
    return o.case("REVERSE_SEQUENCE", [(x_shape, dtype, q)], options)


@generator("MIRROR_PAD", *BYTES)
def mirror_pad(d: Draw, dtype: str) -> Case:
    """Both modes, up to the largest paddings."""
    rank = d.integer(1, 4)
    x_shape = shape(d, rank, most=5)
    mode = choice(d, ["REFLECT", "SYMMETRIC"])
    room = [size - (mode == "REFLECT") for size in x_shape]
    pairs = [(d.integer(0, most), d.integer(0, most)) for most in room]
    y_shape = [size + sum(pair) for size, pair in zip(x_shape, pairs, strict=True)]
    q = quantization(d, dtype)
    if dtype == "int16" and q:
        q["zero_point"] = 0
    value = np.array(pairs, choice(d, ["int32", "int32", "int64"]))
    rest = [("paddings", value)]
    return moved(d, "MIRROR_PAD", dtype, x_shape, [y_shape], rest, {"mode": mode}, quantized=q)


@generator("SPACE_TO_BATCH_ND", *BYTES)
def space_to_batch_nd(d: Draw, dtype: str) -> Case:
    """3-D and 4-D, with paddings that make the blocks fit."""
    axes = 2 if chance(d, 75) else 1
    x_shape = shape(d, axes + 2, most=5)
    block = [d.integer(1, 3) for _ in range(axes)]
    padded = chance(d, 60)
    if not padded:
        middle = [size * step for size, step in zip(x_shape[1:-1], block, strict=True)]
        x_shape = (x_shape[0], *middle, x_shape[-1])
    pairs, space = [], []
    for size, step in zip(x_shape[1:-1], block, strict=True):
        before = d.integer(0, 3) if padded else 0
        after = -(size + before) % step + step * d.integer(0, 1) * padded
        pairs.append((before, after))
        space.append((size + before + after) // step)
    y_shape = (x_shape[0] * int(np.prod(block)), *space, x_shape[-1])
    rest = [("block", np.array(block, np.int32)), ("paddings", np.array(pairs, np.int32))]
    case = moved(d, "SPACE_TO_BATCH_ND", dtype, x_shape, [y_shape], rest)
    # TFLM pads with whatever lies in its memory: see known_differences
    undefined = {"runtime:tflm"} if np.any(np.array(pairs)) else ()
    return replace(case, undefined=frozenset(undefined))


@generator("BATCH_TO_SPACE_ND", *BYTES)
def batch_to_space_nd(d: Draw, dtype: str) -> Case:
    """3-D and 4-D, with crops."""
    axes = 2 if chance(d, 75) else 1
    block = [d.integer(1, 3) for _ in range(axes)]
    base = shape(d, axes + 2, most=4)
    x_shape = (base[0] * int(np.prod(block)), *base[1:])
    pairs, space = [], []
    for size, step in zip(base[1:-1], block, strict=True):
        before = d.integer(0, size * step - 1)
        after = d.integer(0, size * step - 1 - before)
        pairs.append((before, after))
        space.append(size * step - before - after)
    rest = [("block", np.array(block, np.int32)), ("crops", np.array(pairs, np.int32))]
    y_shape = (base[0], *space, base[-1])
    return moved(d, "BATCH_TO_SPACE_ND", dtype, x_shape, [y_shape], rest)


IMAGES = ("float32", "int8", "uint8", "int32", "int64")


@generator("DEPTH_TO_SPACE", *IMAGES)
def depth_to_space(d: Draw, dtype: str) -> Case:
    """Blocks of 1 to 3."""
    batch, height, width, depth = shape(d, 4, most=4)
    block = d.integer(1, 3)
    x_shape = (batch, height, width, depth * block**2)
    y_shape = (batch, height * block, width * block, depth)
    options = {"block_size": block}
    return moved(d, "DEPTH_TO_SPACE", dtype, x_shape, [y_shape], options=options)


@generator("SPACE_TO_DEPTH", *IMAGES)
def space_to_depth(d: Draw, dtype: str) -> Case:
    """Blocks of 1 to 3."""
    batch, height, width, depth = shape(d, 4, most=4)
    block = d.integer(1, 3)
    x_shape = (batch, height * block, width * block, depth)
    y_shape = (batch, height, width, depth * block**2)
    options = {"block_size": block}
    return moved(d, "SPACE_TO_DEPTH", dtype, x_shape, [y_shape], options=options)


@generator("DYNAMIC_UPDATE_SLICE", *EVERY)
def dynamic_update_slice(d: Draw, dtype: str) -> Case:
    """Starts before, inside and beyond the input."""
    x_shape = shape(d, d.integer(1, 4), most=5)
    u_shape = tuple(d.integer(1, size) for size in x_shape)
    kind = choice(d, ["int32", "int32", "int64"])
    starts = (len(x_shape),)
    q = quantization(d, dtype)
    o = IndexingOperands(d)
    o.fed(x_shape, dtype, **q)
    o.either(u_shape, dtype, **q)
    o.either(starts, kind, lambda: d.rng.integers(-2, 7, starts).astype(kind))
    return o.case("DYNAMIC_UPDATE_SLICE", [(x_shape, dtype, q)])


@generator("EMBEDDING_LOOKUP", *COMMON, "float16", "int4", "int2")
def embedding_lookup(d: Draw, dtype: str) -> Case:
    """Rows as they are, or as reals; int4 and int2 rows that end on a byte."""
    packed = {"int4": 2, "int2": 4}.get(dtype, 1)
    rows, *rest = shape(d, d.integer(2, 3), most=6)
    rest[-1] *= packed
    count = d.integer(1, 5)
    real = dtype in ("int4", "int2") or (dtype in ("int8", "uint8") and chance(d, 60))
    q: dict[str, Any] = {}
    if real:
        q = {"scale": [scale(d) for _ in range(rows)] if chance(d, 50) else scale(d)}
    elif dtype == "int8":
        q = quantization(d, dtype)
    y_type = ("float16" if chance(d, 20) else "float32") if real else dtype
    o = IndexingOperands(d)
    o.fed((count,), "int32", indices(d, (count,), rows, "int32"))
    o.given(data(d, (rows, *rest), dtype), dtype, **q)
    y_q = {} if real else q
    return o.case("EMBEDDING_LOOKUP", [((count, *rest), y_type, y_q)], float_tolerance=0.0)


@generator("ARG_MAX", "float32", "int8", "uint8", "int32", "bool")
def arg_max(d: Draw, dtype: str, operator: str = "ARG_MAX") -> Case:
    """Any axis; small codes make ties."""
    rank = d.integer(1, 4)
    x_shape = shape(d, rank, most=7)
    axis = d.integer(0, rank - 1)
    kind = "int64" if chance(d, 6) else "int32"
    axis_kind = "int64" if chance(d, 6) else "int32"
    value = np.array(negative(d, axis, rank), axis_kind).reshape(choice(d, [(), (1,)]))
    y_shape = (*x_shape[:axis], *x_shape[axis + 1 :])
    rest = [("axis", value)]
    options = {"output_type": kind}
    return moved(d, operator, dtype, x_shape, [y_shape], rest, options, y_dtype=kind)


@generator("ARG_MIN", "float32", "int8", "uint8", "int32", "bool")
def arg_min(d: Draw, dtype: str) -> Case:
    """As ARG_MAX."""
    return arg_max(d, dtype, "ARG_MIN")


@generator("TOPK_V2", *INTEGERS)
def topk_v2(d: Draw, dtype: str) -> Case:
    """Any k; small codes make ties."""
    x_shape = shape(d, d.integer(1, 3), most=12)
    k = d.integer(1, x_shape[-1])
    q = quantization(d, dtype)
    o = IndexingOperands(d)
    o.fed(x_shape, dtype, **q)
    kind = choice(d, ["int32", "int16"])
    o.either((), kind, lambda: np.array(k, kind), constant=80)
    y_shape = (*x_shape[:-1], k)
    return o.case("TOPK_V2", [(y_shape, dtype, q), (y_shape, choice(d, ["int32", "int16"]), {})])


@generator("CUMSUM", "float32", "int8", "int32", "int64")
def cumsum(d: Draw, dtype: str) -> Case:
    """Both options, any axis; sums that leave the range."""
    rank = d.integer(1, 4)
    x_shape = shape(d, rank, most=7)
    axis = d.integer(0, rank - 1)
    value = np.array(negative(d, axis, rank), np.int32)
    options = {"exclusive": chance(d, 50), "reverse": chance(d, 50)}
    if dtype != "int8":
        case = moved(d, "CUMSUM", dtype, x_shape, [x_shape], [("axis", value)], options)
        return Case(case.model, case.samples, float_tolerance=0.0)
    q = quantization(d, dtype) or {"scale": scale(d), "zero_point": 3}
    y_q = {"scale": q["scale"] * choice(d, [1, 2, 5, 0.5]), "zero_point": d.integer(-128, 127)}
    o = IndexingOperands(d)
    o.fed(x_shape, dtype, **q)
    o.given(value)
    return o.case("CUMSUM", [(x_shape, dtype, y_q)], options)
