"""Models that meet a known difference, and the models that mean the same and do not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from conformance.operators.case import Case
from conformance.operators.cases import load_all
from conformance.operators.cases.arithmetic import draw_shapes, power_of_two_marks
from conformance.operators.cases.movement import single
from conformance.operators.draw import ACTIVATIONS, Draw, chance, choice, codes, inputs, scale
from refinterp.graph.build import GraphBuilder
from refinterp.graph.constants import constant
from refinterp.graph.model import Buffer, Operator, Quantization, Tensor
from refinterp.verdicts.differences.conditions import (
    beyond_the_last,
    narrow_bias,
    wide_kernel,
)
from refinterp.verdicts.node import Node


def node_of(case: Case) -> Node:
    """The operator of a case, as conditions look at it."""
    return Node(case.model, 0, 0)


def usual(operator: str, dtype: str, wanted: Callable[[Case], bool] | None = None) -> Any:
    """Models of the operator's generator, drawn until one is as wanted."""

    def draw(d: Draw) -> Case:
        for _ in range(1000):
            case = load_all()[operator, dtype](d)
            if wanted is None or wanted(case):
                return case
        raise ValueError(f"{operator} {dtype}: no model as wanted in 1000")

    return draw


def operator_of(case: Case) -> Operator:
    return case.model.subgraphs[0].operators[0]


def tensor_at(case: Case, position: int) -> Tensor | None:
    at = operator_of(case).inputs[position : position + 1]
    return case.model.subgraphs[0].tensors[at[0]] if at and at[0] >= 0 else None


def with_operator(case: Case, operator: Operator, tensors: Sequence[Tensor] | None = None) -> Case:
    graph = case.model.subgraphs[0]
    changed = replace(graph, operators=(operator,), tensors=tuple(tensors or graph.tensors))
    return replace(case, model=replace(case.model, subgraphs=(changed,)))


def with_options(case: Case, **options: Any) -> Case:
    """The same model with other options."""
    operator = operator_of(case)
    return with_operator(case, replace(operator, options={**operator.options, **options}))


def short_bias(d: Draw) -> Case:
    """DEPTHWISE_CONV_2D of int16 data with an int32 bias."""

    def small(case: Case) -> bool:
        bias = tensor_at(case, 2)
        value = None if bias is None else constant(case.model, bias)
        return value is not None and bool(np.all(np.abs(value) < 2**31))

    case: Case = usual("DEPTHWISE_CONV_2D", "int16x8", small)(d)
    return retyped(case, operator_of(case).inputs[2], "int32")


def long_bias(case: Case) -> Case:
    """The same model with an int64 bias, its last operand."""
    long = retyped(case, operator_of(case).inputs[-1], "int64")
    named = "quantized_bias_type" in operator_of(case).options
    return with_options(long, quantized_bias_type="int64") if named else long


def unnamed_bias(operator: str, position: int) -> Any:
    """Models with an int32 bias and without the option that says so."""
    draw = usual(operator, "int16x8", lambda case: narrow_bias(position)(node_of(case)))
    return lambda d: with_options(draw(d), quantized_bias_type="float32")


def named_bias(case: Case) -> Case:
    return with_options(case, quantized_bias_type="int32")


def without_bias(d: Draw) -> Case:
    """FULLY_CONNECTED from uint8 to int16."""
    depth, units, rows = d.integer(1, 20), d.integer(1, 8), d.integer(1, 4)
    g = GraphBuilder()
    x = g.input("x", (rows, depth), "uint8", scale=scale(d), zero_point=d.integer(0, 255))
    w = g.constant("w", codes(d, (units, depth), "uint8"), scale=scale(d), zero_point=128)
    y = g.tensor("y", (rows, units), "int16", scale=scale(d), zero_point=0)
    g.operator("FULLY_CONNECTED", [x, w, -1], [y])
    return Case(g.build(outputs=[y]), [[inputs(d, (rows, depth), "uint8")]])


def zero_bias(case: Case) -> Case:
    """The same model with a bias of zeros."""
    model, operator = case.model, operator_of(case)
    graph = model.subgraphs[0]
    units = graph.tensors[operator.inputs[1]].shape[0]
    zeros = np.zeros(4 * units, np.uint8)
    bias = Tensor("b", (units,), "int32", len(model.buffers))
    changed = with_operator(
        case, replace(operator, inputs=(*operator.inputs[:2], len(graph.tensors))),
        (*graph.tensors, bias),
    )  # fmt: skip
    return replace(changed, model=replace(changed.model, buffers=(*model.buffers, Buffer(zeros))))


