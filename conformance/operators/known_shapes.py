"""Models whose shapes and indices meet a known difference, and their harmless twins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from conformance.operators.case import Case
from conformance.operators.cases import load_all
from conformance.operators.cases.movement import single
from conformance.operators.draw import Draw, chance, choice, codes
from conformance.operators.known_edits import node_of, operator_of, retyped, with_operator
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Buffer
from refinterp.verdicts.differences.conditions import beyond_the_last


def six_axes(dtype: str) -> Callable[[Draw], Case]:
    def draw(d: Draw) -> Case:
        whole = [d.integer(1, 3) for _ in range(6)]
        sizes = [d.integer(1, size) for size in whole]
        begin = [d.integer(0, a - b) for a, b in zip(whole, sizes, strict=True)]
        rest = [("begin", np.array(begin, np.int32)), ("size", np.array(sizes, np.int32))]
        return single(d, "SLICE", dtype, tuple(whole), [sizes], rest)

    return draw


def repeated(case: Case) -> Case:
    """The same sum of operands that have been repeated beforehand."""
    graph = case.model.subgraphs[0]
    whole = graph.tensors[graph.outputs[0]].shape
    tensors = [replace(tensor, shape=whole) for tensor in graph.tensors]
    samples = [[np.broadcast_to(a, whole).copy() for a in sample] for sample in case.samples]
    return replace(with_operator(case, operator_of(case), tensors), samples=samples)


def bare_starts(d: Draw) -> Case:
    """STABLEHLO_GATHER of starts that are plain numbers, one per box."""
    x_shape = tuple(d.integer(2, 5) for _ in range(d.integer(1, 3)))
    axis = d.integer(0, len(x_shape) - 1)
    lead = tuple(d.integer(1, 4) for _ in range(d.integer(1, 2)))
    box = [1 if a == axis else n for a, n in enumerate(x_shape)]
    kept = [n for a, n in enumerate(box) if a != axis]
    g = GraphBuilder()
    x = g.input("x", x_shape, "int32")
    start = g.input("start", lead, "int32")
    y = g.tensor("y", (*lead, *kept), "int32")
    g.operator("STABLEHLO_GATHER", [x, start], [y], {
        "offset_dims": [len(lead) + i for i in range(len(kept))],
        "collapsed_slice_dims": [axis], "start_index_map": [axis],
        "index_vector_dim": len(lead), "slice_sizes": box,
    })  # fmt: skip
    data = codes(d, x_shape, "int32")
    starts = d.rng.integers(0, x_shape[axis], lead).astype(np.int32)
    return Case(g.build(outputs=[y]), [[data, starts]])


def wrapped_starts(case: Case) -> Case:
    """The same boxes by starts with an axis of one coordinate."""
    graph = case.model.subgraphs[0]
    tensors = list(graph.tensors)
    at = operator_of(case).inputs[1]
    tensors[at] = replace(tensors[at], shape=(*tensors[at].shape, 1))
    samples = [[x, start[..., None]] for x, start in case.samples]
    return replace(with_operator(case, operator_of(case), tensors), samples=samples)


def odd_slices(d: Draw) -> Case:
    """GATHER of int4 slices of an odd number of elements."""
    x_shape = (d.integer(2, 5), choice(d, [1, 3, 5]))
    g = GraphBuilder()
    x = g.constant("x", codes(d, x_shape, "int4"), "int4", scale=0.5)
    index = g.input("index", (4,), "int32")
    y = g.tensor("y", (4, x_shape[1]), "int4", scale=0.5)
    g.operator("GATHER", [x, index], [y])
    samples = [[d.rng.integers(0, x_shape[0], 4).astype(np.int32)] for _ in range(3)]
    return Case(g.build(outputs=[y]), samples)


def as_bytes(case: Case) -> Case:
    """The same model of int8."""
    graph = case.model.subgraphs[0]
    for index, tensor in enumerate(graph.tensors):
        if tensor.dtype == "int4":
            case = retyped(case, index, "int8")
    return case


def enlarged(dtype: str) -> Callable[[Draw], Case]:
    """RESIZE_BILINEAR to more columns than positions in 1/1024 can tell apart."""

    def draw(d: Draw) -> Case:
        height, width, columns = d.integer(1, 2), d.integer(2, 5), d.integer(2500, 4000)
        options = {"half_pixel_centers": chance(d, 30)}
        g = GraphBuilder()
        x = g.input("x", (1, height, width, 1), dtype, scale=0.5, zero_point=0)
        size = g.constant("size", np.array([height, columns], np.int32))
        y = g.tensor("y", (1, height, columns, 1), dtype, scale=0.5, zero_point=0)
        g.operator("RESIZE_BILINEAR", [x, size], [y], options)
        case = Case(g.build(outputs=[y]), [[codes(d, (1, height, width, 1), dtype)]])
        return case if beyond_the_last(node_of(case)) else draw(d)

    return draw


def with_batch(case: Case, batch: int) -> Case:
    """The same TRANSPOSE_CONV with another first size in its output shape."""
    shape = node_of(case).inputs[0]
    assert shape is not None
    assert shape.value is not None
    value = np.array([batch, *shape.value.reshape(-1)[1:]], np.int32)
    tensors = list(case.model.subgraphs[0].tensors)
    at = operator_of(case).inputs[0]
    tensors[at] = replace(tensors[at], buffer=len(case.model.buffers))
    data = Buffer(np.frombuffer(value.tobytes(), np.uint8))
    model = replace(case.model, buffers=(*case.model.buffers, data))
    return with_operator(replace(case, model=model), operator_of(case), tensors)


def no_batch(d: Draw) -> Case:
    """TRANSPOSE_CONV of one sample with an output shape that starts with 0."""
    for _ in range(1000):
        case = load_all()["TRANSPOSE_CONV", "int8"](d)
        shape, _, x = node_of(case).inputs[:3]
        if shape is not None and shape.constant and x is not None and x.shape[0] == 1:
            return with_batch(case, 0)
    raise ValueError("TRANSPOSE_CONV: no model of one sample")


def plain_cell(case: Case) -> bool:
    """Whether an LSTM has all four gates, and none of what TFLM refuses."""
    given = [i >= 0 for i in operator_of(case).inputs]
    rare = (9, 10, 11, 16, 17, 20, 21, 22, 23)
    return all(given[:9]) and not any(given[i] for i in rare if i < len(given))
