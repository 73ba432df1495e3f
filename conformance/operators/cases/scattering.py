"""Operators that scatter, spread, reduce windows or count, and the StableHLO ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from conformance.operators.case import Case, generator
from conformance.operators.cases.indexing import IndexingOperands
from conformance.operators.cases.movement import BYTES, INTEGERS, data, quantization
from conformance.operators.cases.movement import single as moved
from conformance.operators.draw import Draw, chance, choice, shape

NUMBERS = (*INTEGERS, "float16", "uint16", "uint32", "uint64")


def coordinates(d: Draw, lead: Sequence[int], sizes: Sequence[int], dtype: str) -> Any:
    """A function that draws coordinates (*lead, n) within n sizes."""

    def draw() -> Any:
        found = [d.rng.integers(0, size, tuple(lead)) for size in sizes]
        return np.stack(found, axis=-1).astype(dtype)

    return draw


@generator("SCATTER_ND", "float32", "int8", "uint8", "int32", "int64", "bool")
def scatter_nd(d: Draw, dtype: str) -> Case:
    """Elements and slices, several at one place."""
    y_shape = shape(d, d.integer(1, 4), most=4)
    count = d.integer(1, len(y_shape))
    lead = shape(d, d.integer(1, 2), most=5)
    o = IndexingOperands(d)
    o.either((*lead, count), "int32", coordinates(d, lead, y_shape[:count], "int32"))
    o.fed((*lead, *y_shape[count:]), dtype)
    o.either((len(y_shape),), "int32", lambda: np.array(y_shape, np.int32), constant=80)
    return o.case("SCATTER_ND", [(y_shape, dtype, {})], float_tolerance=0.0)


@generator("SPARSE_TO_DENSE", "float32", "int8", "uint8", "int32", "int64")
def sparse_to_dense(d: Draw, dtype: str) -> Case:
    """Indices of every rank, values for each or for all, several at one place."""
    y_shape = shape(d, d.integer(1, 4), most=4)
    count = d.integer(1, 5)
    kind = choice(d, ["int32", "int64"])
    draw = coordinates(d, (count,), y_shape, kind)
    dims: tuple[int, ...] = (count, len(y_shape))
    if len(y_shape) == 1 and chance(d, 50):
        dims = (count,)
    values = () if chance(d, 30) else (count,)
    o = IndexingOperands(d)
    o.either(dims, kind, lambda: draw().reshape(dims))
    shape_kind = choice(d, ["int32", "int64"])
    o.either((len(y_shape),), shape_kind, lambda: np.array(y_shape, shape_kind), constant=80)
    o.fed(values, dtype)
    o.either((), dtype)
    return o.case("SPARSE_TO_DENSE", [(y_shape, dtype, {})])


@generator("WHERE", "bool", "float32", "int8", "uint8", "uint32", "int32", "int64")
def where(d: Draw, dtype: str) -> Case:
    """At least one element is there: LiteRT has no way to hand an empty tensor out."""
    x_shape = shape(d, d.integer(1, 4), most=4)

    def draw() -> Any:
        x = data(d, x_shape, dtype) * (d.rng.random(x_shape) < 0.5)
        x.reshape(-1)[d.rng.integers(0, x.size)] = 1
        return x.astype(dtype)

    o = IndexingOperands(d)
    o.fed(x_shape, dtype, draw)
    return o.case("WHERE", [((1, len(x_shape)), "int64", {})])


@generator("UNIQUE", *INTEGERS)
def unique(d: Draw, dtype: str) -> Case:
    """Few values, many times."""
    count = d.integer(1, 20)
    pool = data(d, (6,), dtype)
    kind = choice(d, ["int32", "int64"])
    o = IndexingOperands(d)
    o.fed((count,), dtype, lambda: d.rng.choice(pool, count))
    outputs: list[Any] = [((1,), dtype, {}), ((count,), kind, {})]
    return o.case("UNIQUE", outputs, {"idx_out_type": kind})


@generator("MATRIX_DIAG", *INTEGERS)
def matrix_diag(d: Draw, dtype: str) -> Case:
    """Vectors and batches of them."""
    x_shape = shape(d, d.integer(1, 3), most=6)
    return moved(d, "MATRIX_DIAG", dtype, x_shape, [(*x_shape, x_shape[-1])])


@generator("MATRIX_SET_DIAG", *INTEGERS)
def matrix_set_diag(d: Draw, dtype: str) -> Case:
    """Square, high and wide matrices."""
    x_shape = shape(d, d.integer(2, 4), most=6)
    o = IndexingOperands(d)
    o.either(x_shape, dtype, constant=20)
    o.fed((*x_shape[:-2], min(x_shape[-2:])), dtype)
    return o.case("MATRIX_SET_DIAG", [(x_shape, dtype, {})])


@generator("BITCAST", *BYTES)
def bitcast(d: Draw, dtype: str) -> Case:
    """To the same, a smaller and a larger size; not to bool, whose bytes are 0 and 1."""
    x_shape = shape(d, d.integer(0, 3), most=4)
    to = choice(d, [t for t in BYTES if t != "bool"])
    before, after = np.dtype(dtype).itemsize, np.dtype(to).itemsize
    y_shape = x_shape
    if before > after:
        y_shape = (*x_shape, before // after)
    if before < after:
        x_shape = (*x_shape, after // before)
    o = IndexingOperands(d)
    o.fed(x_shape, dtype)
    return o.case("BITCAST", [(y_shape, to, {})], float_tolerance=0.0)


@generator("DILATE", *BYTES)
def dilate(d: Draw, dtype: str) -> Case:
    """Factors of 1 to 3."""
    x_shape = shape(d, d.integer(1, 4), most=4)
    factors = [d.integer(1, 3) for _ in x_shape]
    y_shape = [(n - 1) * f + 1 for n, f in zip(x_shape, factors, strict=True)]
    o = IndexingOperands(d)
    o.fed(x_shape, dtype)
    o.either((len(factors),), "int32", lambda: np.array(factors, np.int32), constant=75)
    o.either((), dtype)
    return o.case("DILATE", [(y_shape, dtype, {})])


def sparse_table(d: Draw, dense: Any) -> tuple[Any, dict[str, Any]]:
    """A matrix as stored values and a sparsity table: CSR rows, maybe of blocks of columns."""
    rows, columns = dense.shape
    block = choice(d, [b for b in (1, 2, 4) if columns % b == 0])
    blocks = dense.reshape(rows, columns // block, block)
    used = (blocks != 0).any(axis=-1)
    wide = choice(
        d, [("Int32Vector", np.int32), ("Uint16Vector", np.uint16), ("Uint8Vector", np.uint8)]
    )
    segments = np.concatenate([[0], np.cumsum(used.sum(axis=1))]).astype(wide[1])
    indices = np.nonzero(used)[1].astype(wide[1])
    levels: list[dict[str, Any]] = [
        {"format": "DENSE", "dense_size": rows},
        {
            "format": "SPARSE_CSR",
            "dense_size": 0,
            "array_segments": (wide[0], {"values": segments}),
            "array_indices": (wide[0], {"values": indices}),
        },
    ]
    order, mapped = [0, 1], []
    if block > 1:
        levels.append({"format": "DENSE", "dense_size": block})
        order, mapped = [0, 1, 2], [1]
    empty: dict[str, Any] = {"array_segments": None, "array_indices": None}
    table = {
        "traversal_order": np.array(order, np.int32),
        "block_map": np.array(mapped, np.int32),
        "dim_metadata": tuple({**empty, **level} for level in levels),
    }
    return blocks[used].reshape(-1), table


@generator("DENSIFY", "float32", "float16", "int8")
def densify(d: Draw, dtype: str) -> Case:
    """Compressed rows, with blocks and without; a fed tensor besides, so that there is an input."""
    rows, columns = d.integer(1, 6), d.integer(1, 3) * choice(d, [1, 2, 4])
    dense = data(d, (rows, columns), dtype) * (d.rng.random((rows, columns)) < 0.4)
    dense = dense.astype(dtype)
    dense[d.integer(0, rows - 1), d.integer(0, columns - 1)] = 1
    stored, table = sparse_table(d, dense)
    o = IndexingOperands(d)
    x = o.g.constant("x", stored, dtype, shape=(rows, columns), sparsity=table)
    full = o.g.tensor("full", (rows, columns), dtype)
    o.g.operator("DENSIFY", [x], [full])
    o.fed((rows, columns), dtype)
    o.tensors.insert(0, full)
    return o.case(
        "CONCATENATION", [((2 * rows, columns), dtype, {})], {"axis": 0}, float_tolerance=0.0
    )


def elementwise(d: Draw, operator: str, dtype: str) -> Case:
    """Two tensors of one shape, one of them constant now and then."""
    dims = shape(d, d.integer(0, 4), most=5)
    q = quantization(d, dtype)
    o = IndexingOperands(d)
    o.fed(dims, dtype, **q)
    o.either(dims, dtype, constant=30, **q)
    return o.case(operator, [(dims, dtype, q)], float_tolerance=0.0)


@generator("STABLEHLO_ADD", *NUMBERS, "bool")
def stablehlo_add(d: Draw, dtype: str) -> Case:
    """Sums that wrap around."""
    return elementwise(d, "STABLEHLO_ADD", dtype)


@generator("STABLEHLO_MULTIPLY", *NUMBERS, "bool")
def stablehlo_multiply(d: Draw, dtype: str) -> Case:
    """Products that wrap around."""
    return elementwise(d, "STABLEHLO_MULTIPLY", dtype)


@generator("STABLEHLO_MAXIMUM", *NUMBERS, "bool")
def stablehlo_maximum(d: Draw, dtype: str) -> Case:
    """Raw comparison."""
    return elementwise(d, "STABLEHLO_MAXIMUM", dtype)


@generator("STABLEHLO_MINIMUM", *NUMBERS, "bool")
def stablehlo_minimum(d: Draw, dtype: str) -> Case:
    """Raw comparison."""
    return elementwise(d, "STABLEHLO_MINIMUM", dtype)


@generator("STABLEHLO_AND", *NUMBERS[1:6], "uint16", "uint32", "uint64", "bool")
def stablehlo_and(d: Draw, dtype: str) -> Case:
    """Bits of both."""
    return elementwise(d, "STABLEHLO_AND", dtype)


@generator("STABLEHLO_SHIFT_LEFT", "int8", "int16", "int32")
def stablehlo_shift_left(d: Draw, dtype: str) -> Case:
    """Counts up to 31, which is more than the narrow types have bits."""
    dims = shape(d, d.integer(0, 4), most=5)
    o = IndexingOperands(d)
    o.fed(dims, dtype)
    o.either(dims, dtype, lambda: d.rng.integers(0, 32, dims).astype(dtype), constant=30)
    return o.case("STABLEHLO_SHIFT_LEFT", [(dims, dtype, {})])


@generator("HASHTABLE_LOOKUP", "int32")
def hashtable_lookup(d: Draw, dtype: str) -> Case:
    """Keys that rise, some of them asked for; values of any type."""
    kind = choice(d, ["float32", "int8", "int32", "int64", "uint8"])
    count, rest = d.integer(1, 9), shape(d, d.integer(0, 2), most=4)
    pool = np.sort(d.rng.choice(np.arange(-20, 20), count, replace=False)).astype(np.int32)
    asked = d.integer(1, 6)
    o = IndexingOperands(d)
    o.fed((asked,), dtype, lambda: d.rng.integers(-20, 20, asked).astype(np.int32))
    o.either((count,), dtype, lambda: pool)
    o.either((count, *rest), kind)
    return o.case("HASHTABLE_LOOKUP", [((asked, *rest), kind, {}), ((asked,), "uint8", {})])


@generator("STABLEHLO_PAD", *BYTES)
def stablehlo_pad(d: Draw, dtype: str) -> Case:
    """Edges that pad and crop, and gaps between the elements."""
    x_shape = shape(d, d.integer(1, 4), most=4)
    low, high, between = [], [], []
    for size in x_shape:
        gap = d.integer(0, 2)
        whole = size + (size - 1) * gap
        before = d.integer(-whole + 1, 3)
        low.append(before)
        high.append(d.integer(1 - whole - before, 3))
        between.append(gap)
    y_shape = [
        n + (n - 1) * gap + before + after
        for n, gap, before, after in zip(x_shape, between, low, high, strict=True)
    ]
    o = IndexingOperands(d)
    o.fed(x_shape, dtype)
    o.either((), dtype)
    options = {"edge_padding_low": low, "edge_padding_high": high, "interior_padding": between}
    return o.case("STABLEHLO_PAD", [(y_shape, dtype, {})], options)


def window_axes(d: Draw, sizes: Sequence[int]) -> tuple[list[int], list[int], list[int], list[int]]:
    """Window, strides, dilations and how many windows there are, for each size."""
    window, strides, dilations, counts = [], [], [], []
    for size in sizes:
        gap = d.integer(1, 2)
        n = d.integer(1, min(3, (size - 1) // gap + 1))
        step = d.integer(1, 2)
        window.append(n)
        strides.append(step)
        dilations.append(gap)
        counts.append((size - (n - 1) * gap - 1) // step + 1)
    return window, strides, dilations, counts


REDUCED = ("float32", "int8", "uint8", "int16", "int32", "int64", "bool")


@generator("REDUCE_WINDOW", *REDUCED)
def reduce_window(d: Draw, dtype: str) -> Case:
    """All functions; sums and products that wrap around."""
    x_shape = shape(d, d.integer(1, 4), most=6)
    window, strides, dilations, counts = window_axes(d, x_shape)
    every = ["ADD", "MUL", "MINIMUM", "MAXIMUM", "ALL", "ANY"]
    function = choice(d, ["ALL", "ANY"] if dtype == "bool" else every)
    o = IndexingOperands(d)
    o.fed(x_shape, dtype)
    o.either((), dtype)
    for setting in (window, strides, dilations):
        o.given(np.array(setting, np.int64))
    options = {"reduce_function": function}
    return o.case("REDUCE_WINDOW", [(counts, dtype, {})], options, float_tolerance=0.0)


def body(o: IndexingOperands, operator: str | None, dtype: str) -> int:
    """Add a subgraph that applies an operator to two scalars, or nothing; returns its index."""
    g = o.g.subgraph("body")
    a, b = g.input("a", (), dtype), g.input("b", (), dtype)
    if operator is None:
        g.output(b)
        return g.index
    c = g.tensor("c", (), dtype)
    g.operator(operator, [a, b], [c])
    g.output(c)
    return g.index


@generator("STABLEHLO_REDUCE_WINDOW", *REDUCED)
def stablehlo_reduce_window(d: Draw, dtype: str) -> Case:
    """Inputs that are spread, padded and cropped before."""
    x_shape = shape(d, d.integer(1, 3), most=5)
    base = [d.integer(1, 2) for _ in x_shape]
    pairs, sizes = [], []
    for size, step in zip(x_shape, base, strict=True):
        whole = (size - 1) * step + 1
        before = d.integer(-min(1, whole - 1), 2)
        after = d.integer(max(-1, 1 - whole - before), 2)
        pairs += [before, after]
        sizes.append(whole + before + after)
    window, strides, dilations, counts = window_axes(d, sizes)
    every = ["STABLEHLO_ADD", "STABLEHLO_MULTIPLY", "STABLEHLO_MINIMUM", "STABLEHLO_MAXIMUM"]
    logical = ["LOGICAL_AND", "LOGICAL_OR"]
    o = IndexingOperands(d)
    o.fed(x_shape, dtype)
    o.either((), dtype)
    options = {
        "window_dimensions": window,
        "window_strides": strides,
        "base_dilations": base,
        "window_dilations": dilations,
        "padding": pairs,
        "body_subgraph_index": body(o, choice(d, logical if dtype == "bool" else every), dtype),
    }
    return o.case("STABLEHLO_REDUCE_WINDOW", [(counts, dtype, {})], options, float_tolerance=0.0)


@generator("STABLEHLO_GATHER", *BYTES)
def stablehlo_gather(d: Draw, dtype: str) -> Case:
    """Boxes that start anywhere, axes that collapse, coordinates on any axis of the starts."""
    rank = d.integer(1, 4)
    x_shape = shape(d, rank, most=5)
    mapped = [int(axis) for axis in d.rng.permutation(rank)[: d.integer(1, rank)]]
    collapsed = sorted(axis for axis in mapped if chance(d, 40))
    sizes = [1 if a in collapsed else d.integer(1, n) for a, n in enumerate(x_shape)]
    lead = list(shape(d, d.integer(0, 2), most=4))
    axis = d.integer(0, len(lead))
    starts = [*lead[:axis], len(mapped), *lead[axis:]]
    box = [n for a, n in enumerate(sizes) if a not in collapsed]
    total = len(box) + len(lead)
    offsets = sorted(int(i) for i in d.rng.permutation(total)[: len(box)])
    left, right = list(box), list(lead)
    y_shape = [(left if i in offsets else right).pop(0) for i in range(total)]
    kind = choice(d, ["int32", "int64"])
    o = IndexingOperands(d)
    o.fed(x_shape, dtype)
    o.either(starts, kind, lambda: d.rng.integers(-2, 6, tuple(starts)).astype(kind))
    options = {
        "offset_dims": offsets,
        "collapsed_slice_dims": collapsed,
        "start_index_map": mapped,
        "index_vector_dim": axis,
        "slice_sizes": sizes,
    }
    return o.case("STABLEHLO_GATHER", [(y_shape, dtype, {})], options)


@generator("STABLEHLO_SCATTER", *BYTES)
def stablehlo_scatter(d: Draw, dtype: str) -> Case:
    """Windows that start anywhere, several at one place, every body."""
    rank = d.integer(1, 3)
    x_shape = shape(d, rank, most=5)
    mapped = [int(axis) for axis in d.rng.permutation(rank)[: d.integer(1, rank)]]
    inserted = sorted(axis for axis in mapped if chance(d, 40))
    lead = list(shape(d, d.integer(0, 2), most=4))
    axis = d.integer(0, len(lead))
    starts = [*lead[:axis], len(mapped), *lead[axis:]]
    box = [d.integer(1, n) for a, n in enumerate(x_shape) if a not in inserted]
    total = len(box) + len(lead)
    windows = sorted(int(i) for i in d.rng.permutation(total)[: len(box)])
    left, right = list(box), list(lead)
    u_shape = [(left if i in windows else right).pop(0) for i in range(total)]
    kind = choice(d, ["int32", "int64"])
    names = [None, "STABLEHLO_ADD", "STABLEHLO_MULTIPLY", "STABLEHLO_MAXIMUM", "STABLEHLO_MINIMUM"]
    o = IndexingOperands(d)
    o.fed(x_shape, dtype)
    o.either(starts, kind, lambda: d.rng.integers(-2, 6, tuple(starts)).astype(kind))
    o.either(u_shape, dtype)
    options = {
        "update_window_dims": windows,
        "inserted_window_dims": inserted,
        "scatter_dims_to_operand_dims": mapped,
        "index_vector_dim": axis,
        "update_computation_subgraph_index": body(
            o, None if dtype == "bool" else choice(d, names), dtype
        ),
    }
    return o.case("STABLEHLO_SCATTER", [(x_shape, dtype, {})], options, float_tolerance=0.0)


@generator("STABLEHLO_RNG_BIT_GENERATOR", "uint64")
def rng_bit_generator(d: Draw, dtype: str) -> Case:
    """Every algorithm and type; counters that overflow their lower word."""
    algorithm = choice(d, ["DEFAULT", "PHILOX", "THREEFRY"])
    size = 2 if algorithm == "THREEFRY" else d.integer(2, 3)
    kind = choice(d, ["int32", "uint32", "int64", "uint64"])

    def state() -> Any:
        words = d.rng.integers(0, 2**64, size, np.uint64, endpoint=False)
        if chance(d, 40):
            words[1] |= np.uint64(0xFFFFFFFE)
        return words

    o = IndexingOperands(d)
    o.fed((size,), dtype, state)
    outputs: list[Any] = [((size,), dtype, {}), (shape(d, d.integer(1, 3), most=9), kind, {})]
    return o.case("STABLEHLO_RNG_BIT_GENERATOR", outputs, {"algorithm": algorithm})
