"""Element-wise operators of two or more tensors beyond ADD, SUB and MUL; CAST; row operators."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from conformance.operators.case import Case, generator
from conformance.operators.cases.activations import ULP, draw_shape, unary
from conformance.operators.cases.arithmetic import draw_operands, draw_shapes, quantization
from conformance.operators.cases.movement import BYTES
from conformance.operators.draw import ACTIVATIONS, Draw, chance, choice, codes, inputs, shape
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Shape

QUANTIZED = ("int8", "uint8", "int16")
NUMBERS = ("float32", "float16", "uint8", "int8", "int16", "int32", "int64")
COMPARED = ("float32", "float16", "int8", "uint8", "int32", "int64")
BITS = ("int8", "uint8", "int16", "uint16", "int32", "uint32")


def pair(
    d: Draw,
    operator: str,
    dtype: str,
    marks: list[dict[str, Any]],
    options: dict[str, Any] | None = None,
    *,
    y_dtype: str | None = None,
    shapes: tuple[Shape, Shape, Shape] | None = None,
    float_tolerance: float = 0.0,
) -> Case:
    """A model of one operator on a and b, which broadcast; marks: quantization of a, b, y."""
    first, second, whole = shapes or draw_shapes(d)
    g = GraphBuilder()
    operands, samples = draw_operands(d, g, (first, second), dtype, marks[:2])
    y = g.tensor("y", whole, y_dtype or dtype, **marks[2])
    g.operator(operator, operands, [y], options)
    return Case(g.build(outputs=[y]), samples, float_tolerance=float_tolerance)


def without_zeros(case: Case, zero: int) -> bool:
    """Whether the second operand never equals its zero, constant or not.

    The first is kept from its type's smallest, which by -1 kills the runtimes (SIGFPE) or depends
    on how they were vectorized.
    """
    graph = case.model.subgraphs[0]
    first, second = graph.operators[0].inputs
    limit = np.iinfo if np.dtype(str(graph.tensors[first].dtype)).kind in "iu" else np.finfo
    least = limit(str(graph.tensors[first].dtype)).min
    if first in graph.inputs:
        position = graph.inputs.index(first)
        for sample in case.samples:
            sample[position][sample[position] == least] += 1
    else:
        data = case.model.buffers[graph.tensors[first].buffer].data
        if np.any(data.view(graph.tensors[first].dtype) == least):
            return False
    if second in graph.inputs:
        position = graph.inputs.index(second)
        for sample in case.samples:
            sample[position][sample[position] == zero] += 1
        return True
    data = case.model.buffers[graph.tensors[second].buffer].data
    return not np.any(data.view(graph.tensors[second].dtype) == zero)


@generator("DIV", "float32", "int8", "uint8", "int16", "int32")
def div(d: Draw, dtype: str) -> Case:
    """One DIV; integer divisors are not zero, which LiteRT refuses at run time."""
    options = {"fused_activation_function": choice(d, ACTIVATIONS)}
    marks: list[dict[str, Any]] = [{}, {}, {}]
    if dtype in QUANTIZED:
        a, b = quantization(d, dtype), quantization(d, dtype)
        typical = a["scale"] / b["scale"] / (2.0**10 if dtype == "int16" else 16)
        spread = 2.0**6 if chance(d, 15) else 4.0
        marks = [a, b, quantization(d, dtype, typical / spread, typical * spread)]
    while True:
        case = pair(d, "DIV", dtype, marks, options)
        if dtype == "float32" or without_zeros(case, marks[1].get("zero_point", 0)):
            return case


@generator("SQUARED_DIFFERENCE", "float32", "int8", "int16", "int32")
def squared_difference(d: Draw, dtype: str) -> Case:
    """One SQUARED_DIFFERENCE."""
    marks: list[dict[str, Any]] = [{}, {}, {}]
    if dtype in QUANTIZED:
        a, b = quantization(d, dtype), quantization(d, dtype)
        largest = max(a["scale"], b["scale"])
        span = 2.0**15 if dtype == "int16" else 2.0**7
        marks = [a, b, quantization(d, dtype, largest**2 * span / 8, largest**2 * span * 16)]
    return pair(d, "SQUARED_DIFFERENCE", dtype, marks)


@generator("PRELU", "float32", "int8", "uint8", "int16x8")
def prelu(d: Draw, dtype: str) -> Case:
    """One PRELU; alpha broadcasts to x."""
    x_dtype = dtype.split("x")[0]
    alpha_dtype = "int8" if x_dtype == "int16" else x_dtype
    whole = shape(d, d.integer(1, 4))
    alpha_shape = tuple(1 if chance(d, 50) else size for size in whole)
    if chance(d, 30):
        alpha_shape = alpha_shape[d.integer(0, len(whole) - 1) :]
    x: dict[str, Any] = {}
    alpha: dict[str, Any] = {}
    y: dict[str, Any] = {}
    if x_dtype != "float32":
        x = quantization(d, x_dtype)
        alpha = quantization(d, alpha_dtype, 2.0**-9, 2.0**-5)
        y = quantization(d, x_dtype, x["scale"] / 4, x["scale"] * 4)
    g = GraphBuilder()
    source = g.input("x", whole, x_dtype, **x)
    slopes = g.constant("alpha", inputs(d, alpha_shape, alpha_dtype), alpha_dtype, **alpha)
    target = g.tensor("y", whole, x_dtype, **y)
    g.operator("PRELU", [source, slopes], [target])
    samples = [[inputs(d, whole, x_dtype)] for _ in range(3)]
    return Case(g.build(outputs=[target]), samples, float_tolerance=0.0)


def _comparison(operator: str) -> Any:
    def draw(d: Draw, dtype: str) -> Case:
        marks: list[dict[str, Any]] = [{}, {}, {}]
        if dtype in QUANTIZED:
            a = quantization(d, dtype, 2.0**-8, 0.99)
            near = quantization(d, dtype, a["scale"] / 2, min(a["scale"] * 2, 0.99))
            marks = [a, dict(a) if chance(d, 40) else near, {}]
        case = pair(d, operator, dtype, marks, y_dtype="bool")
        if dtype not in QUANTIZED and dtype != "bool":
            for sample in case.samples:  # make some equal
                for array in sample:
                    array[d.rng.random(array.shape) < 0.5] = 1
        return case

    return draw


for _name in ("EQUAL", "NOT_EQUAL"):
    generator(_name, *COMPARED, "bool")(_comparison(_name))
for _name in ("GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"):
    generator(_name, *COMPARED)(_comparison(_name))
generator("EQUAL", "int16")(_comparison("EQUAL"))
for _name in ("GREATER_EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL"):
    generator(_name, "int16")(_comparison(_name))


@generator("GREATER", "int16")
def greater(d: Draw, dtype: str) -> Case:
    """TFLM compares by parameters it never set: see known_differences."""
    case: Case = _comparison("GREATER")(d, dtype)
    return replace(case, undefined=frozenset({"runtime:tflm"}))


def _plain(operator: str) -> Any:
    def draw(d: Draw, dtype: str) -> Case:
        marks: list[dict[str, Any]] = [{}, {}, {}]
        if dtype in ("int8", "uint8") and operator in ("MAXIMUM", "MINIMUM"):
            marks = [quantization(d, dtype)] * 3
        return pair(d, operator, dtype, marks)

    return draw


for _name in ("MAXIMUM", "MINIMUM"):
    generator(_name, *NUMBERS)(_plain(_name))
for _name in ("LOGICAL_AND", "LOGICAL_OR"):
    generator(_name, "bool")(_plain(_name))
for _name in ("BITWISE_XOR", "RIGHT_SHIFT"):
    generator(_name, *BITS)(_plain(_name))


def _floor(operator: str) -> Any:
    def draw(d: Draw, dtype: str) -> Case:
        while True:
            case = pair(d, operator, dtype, [{}, {}, {}])
            if without_zeros(case, 0):
                return case

    return draw


generator("FLOOR_DIV", "float32", "int8", "int16", "int32")(_floor("FLOOR_DIV"))
generator("FLOOR_MOD", "float32", "int8", "int16", "int32", "int64")(_floor("FLOOR_MOD"))


@generator("POW", "float32", "int32")
def pow_(d: Draw, dtype: str) -> Case:
    """One POW: any exponents, or one whole number for all."""
    first, second, whole = draw_shapes(d)
    if chance(d, 40):
        second = choice(d, [(), (1,)])
        whole = first if first else second
    g = GraphBuilder()
    a = g.input("a", first, dtype)
    y = g.tensor("y", whole, dtype)
    if dtype == "int32":
        exponent = d.rng.integers(0, 5, second).astype(np.int32)
    else:
        exponent = (d.rng.integers(-8, 13, second) / 4).astype(np.float32)
        if second in ((), (1,)) and chance(d, 60):
            exponent = np.full(second, d.integer(1, 7), np.float32)
    b = g.constant("b", exponent, dtype)
    g.operator("POW", [a, b], [y])
    samples = []
    for _ in range(3):
        if dtype == "int32":
            samples.append([d.rng.integers(-20, 20, first).astype(np.int32)])
        else:
            samples.append([(np.abs(d.rng.standard_normal(first)) * 3).astype(np.float32)])
    return Case(g.build(outputs=[y]), samples, float_tolerance=ULP)


@generator("SELECT", *BYTES)
def select(d: Draw, dtype: str) -> Case:
    """One SELECT: condition a scalar, a vector along the first axis, or of the whole shape."""
    whole = shape(d, d.integer(1, 4))
    return _select(d, "SELECT", dtype, (choice(d, [(), whole[:1], whole]), whole, whole), whole)


@generator("SELECT_V2", *BYTES)
def select_v2(d: Draw, dtype: str) -> Case:
    """One SELECT_V2: three shapes that broadcast."""
    whole = shape(d, d.integer(1, 4))
    shapes = [whole]
    for _ in range(2):
        other = tuple(1 if chance(d, 40) else size for size in whole)
        shapes.append(other[d.integer(0, len(whole) - 1) :] if chance(d, 30) else other)
    turn = d.integer(0, 2)
    shapes = shapes[turn:] + shapes[:turn]
    return _select(d, "SELECT_V2", dtype, (shapes[0], shapes[1], shapes[2]), whole)


def _select(
    d: Draw, operator: str, dtype: str, shapes: tuple[Shape, Shape, Shape], whole: Shape
) -> Case:
    mark = {"scale": 0.1, "zero_point": 0} if dtype in ("int8", "int16") else {}
    g = GraphBuilder()
    condition = g.input("condition", shapes[0], "bool")
    a = g.input("a", shapes[1], dtype, **mark)
    b = g.input("b", shapes[2], dtype, **mark)
    y = g.tensor("y", whole, dtype, **mark)
    g.operator(operator, [condition, a, b], [y])
    samples = [
        [inputs(d, shapes[0], "bool"), inputs(d, shapes[1], dtype), inputs(d, shapes[2], dtype)]
        for _ in range(3)
    ]
    return Case(g.build(outputs=[y]), samples, float_tolerance=0.0)


@generator("ADD_N", "float32", "int32", "int8")
def add_n(d: Draw, dtype: str) -> Case:
    """One ADD_N of up to five tensors."""
    dims = draw_shape(d)
    count = d.integer(2, 5)
    x: dict[str, Any] = {}
    y: dict[str, Any] = {}
    if dtype == "int8":
        x = quantization(d, dtype)
        y = quantization(d, dtype, x["scale"] / 2, x["scale"] * 8)
    g = GraphBuilder()
    tensors = [g.input(f"x{i}", dims, dtype, **x) for i in range(count)]
    target = g.tensor("y", dims, dtype, **y)
    g.operator("ADD_N", tensors, [target])
    samples = [[inputs(d, dims, dtype) for _ in range(count)] for _ in range(3)]
    return Case(g.build(outputs=[target]), samples, float_tolerance=0.0)


CASTS = (*NUMBERS, "uint16", "uint32", "bool")


@generator("CAST", *CASTS)
def cast(d: Draw, dtype: str) -> Case:
    """One CAST; floats go beyond what integers hold."""
    packed = ("int4", "uint4", "int2") if dtype == "float32" and chance(d, 30) else ()
    target = choice(d, packed or [name for name in CASTS if name != dtype])
    case = unary(
        d,
        "CAST",
        dtype,
        {},
        {},
        {"in_data_type": dtype, "out_data_type": target},
        y_dtype=target,
    )
    if dtype == "float32" and chance(d, 50):
        sample = case.samples[0]
        edges = [
            127.5,
            128,
            -128.9,
            -129,
            255.5,
            256,
            4e4,
            -4e4,
            7e4,
            3e9,
            -3e9,
            5e9,
            1e20,
            -1e20,
            0.9,
        ]
        sample[0] = d.rng.choice(np.array(edges, np.float32), sample[0].shape)
    return case


@generator("LOG_SOFTMAX", "float32", "int8", "uint8")
def log_softmax(d: Draw, dtype: str) -> Case:
    """One LOG_SOFTMAX, with the output scale both runtimes ask for."""
    x: dict[str, Any] = {}
    y: dict[str, Any] = {}
    if dtype != "float32":
        x = quantization(d, dtype, 2.0**-8, 2.0)
        y = {"scale": 1 / 16, "zero_point": 127 if dtype == "int8" else 255}
    depth = d.integer(1, 12) if chance(d, 80) else d.integer(13, 500)
    dims = (*shape(d, d.integer(0, 3)), depth)
    return unary(d, "LOG_SOFTMAX", dtype, x, y, dims=dims, float_tolerance=4 * ULP)


@generator("L2_NORMALIZATION", "float32", "int8", "uint8")
def l2_normalization(d: Draw, dtype: str) -> Case:
    """One L2_NORMALIZATION, with the output scale both runtimes ask for."""
    x: dict[str, Any] = {}
    y: dict[str, Any] = {}
    if dtype != "float32":
        x = quantization(d, dtype)
        y = {"scale": 1 / 128, "zero_point": 0 if dtype == "int8" else 128}
    depth = d.integer(1, 12) if chance(d, 80) else d.integer(13, 500)
    dims = (*shape(d, d.integer(0, 3)), depth)
    return unary(d, "L2_NORMALIZATION", dtype, x, y, dims=dims)


@generator("CAST", "int4", "uint4", "int2")
def cast_packed(d: Draw, dtype: str) -> Case:
    """One CAST of a constant of packed codes to float32."""
    dims = draw_shape(d)
    g = GraphBuilder()
    x = g.constant("x", codes(d, dims, dtype), dtype)
    y = g.tensor("y", dims)
    g.operator("CAST", [x], [y], {"in_data_type": dtype, "out_data_type": "float32"})
    return Case(g.build(outputs=[y]), [[]])