def six_axes(dtype: str) -> Callable[[Draw], Case]:
    def draw(d: Draw) -> Case:
        whole = [d.integer(1, 3) for _ in range(6)]
        sizes = [d.integer(1, size) for size in whole]
        begin = [d.integer(0, a - b) for a, b in zip(whole, sizes, strict=True)]
        rest = [("begin", np.array(begin, np.int32)), ("size", np.array(sizes, np.int32))]
        return single(d, "SLICE", dtype, tuple(whole), [sizes], rest)

    return draw


def shifted_sum(d: Draw) -> Case:
    """ADD of int16 codes at powers of two, where one operand repeats."""
    while True:
        first, second, whole = draw_shapes(d)
        if first != second:
            break
    marks = power_of_two_marks(d)
    g = GraphBuilder()
    a = g.input("a", first, "int16", **marks[0])
    b = g.input("b", second, "int16", **marks[1])
    y = g.tensor("y", whole, "int16", **marks[2])
    activation = choice(d, ACTIVATIONS)
    g.operator("ADD", [a, b], [y], {"pot_scale_int16": True,
                                    "fused_activation_function": activation})  # fmt: skip
    samples = [[inputs(d, first, "int16"), inputs(d, second, "int16")] for _ in range(2)]
    return Case(g.build(outputs=[y]), samples)


def scaled_up(d: Draw) -> Case:
    """SUB of int8 codes whose output steps are far finer than the inputs'."""
    dims = tuple(d.integer(1, 6) for _ in range(d.integer(1, 3)))
    steps = [scale(d, 2.0**-6, 1.0) for _ in range(2)]
    fine = 2 * max(steps) / 2**20 / scale(d, 1.5, 200.0)
    g = GraphBuilder()
    a, b = (
        g.input(name, dims, "int8", scale=step, zero_point=d.integer(-128, 127))
        for name, step in zip("ab", steps, strict=True)
    )
    y = g.tensor("y", dims, "int8", scale=fine, zero_point=d.integer(-128, 127))
    g.operator("SUB", [a, b], [y])
    return Case(g.build(outputs=[y]), [[codes(d, dims), codes(d, dims)] for _ in range(2)])


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


def retyped(case: Case, index: int, dtype: str) -> Case:
    """The same model with one tensor of another type, its constant converted."""
    model = case.model
    tensors = list(model.subgraphs[0].tensors)
    value = constant(model, tensors[index])
    tensors[index] = replace(tensors[index], dtype=dtype)
    if value is not None:
        data = np.frombuffer(value.astype(dtype).tobytes(), np.uint8)
        tensors[index] = replace(tensors[index], buffer=len(model.buffers))
        model = replace(model, buffers=(*model.buffers, Buffer(data)))
    return with_operator(replace(case, model=model), operator_of(case), tensors)


def large_rows(dtype: str) -> Callable[[Draw], Case]:
    """SOFTMAX of rows of so many like values that the exponentials add up to 512 and more."""

    def draw(d: Draw) -> Case:
        depth = d.integer(600, 900)
        shape = (d.integer(1, 2), depth)
        low = -128 if dtype == "int8" else 0
        g = GraphBuilder()
        x = g.input("x", shape, dtype, scale=scale(d, 2.0**-9, 2.0**-7), zero_point=low)
        y = g.tensor("y", shape, dtype, scale=1 / 256, zero_point=low)
        g.operator("SOFTMAX", [x], [y], {"beta": 1.0})
        data = d.rng.integers(low + 100, low + 106, shape).astype(dtype)
        return Case(g.build(outputs=[y]), [[data]])

    return draw


def flat_rows(dtype: str) -> Callable[[Draw], Case]:
    """SOFTMAX of rows at a scale so small that any codes stand for like values."""

    def draw(d: Draw) -> Case:
        shape = (d.integer(1, 2), d.integer(600, 900))
        low = -128 if dtype == "int8" else 0
        g = GraphBuilder()
        x = g.input("x", shape, dtype, scale=scale(d, 2.0**-14, 2.0**-12), zero_point=low)
        y = g.tensor("y", shape, dtype, scale=1 / 256, zero_point=low)
        g.operator("SOFTMAX", [x], [y], {"beta": 1.0})
        return Case(g.build(outputs=[y]), [[codes(d, shape, dtype)]])

    return draw


def plain_cell(case: Case) -> bool:
    """Whether an LSTM has all four gates, and none of what TFLM refuses."""
    given = [i >= 0 for i in operator_of(case).inputs]
    rare = (9, 10, 11, 16, 17, 20, 21, 22, 23)
    return all(given[:9]) and not any(given[i] for i in rare if i < len(given))


