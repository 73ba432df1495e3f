"""Small models of the kinds that an export meets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model

NASTY = 'x */ \\\n#error "é" ??/'
"""A name that would leave a comment, or take the next line into it."""


def codes(dtype: str, scale: float, zero: int) -> Model:
    """Codes in, the same codes out in another shape."""
    g = GraphBuilder()
    x = g.input("x", (1, 3, 5), dtype, scale=scale, zero_point=zero)
    y = g.tensor("y", (1, 15), dtype, scale=scale, zero_point=zero)
    g.operator("RESHAPE", [x, g.constant("shape", np.array([1, 15], np.int32))], [y])
    return g.build(outputs=[y])


def two_and_two() -> Model:
    """Two inputs of floats with names that are no identifiers, two outputs: floats and truth."""
    g = GraphBuilder()
    a, b = g.input(NASTY, (1, 4)), g.input("2nd input", (1, 4))
    total, less = g.tensor("", (1, 4)), g.tensor("a<b", (1, 4), "bool")
    g.operator("ADD", [a, b], [total])
    g.operator("LESS", [a, b], [less])
    g.signature("serving_default", {"left": a, "right": b}, {"sum": total, "less": less})
    return g.build(outputs=[total, less])


def branches() -> Model:
    """Three subgraphs: IF decides between two; a signature names the second."""
    g = GraphBuilder()
    x, on = g.input("x", (1, 4), "int8", scale=0.5), g.input("on", (1,), "bool")
    y = g.tensor("y", (1, 4), "int8", scale=0.5)
    inner = []
    for operator in ("RELU", "RELU6"):
        side = g.subgraph()
        u = side.input("u", (1, 4), "int8", scale=0.5)
        v = side.tensor("v", (1, 4), "int8", scale=0.5)
        side.operator(operator, [u], [v])
        side.output(v)
        side.signature(f"only_{operator}", {"u": u}, {"v": v})
        inner.append(side.index)
    options = {"then_subgraph_index": inner[0], "else_subgraph_index": inner[1]}
    g.operator("IF", [on, x], [y], options)
    return g.build(outputs=[y])


def remembers() -> Model:
    """A resource variable, written and read."""
    g = GraphBuilder()
    x = g.input("x", (1, 4), "int8", scale=0.5)
    handle = g.tensor("handle", (1,), "resource")
    y = g.tensor("y", (1, 4), "int8", scale=0.5)
    names = {"container": "", "shared_name": "state"}
    g.operator("VAR_HANDLE", [], [handle], names)
    g.operator("ASSIGN_VARIABLE", [handle, x], [])
    g.operator("READ_VARIABLE", [handle], [y])
    return g.build(outputs=[y])


KINDS: dict[str, Callable[[], Model]] = {
    "int8": lambda: codes("int8", 0.1, -7),
    "uint8": lambda: codes("uint8", 1 / 255, 3),
    "int16": lambda: codes("int16", 1.1 * 2.0**-12, 0),
    "int32": lambda: codes("int32", 0.003, 0),
    "without scale": lambda: codes("int8", 0.0, 0),
    "two and two": two_and_two,
    "branches": branches,
    "remembers": remembers,
}
