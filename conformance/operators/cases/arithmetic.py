"""ADD, SUB, MUL: broadcasting over different ranks, constants on either side, all activations."""

from __future__ import annotations

from typing import Any

from conformance.operators.case import Case, generator
from conformance.operators.draw import ACTIVATIONS, Draw, chance, choice, inputs, scale, zero_point
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Shape


def draw_shapes(d: Draw, most_rank: int = 4) -> tuple[Shape, Shape, Shape]:
    """Two shapes that broadcast, and what they broadcast to; ranks may differ."""
    rank = d.integer(1, most_rank)
    whole = tuple(d.integer(1, 5) for _ in range(rank))
    if chance(d, 5):
        whole = (*whole[:-1], d.integer(100, 5000))
    kind = choice(d, ["same", "same", "vector", "scalar", "mixed", "mixed"])
    if kind == "same":
        return whole, whole, whole
    if kind == "scalar":
        other: Shape = choice(d, [(), (1,), (1,) * rank])
    elif kind == "vector":
        other = whole[d.integer(0, rank - 1) :]
    else:
        other = tuple(1 if chance(d, 50) else size for size in whole)
        if chance(d, 40):
            other = other[d.integer(0, rank - 1) :]
        if len(other) == rank and chance(d, 50):  # either side may be the one that repeats
            turned = tuple(
                1 if o == size and size > 1 and chance(d, 40) else size
                for o, size in zip(other, whole, strict=True)
            )
            joint = tuple(max(a, b) for a, b in zip(other, turned, strict=True))
            return turned, other, joint
    return (whole, other, whole) if chance(d, 50) else (other, whole, whole)


def draw_operands(
    d: Draw, g: GraphBuilder, shapes: tuple[Shape, Shape], dtype: str, marks: list[dict[str, Any]]
) -> tuple[list[int], list[list[Any]]]:
    """Add two operands, at most one of them constant; return their indices and three samples."""
    fixed = choice(d, [None, None, 0, 1])
    tensors = []
    for index, (shape, mark) in enumerate(zip(shapes, marks, strict=True)):
        if index == fixed:
            tensors.append(g.constant("ab"[index], inputs(d, shape, dtype), dtype, **mark))
        else:
            tensors.append(g.input("ab"[index], shape, dtype, **mark))
    live = [shape for index, shape in enumerate(shapes) if index != fixed]
    return tensors, [[inputs(d, shape, dtype) for shape in live] for _ in range(3)]


def quantization(d: Draw, dtype: str, low: float = 2.0**-10, high: float = 1.0) -> dict[str, Any]:
    """A scale and a zero point for an integer type."""
    return {"scale": scale(d, low, high), "zero_point": zero_point(d, dtype)}


def power_of_two_marks(d: Draw) -> list[dict[str, Any]]:
    """Scales of a, b, y for the int16 path that shifts one operand."""
    y = d.integer(-15, -1)
    other = y - d.integer(0, 6)
    pair = [y, other] if chance(d, 50) else [other, y]
    return [{"scale": 2.0**e, "zero_point": 0} for e in (*pair, y)]


@generator("ADD", "float32", "float16", "int8", "uint8", "int16", "int32", "int64")
def add(d: Draw, dtype: str) -> Case:
    """One ADD."""
    return _sum(d, dtype, "ADD")


@generator("SUB", "float32", "int8", "uint8", "int16", "int32", "int64")
def sub(d: Draw, dtype: str) -> Case:
    """One SUB."""
    return _sum(d, dtype, "SUB")


def _sum(d: Draw, dtype: str, operator: str) -> Case:
    first, second, whole = draw_shapes(d)
    options: dict[str, Any] = {"fused_activation_function": choice(d, ACTIVATIONS)}
    marks: list[dict[str, Any]] = [{}, {}, {}]
    if dtype in ("int8", "uint8", "int16") and (
        dtype != "int16" or operator == "SUB" or chance(d, 90)
    ):
        marks = [quantization(d, dtype), quantization(d, dtype)]
        least = (
            4 * max(marks[0]["scale"], marks[1]["scale"]) / 2 ** (15 if dtype == "int16" else 20)
        )
        typical = max(marks[0]["scale"], marks[1]["scale"])
        wild = chance(d, 15)
        marks.append(
            quantization(d, dtype, least, 4.0)
            if wild
            else quantization(d, dtype, typical / 4, typical * 4)
        )
        if dtype == "int16":
            options["pot_scale_int16"] = chance(d, 50)
            if options["pot_scale_int16"]:
                marks = power_of_two_marks(d)
                if operator == "ADD":  # this path of LiteRT's aborts when it has to broadcast
                    first = second = whole
    elif dtype == "int16":
        options["pot_scale_int16"] = chance(d, 50)
    g = GraphBuilder()
    operands, samples = draw_operands(d, g, (first, second), dtype, marks[:2])
    y = g.tensor("y", whole, dtype, **marks[2])
    g.operator(operator, operands, [y], options)
    return Case(g.build(outputs=[y]), samples, float_tolerance=0.0)


@generator("MUL", "float32", "float16", "int8", "uint8", "int16", "int32", "int64", "uint32")
def mul(d: Draw, dtype: str) -> Case:
    """One MUL."""
    first, second, whole = draw_shapes(d)
    options = {"fused_activation_function": choice(d, ACTIVATIONS)}
    marks: list[dict[str, Any]] = [{}, {}, {}]
    if dtype in ("int8", "uint8", "int16"):
        marks = [quantization(d, dtype), quantization(d, dtype)]
        typical = marks[0]["scale"] * marks[1]["scale"] * (2.0**15 if dtype == "int16" else 2.0**7)
        wild = chance(d, 15)
        low, high = (typical / 2**12, typical * 2**6) if wild else (typical / 4, typical * 4)
        marks.append(quantization(d, dtype, low, high))
    g = GraphBuilder()
    operands, samples = draw_operands(d, g, (first, second), dtype, marks[:2])
    y = g.tensor("y", whole, dtype, **marks[2])
    g.operator("MUL", operands, [y], options)
    return Case(g.build(outputs=[y]), samples, float_tolerance=0.0)
