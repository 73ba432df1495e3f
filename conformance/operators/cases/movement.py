"""Operators that move elements: every storage type, negative axes, sizes of 1, all masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.operators.case import Case, generator
from conformance.operators.draw import Draw, chance, choice, codes, reals, scale, shape, zero_point
from refinterp.graph.build import GraphBuilder

CODES = ("int8", "uint8", "int16")
COMMON = ("float32", "int8", "uint8", "int16", "int32", "int64", "bool")
BYTES = (*COMMON, "float16", "uint16", "uint32", "uint64")
EVERY = (*BYTES, "int4")
INTEGERS = ("float32", "int8", "uint8", "int16", "int32", "int64")


def data(d: Draw, dims: Sequence[int], dtype: str) -> NDArray[Any]:
    """Elements of any storage type."""
    if dtype == "bool":
        return d.rng.random(tuple(dims)) < 0.5
    if dtype in ("float32", "float16"):
        return reals(d, dims).astype(dtype)
    if dtype == "uint64":
        return codes(d, dims, "int64").view(np.uint64)
    return codes(d, dims, dtype)


def quantization(d: Draw, dtype: str) -> dict[str, Any]:
    """A scale and zero point for code types, now and then none."""
    if dtype not in CODES or chance(d, 20):
        return {}
    return {"scale": scale(d), "zero_point": zero_point(d, dtype)}


def negative(d: Draw, axis: int, rank: int) -> int:
    """The axis, counted from the back in every third draw."""
    return axis - rank if chance(d, 33) else axis


def samples(d: Draw, *operands: tuple[Sequence[int], str]) -> list[list[NDArray[Any]]]:
    """Three invocations with data for inputs of these shapes and types."""
    return [[data(d, dims, dtype) for dims, dtype in operands] for _ in range(3)]


def single(
    d: Draw,
    operator: str,
    dtype: str,
    x_shape: Sequence[int],
    y_shapes: Sequence[Sequence[int]],
    rest: Sequence[tuple[str, Any]] = (),
    options: dict[str, Any] | None = None,
    *,
    data_at: int = 0,
    y_dtype: str | None = None,
    quantized: dict[str, Any] | None = None,
) -> Case:
    """A case of one data input, constants besides, and outputs of the same quantization."""
    q = quantization(d, dtype) if quantized is None else quantized
    g = GraphBuilder()
    x = g.input("x", x_shape, dtype, **q)
    operands = [g.constant(name, np.asarray(value)) for name, value in rest]
    operands.insert(data_at, x)
    y_type = y_dtype or dtype
    y_q = q if y_type == dtype else {}
    ys = [g.tensor(f"y{i}", dims, y_type, **y_q) for i, dims in enumerate(y_shapes)]
    g.operator(operator, operands, ys, options)
    return Case(g.build(outputs=ys), samples(d, (x_shape, dtype)))


def refactor(d: Draw, count: int) -> list[int]:
    """Sizes that multiply to count."""
    sizes: list[int] = []
    while count > 1 and len(sizes) < 4:
        divisors = [n for n in range(1, count + 1) if count % n == 0]
        sizes.append(choice(d, divisors))
        count //= sizes[-1]
    return sizes + ([count] if count > 1 or not sizes else [])


@generator("RESHAPE", *EVERY)
def reshape(d: Draw, dtype: str) -> Case:
    """By tensor, by option or both, with and without a -1; scalars."""
    x_shape = shape(d, d.integer(0, 5))
    y_shape = refactor(d, int(np.prod(x_shape, dtype=int)))
    if chance(d, 20):
        y_shape.insert(d.integer(0, len(y_shape)), 1)
    if y_shape == [1] and chance(d, 50):
        y_shape = []
    wanted = list(y_shape)
    if wanted and chance(d, 40):
        wanted[d.integer(0, len(wanted) - 1)] = -1
    by_tensor = chance(d, 60)
    rest = [("shape", np.array(wanted, np.int32))] if by_tensor else []
    if not by_tensor and not wanted:
        wanted = [0]
    option = wanted if not by_tensor or chance(d, 30) else [7]
    return single(d, "RESHAPE", dtype, x_shape, [y_shape], rest, {"new_shape": option})


@generator("SQUEEZE", *EVERY)
def squeeze(d: Draw, dtype: str) -> Case:
    """All ones, or some by name."""
    x_shape = tuple(1 if chance(d, 50) else d.integer(1, 5) for _ in range(d.integer(1, 5)))
    ones = [axis for axis, size in enumerate(x_shape) if size == 1]
    named = [axis for axis in ones if chance(d, 60)]
    gone = named or ones
    y_shape = [size for axis, size in enumerate(x_shape) if axis not in gone]
    dims = [negative(d, axis, len(x_shape)) for axis in named]
    return single(d, "SQUEEZE", dtype, x_shape, [y_shape], options={"squeeze_dims": dims})


@generator("EXPAND_DIMS", *EVERY)
def expand_dims(d: Draw, dtype: str) -> Case:
    """Any axis, counted from either end, as a scalar or a vector of one."""
    x_shape = shape(d, d.integer(0, 4))
    axis = d.integer(0, len(x_shape))
    y_shape = [*x_shape[:axis], 1, *x_shape[axis:]]
    value = np.array(negative(d, axis, len(y_shape)), "int64" if chance(d, 8) else "int32")
    axis_value = value.reshape(choice(d, [(), (1,)]))
    return single(d, "EXPAND_DIMS", dtype, x_shape, [y_shape], [("axis", axis_value)])


@generator("TRANSPOSE", *EVERY)
def transpose(d: Draw, dtype: str) -> Case:
    """Any order of up to six axes."""
    rank = d.integer(1, 5) if chance(d, 95) else 6
    x_shape = shape(d, rank, most=5)
    perm = [int(axis) for axis in d.rng.permutation(rank)]
    y_shape = [x_shape[axis] for axis in perm]
    if chance(d, 15):
        perm = [negative(d, axis, rank) for axis in perm]
    return single(d, "TRANSPOSE", dtype, x_shape, [y_shape], [("perm", np.array(perm, np.int32))])


@generator("PAD", *COMMON, "float16")
def pad(d: Draw, dtype: str, operator: str = "PAD") -> Case:
    """Zero by default, or a value, constant or not."""
    rank = d.integer(1, 5)
    x_shape = shape(d, rank, most=4)
    image = rank == 4 and chance(d, 40)
    pairs = [
        (0, 0) if image and axis in (0, 3) else (d.integer(0, 3), d.integer(0, 3))
        for axis in range(rank)
    ]
    y_shape = [size + sum(pair) for size, pair in zip(x_shape, pairs, strict=True)]
    q = quantization(d, dtype)
    g = GraphBuilder()
    x = g.input("x", x_shape, dtype, **q)
    kind = "int64" if chance(d, 8) else "int32"
    operands = [x, g.constant("paddings", np.array(pairs, kind))]
    fed: list[tuple[Sequence[int], str]] = [(x_shape, dtype)]
    if operator == "PADV2" or chance(d, 10):
        value_shape = choice(d, [(), (1,), (1, 1)])
        if chance(d, 60):
            operands.append(g.constant("value", data(d, value_shape, dtype), dtype, **q))
        else:
            operands.append(g.input("value", value_shape, dtype, **q))
            fed.append((value_shape, dtype))
    y = g.tensor("y", y_shape, dtype, **q)
    g.operator(operator, operands, [y])
    return Case(g.build(outputs=[y]), samples(d, *fed))


@generator("PADV2", *COMMON, "float16")
def padv2(d: Draw, dtype: str) -> Case:
    """With the value as an input."""
    return pad(d, dtype, "PADV2")


@generator("CONCATENATION", *COMMON, "float16", "uint32", "int4")
def concatenation(d: Draw, dtype: str) -> Case:
    """Up to five parts, some of them constants, some empty; uint8 with scales of their own."""
    rank = d.integer(1, 5)
    axis = d.integer(0, rank - 1)
    base = shape(d, rank, most=5)
    count = d.integer(1, 5)
    q = quantization(d, dtype)
    g = GraphBuilder()
    operands, fed = [], []
    total = 0
    for i in range(count):
        size = 0 if i and chance(d, 5) else d.integer(1, 5)
        dims = (*base[:axis], size, *base[axis + 1 :])
        total += size
        own = q
        if dtype == "uint8" and q and chance(d, 60):
            own = {"scale": scale(d), "zero_point": zero_point(d, dtype)}
        if dtype == "int16" and q:
            own = {"scale": scale(d), "zero_point": 0}
        if i and size and chance(d, 25):
            operands.append(g.constant(f"x{i}", data(d, dims, dtype), dtype, **own))
        else:
            operands.append(g.input(f"x{i}", dims, dtype, **own))
            fed.append((dims, dtype))
    y = g.tensor("y", (*base[:axis], total, *base[axis + 1 :]), dtype, **q)
    g.operator("CONCATENATION", operands, [y], {"axis": negative(d, axis, rank)})
    return Case(g.build(outputs=[y]), samples(d, *fed))


def spec_of(d: Draw, size: int) -> tuple[int, int, int, slice]:
    """Begin, end and stride on an axis, and the slice they mean."""
    stride = choice(d, [1, 1, 1, 2, 3, -1, -2])
    begin, end = d.integer(0, size - 1), d.integer(1, size)
    if stride < 0:
        begin, end = max(begin, end - 1), min(begin, end - 1) - 1
        end = -size - 1 if end < 0 else end
    elif begin >= end:
        begin, end = end - 1, begin + 1
    picked = slice(begin, end, stride)
    if chance(d, 30):
        begin -= size
    if chance(d, 15) and stride > 0:
        end += 10 if end == size else 0
    return begin, end, stride, picked


@generator("STRIDED_SLICE", *BYTES)
def strided_slice(d: Draw, dtype: str) -> Case:
    """All masks; TFLM, which ignores ellipsis and new axes, refuses the models that have them."""
    rank = d.integer(1, 4) if chance(d, 85) else 5
    x_shape = shape(d, rank, most=6)
    masks = dict.fromkeys(
        ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"), 0
    )
    begins, ends, strides = [], [], []
    index: list[Any] = []
    ragged = chance(d, 35)
    offset = not ragged and chance(d, 12)
    axis = 0
    ellipsis = False
    while axis < rank:
        entry = len(begins)
        kind = choice(d, ["cut"] * 6 + ["new", "ellipsis", "stop"]) if ragged else "cut"
        if kind == "stop" and begins:
            break
        begin, end, stride, picked = spec_of(d, x_shape[axis])
        if kind == "new":
            masks["new_axis_mask"] |= 1 << entry
            index.append(None)
        elif kind == "ellipsis" and not ellipsis:
            masks["ellipsis_mask"] |= 1 << entry
            ellipsis = True
            skipped = d.integer(1, rank - axis)
            index += [slice(None)] * skipped
            axis += skipped
        else:
            first, last = picked.start, picked.stop
            if offset:
                first = begin = d.integer(0, x_shape[axis] - 1)
                end = d.integer(1, x_shape[axis] - first)
                stride, last = choice(d, [1, 2]), first + end
            if chance(d, 20) and not offset:
                masks["begin_mask"] |= 1 << entry
                first = None
            if chance(d, 20) and not offset:
                masks["end_mask"] |= 1 << entry
                last = None
            if chance(d, 20) and stride > 0:
                masks["shrink_axis_mask"] |= 1 << entry
                index.append(first or 0)
            else:
                index.append(slice(first, last, stride))
            axis += 1
        begins.append(begin)
        ends.append(end)
        strides.append(stride)
    if ellipsis and axis < rank:  # what is left belongs to the ellipsis: put it there
        at = next(i for i, part in enumerate(index) if part == slice(None))
        index[at:at] = [slice(None)] * (rank - axis)
    y_shape = np.empty(x_shape, np.bool_)[tuple(index)].shape
    rest = [
        (name, np.array(value, np.int32))
        for name, value in (("begin", begins), ("end", ends), ("strides", strides))
    ]
    options = {**masks, "offset": offset}
    return single(d, "STRIDED_SLICE", dtype, x_shape, [y_shape], rest, options)


@generator("SLICE", *EVERY)
def slice_(d: Draw, dtype: str) -> Case:
    """Boxes, with -1 for what is left; empty now and then."""
    rank = d.integer(1, 5) if chance(d, 95) else 6
    x_shape = shape(d, rank, most=5)
    begin = [d.integer(0, size - 1) for size in x_shape]
    sizes = [d.integer(1, size - start) for size, start in zip(x_shape, begin, strict=True)]
    y_shape = list(sizes)
    for axis in range(rank):
        if chance(d, 20):
            sizes[axis] = -1
            y_shape[axis] = x_shape[axis] - begin[axis]
    kind = choice(d, ["int32", "int64"])
    rest = [("begin", np.array(begin, kind)), ("size", np.array(sizes, kind))]
    case = single(d, "SLICE", dtype, x_shape, [y_shape], rest)
    # TFLM dies of six axes: see known_differences
    return replace(case, undefined=frozenset({"runtime:tflm"} if rank == 6 else ()))


@generator("PACK", *INTEGERS, "uint32")
def pack(d: Draw, dtype: str) -> Case:
    """Any axis, some parts constant."""
    x_shape = shape(d, d.integer(0, 4), most=5)
    count = d.integer(1, 5)
    axis = d.integer(0, len(x_shape))
    q = quantization(d, dtype)
    g = GraphBuilder()
    operands, fed = [], []
    for i in range(count):
        if i and chance(d, 25):
            operands.append(g.constant(f"x{i}", data(d, x_shape, dtype), dtype, **q))
        else:
            operands.append(g.input(f"x{i}", x_shape, dtype, **q))
            fed.append((x_shape, dtype))
    y = g.tensor("y", (*x_shape[:axis], count, *x_shape[axis:]), dtype, **q)
    options = {"values_count": count, "axis": negative(d, axis, len(x_shape) + 1)}
    g.operator("PACK", operands, [y], options)
    return Case(g.build(outputs=[y]), samples(d, *fed))


@generator("UNPACK", "float32", "int8", "uint8", "int16", "int32", "bool", "float16")
def unpack(d: Draw, dtype: str) -> Case:
    """Any axis."""
    rank = d.integer(1, 5)
    x_shape = shape(d, rank, most=5)
    axis = d.integer(0, rank - 1)
    y_shape = (*x_shape[:axis], *x_shape[axis + 1 :])
    options = {"num": x_shape[axis], "axis": negative(d, axis, rank)}
    return single(d, "UNPACK", dtype, x_shape, [y_shape] * x_shape[axis], options=options)


@generator("SPLIT", *INTEGERS)
def split(d: Draw, dtype: str) -> Case:
    """Equal pieces along any axis."""
    rank = d.integer(1, 5)
    axis = d.integer(0, rank - 1)
    count = d.integer(1, 4)
    piece = list(shape(d, rank, most=4))
    x_shape = list(piece)
    x_shape[axis] *= count
    value = np.array(negative(d, axis, rank), np.int32).reshape(choice(d, [(), (1,)]))
    return single(
        d,
        "SPLIT",
        dtype,
        x_shape,
        [piece] * count,
        [("axis", value)],
        {"num_splits": count},
        data_at=1,
    )


@generator("SPLIT_V", *INTEGERS)
def split_v(d: Draw, dtype: str) -> Case:
    """Pieces of any size, empty ones included, one of them named -1 now and then."""
    rank = d.integer(1, 5)
    axis = d.integer(0, rank - 1)
    sizes = [0 if chance(d, 5) else d.integer(1, 4) for _ in range(d.integer(1, 4))]
    sizes[0] = max(sizes[0], 1)
    base = list(shape(d, rank, most=4))
    pieces = [[*base[:axis], size, *base[axis + 1 :]] for size in sizes]
    x_shape = [*base[:axis], sum(sizes), *base[axis + 1 :]]
    if chance(d, 30):
        sizes[d.integer(0, len(sizes) - 1)] = -1
    back = axis if chance(d, 80) else axis - rank
    rest = [
        ("sizes", np.array(sizes, choice(d, ["int32", "int64"]))),
        ("axis", np.array(back, np.int32).reshape(choice(d, [(), (1,)]))),
    ]
    return single(d, "SPLIT_V", dtype, x_shape, pieces, rest, {"num_splits": len(pieces)})


@generator("SHAPE", *EVERY)
def shape_of(d: Draw, dtype: str) -> Case:
    """Both output types."""
    x_shape = shape(d, d.integer(1, 5))
    kind = "int64" if chance(d, 15) else "int32"
    return single(
        d, "SHAPE", dtype, x_shape, [(len(x_shape),)], options={"out_type": kind}, y_dtype=kind
    )


@generator("RANK", *EVERY)
def rank_of(d: Draw, dtype: str) -> Case:
    """Any rank."""
    return single(d, "RANK", dtype, shape(d, d.integer(0, 5)), [()], y_dtype="int32")


def resize(d: Draw, operator: str, dtype: str, exclusive: bool) -> Case:
    """Larger and smaller, both options."""
    x_shape = shape(d, 4, most=9)
    size = [d.integer(1, 20) if chance(d, 70) else x_shape[i] * d.integer(1, 3) for i in (1, 2)]
    align = chance(d, 35)
    half = chance(d, 40) and not (align and exclusive)
    return single(
        d,
        operator,
        dtype,
        x_shape,
        [(x_shape[0], *size, x_shape[3])],
        [("size", np.array(size, np.int32))],
        {"align_corners": align, "half_pixel_centers": half},
    )


@generator(
    "RESIZE_NEAREST_NEIGHBOR",
    *("int8", "uint8", "int16", "float32", "int32", "float16", "uint16", "uint32", "bool"),
)
def resize_nearest_neighbor(d: Draw, dtype: str) -> Case:
    """Any mixture of options."""
    return resize(d, "RESIZE_NEAREST_NEIGHBOR", dtype, exclusive=False)


@generator("RESIZE_BILINEAR", "int8", "uint8", "int16", "float32")
def resize_bilinear(d: Draw, dtype: str) -> Case:
    """At most one option; float32 sums are the same to the last bit."""
    case = resize(d, "RESIZE_BILINEAR", dtype, exclusive=True)
    return Case(case.model, case.samples, float_tolerance=0.0)
