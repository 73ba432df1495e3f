"""Models whose scales and codes meet a known difference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from conformance.operators.case import Case
from conformance.operators.cases import load_all
from conformance.operators.cases.arithmetic import draw_shapes, power_of_two_marks
from conformance.operators.draw import ACTIVATIONS, Draw, choice, codes, inputs, scale
from conformance.operators.known_edits import node_of, rescaled
from refinterp.graph.build import GraphBuilder


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
