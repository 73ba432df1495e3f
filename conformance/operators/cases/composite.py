"""STABLEHLO_COMPOSITE: a decomposition of one to three operators, called twice."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.operators.case import Case, generator
from conformance.operators.draw import Draw, choice, inputs, scale, shape, zero_point
from refinterp.graph.build import GraphBuilder
from refinterp.graph.flexbuffer import write_map


@generator("STABLEHLO_COMPOSITE", "float32", "int8")
def composite(d: Draw, dtype: str) -> Case:
    """Two calls of one subgraph, the second on what the first gave."""
    dims = shape(d, d.integer(1, 3))
    q: dict[str, Any] = {}
    if dtype == "int8":
        q = {"scale": scale(d), "zero_point": zero_point(d)}
    g = GraphBuilder("main")
    x = g.input("x", dims, dtype, **q)
    s = g.subgraph("decomposition")
    last = s.input("a", dims, dtype, **q)
    first = s.input("b", dims, dtype, **q)
    for number in range(d.integer(1, 3)):
        out = s.tensor(f"t{number}", dims, dtype, **q)
        s.operator(choice(d, ["ADD", "SUB", "MUL"]), [last, first], [out])
        last = out
    s.output(last)
    y, z = g.tensor("y", dims, dtype, **q), g.tensor("z", dims, dtype, **q)
    attributes = np.frombuffer(write_map({}), np.uint8)
    options = {
        "name": "test.chain",
        "decomposition_subgraph_index": s.index,
        "composite_attributes": attributes,
    }
    g.operator("STABLEHLO_COMPOSITE", [x, x], [y], options)
    g.operator("STABLEHLO_COMPOSITE", [y, x], [z], options)
    samples = [[inputs(d, dims, dtype)] for _ in range(3)]
    return Case(g.build(outputs=[z]), samples)