def wide_scales(operator: str) -> Callable[[Draw], Case]:
    """Comparisons of int8 codes that stand for wide steps."""

    def draw(d: Draw) -> Case:
        shape = tuple(d.integer(1, 5) for _ in range(2))
        g = GraphBuilder()
        a = g.input("a", shape, "int8", scale=scale(d, 1.25, 3.9), zero_point=d.integer(-9, 9))
        b = g.input("b", shape, "int8", scale=scale(d, 0.25, 0.9), zero_point=d.integer(-9, 9))
        y = g.tensor("y", shape, "bool")
        g.operator(operator, [a, b], [y])
        return Case(g.build(outputs=[y]), [[codes(d, shape), codes(d, shape)] for _ in range(2)])

    return draw


def plain_int16(operator: str) -> Callable[[Draw], Case]:
    """Comparisons of int16 numbers."""

    def draw(d: Draw) -> Case:
        shape = tuple(d.integer(1, 5) for _ in range(2))
        g = GraphBuilder()
        a, b = (g.input(name, shape, "int16") for name in "ab")
        y = g.tensor("y", shape, "bool")
        g.operator(operator, [a, b], [y])
        data = [[d.rng.integers(-300, 300, shape, np.int16) for _ in "ab"] for _ in range(2)]
        return Case(g.build(outputs=[y]), data)

    return draw


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


def with_bias_scales(operator: str, position: int) -> Callable[[Draw], Case]:
    """Models whose bias has one scale where their weights have several, or several for one."""

    def draw(d: Draw) -> Case:
        for _ in range(1000):
            case = load_all()[operator, "int8"](d)
            node = node_of(case)
            if node.has(position) and (made := _other_scales(case, position)) is not None:
                return made
        raise ValueError(f"{operator}: no model with a bias")

    return draw


def _other_scales(case: Case, position: int) -> Case | None:
    node = node_of(case)
    bias, weights = node.inputs[position], node.inputs[1]
    assert bias is not None
    assert weights is not None
    number = bias.size if weights.scales.size == 1 else 1
    if bias.size < 2 or not wide_kernel(node):
        return None
    tensors = list(case.model.subgraphs[0].tensors)
    at = operator_of(case).inputs[position]
    marks = Quantization(np.full(number, 0.01, np.float32), np.zeros(number, np.int64))
    tensors[at] = replace(tensors[at], quantization=marks)
    return with_operator(case, operator_of(case), tensors)


def zero_divisor(d: Draw) -> Case:
    """DIV of int8 codes by a constant that holds the code of zero."""
    shape = (d.integer(1, 4), d.integer(2, 6))
    zero = d.integer(-9, 9)
    divisor = codes(d, shape)
    divisor[0, d.integer(0, shape[1] - 1)] = zero
    g = GraphBuilder()
    a = g.input("a", shape, "int8", scale=scale(d, 0.25, 0.9), zero_point=d.integer(-9, 9))
    b = g.constant("b", divisor, scale=scale(d, 0.25, 0.9), zero_point=zero)
    y = g.tensor("y", shape, "int8", scale=0.5, zero_point=0)
    g.operator("DIV", [a, b], [y])
    return Case(g.build(outputs=[y]), [[codes(d, shape)] for _ in range(2)])


def with_output_scale(operator: str) -> Callable[[Draw], Case]:
    """Models whose output's scale is so small that accumulators are multiplied by 256 and more."""

    def draw(d: Draw) -> Case:
        for _ in range(1000):
            case = load_all()[operator, "int8"](d)
            x, weights = node_of(case).inputs[:2]
            if x is None or weights is None or not weights.scales.size or weights.zeros.any():
                continue
            if not all(one.constant for one in node_of(case).inputs[1:] if one is not None):
                continue
            step = float(np.float32(x.scale) * weights.scales.max()) / d.integer(300, 3000)
            return rescaled(case, case.model.subgraphs[0].outputs[0], step)
        raise ValueError(f"{operator}: no model of quantized weights")

    return draw


def rescaled(case: Case, index: int, step: float) -> Case:
    """The same model with another scale of one tensor."""
    tensors = list(case.model.subgraphs[0].tensors)
    old = tensors[index].quantization
    assert old is not None
    marks = replace(old, scale=np.array([step], np.float32))
    tensors[index] = replace(tensors[index], quantization=marks)
    return with_operator(case, operator_of(case), tensors)


def unequal_pad(d: Draw) -> Case:
    """PAD of int8 codes whose output has half the input's scale."""
    for _ in range(1000):
        case = load_all()["PAD", "int8"](d)
        x, y = node_of(case).inputs[0], node_of(case).outputs[0]
        paddings = node_of(case).inputs[1]
        plain = paddings is not None and paddings.constant and paddings.dtype == "int32"
        plain = plain and not node_of(case).has(2)
        if plain and x is not None and y is not None and x.quantized and y.quantized:
            return rescaled(case, case.model.subgraphs[0].outputs[0], x.scale / 2)
    raise ValueError("PAD: no quantized model")


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
