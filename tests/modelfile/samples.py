"""Models that the tests of the file format take apart."""

from __future__ import annotations

import numpy as np

from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model


def dense() -> Model:
    """FULLY_CONNECTED and RELU on int8, with a signature and metadata: x -> h -> y."""
    g = GraphBuilder("main")
    x = g.input("x", (1, 4), "int8", scale=0.5)
    w = g.constant("w", np.arange(12).reshape(3, 4), "int8", scale=[0.25, 0.5, 1.0])
    b = g.constant("b", [1, -1, 7], "int32", scale=[0.125, 0.25, 0.5])
    h = g.tensor("h", (1, 3), "int8", scale=2.0, zero_point=-3)
    y = g.tensor("y", (1, 3), "int8", scale=2.0, zero_point=-3)
    g.operator("FULLY_CONNECTED", [x, w, b], [h], {"keep_num_dims": True})
    g.operator("RELU", [h], [y])
    g.signature("serve", {"x": x}, {"y": y})
    g.metadata("labels", b"one\ntwo\nthree")
    return g.build([y], description="dense")


def everything() -> Model:
    """What `dense` lacks: int4, custom operators, a loop, a variable, options with vectors."""
    g = GraphBuilder("main")
    body = g.subgraph("body")
    condition = g.subgraph("condition")
    for graph in (body, condition):
        graph.output(graph.input("t", (2, 2)))
    x = g.input("x", (2, 2), shape_signature=(-1, 2))
    state = g.variable("state", (2, 2))
    w = g.constant("w", [[-8, 7], [3, -1]], "int4", scale=0.5)
    loop = g.tensor("loop", (2, 2))
    flat = g.tensor("flat", (4,))
    y = g.tensor("y", (4,))
    g.operator(
        "WHILE",
        [x],
        [loop],
        {"cond_subgraph_index": condition.index, "body_subgraph_index": body.index},
    )
    g.operator("RESHAPE", [loop], [flat], {"new_shape": (4,)})
    g.operator(
        "Mine",
        [flat, w, state, -1],
        [y],
        custom_options=b"\x01\x02\x03",
        mutating_variable_inputs=[False, False, True, False],
    )
    return g.build([y])
