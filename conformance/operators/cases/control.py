"""IF, WHILE, CALL_ONCE and resource variables: several subgraphs, state between invocations."""

from __future__ import annotations

import numpy as np

from conformance.operators.case import Case, generator
from conformance.operators.draw import Draw, chance, choice, inputs, scale, shape, zero_point
from refinterp.graph.build import GraphBuilder


def _quantized(d: Draw, dtype: str) -> dict[str, object]:
    return {} if dtype in ("float32", "int32") else {
        "scale": scale(d), "zero_point": zero_point(d, dtype)
    }  # fmt: skip


def _chain(g: GraphBuilder, d: Draw, x: int, dims: tuple[int, ...], dtype: str) -> int:
    """One to three operators that keep the shape, each written once by the branch."""
    for number in range(d.integer(1, 3)):
        y = g.tensor(f"t{number}", dims, dtype, **_quantized(d, dtype))
        g.operator(choice(d, ["ADD", "SUB", "MUL"]), [x, x], [y])
        x = y
    return x


@generator("IF", "bool")
def if_(d: Draw, dtype: str) -> Case:
    """One IF over int8 or float branches of one to three operators."""
    kind = choice(d, ["int8", "float32"])
    dims = shape(d, d.integer(1, 3))
    q = _quantized(d, kind)
    g = GraphBuilder("main")
    condition = g.input("condition", choice(d, [(), (1,)]), "bool")
    x = g.input("x", dims, kind, **q)
    branches = []
    out = _quantized(d, kind)
    for name in ("then", "else"):
        b = g.subgraph(name)
        inner = b.input("x", dims, kind, **q)
        last = _chain(b, d, inner, dims, kind)
        final = b.tensor("out", dims, kind, **out)
        b.operator("MUL", [last, last], [final])
        b.output(final)
        branches.append(b.index)
    y = g.tensor("y", dims, kind, **out)
    g.operator(
        "IF", [condition, x], [y],
        {"then_subgraph_index": branches[0], "else_subgraph_index": branches[1]},
    )  # fmt: skip
    z = g.tensor("z", dims, kind, **out)
    g.operator("ADD", [y, y], [z]) if chance(d, 50) else g.operator("MUL", [y, x], [z])
    truth = g._tensors[condition].shape
    samples = [
        [np.full(truth, chance(d, 50)), inputs(d, dims, kind)] for _ in range(3)
    ]  # fmt: skip
    return Case(g.build(outputs=[z, y]), samples, float_tolerance=1e-6)


@generator("WHILE", "int32")
def while_(d: Draw, dtype: str) -> Case:
    """A counter and a value that is added to until the counter reaches a limit."""
    dims = shape(d, d.integer(1, 3))
    kind = choice(d, ["int8", "float32"])
    q = _quantized(d, kind)
    limit = d.integer(0, 5)
    g = GraphBuilder("main")
    count = g.input("count", (1,), "int32")
    x = g.input("x", dims, kind, **q)
    c = g.subgraph("condition")
    inner = c.input("count", (1,), "int32")
    c.input("x", dims, kind, **q)
    going = c.tensor("going", (1,), "bool")
    c.operator("LESS", [inner, c.constant("limit", np.array([limit], np.int32))], [going])
    c.output(going)
    b = g.subgraph("body")
    inner = b.input("count", (1,), "int32")
    value = b.input("x", dims, kind, **q)
    more = b.tensor("more", (1,), "int32")
    b.operator("ADD", [inner, b.constant("one", np.array([1], np.int32))], [more])
    grown = b.tensor("grown", dims, kind, **q)
    b.operator("ADD", [value, value], [grown])
    b.output(more, grown)
    outs = [g.tensor("count_out", (1,), "int32"), g.tensor("x_out", dims, kind, **q)]
    g.operator(
        "WHILE", [count, x], outs,
        {"cond_subgraph_index": c.index, "body_subgraph_index": b.index},
    )  # fmt: skip
    samples = [[np.array([d.integer(-1, 6)], np.int32), inputs(d, dims, kind)] for _ in range(3)]
    return Case(g.build(outputs=outs), samples)


@generator("ASSIGN_VARIABLE", "resource")
def variables(d: Draw, dtype: str) -> Case:
    """An accumulator: CALL_ONCE sets it, each invocation adds the input and reads it back."""
    dims = shape(d, d.integer(1, 3))
    kind = choice(d, ["int8", "float32"])
    q = _quantized(d, kind)
    name = {"container": "", "shared_name": "sum"}
    g = GraphBuilder("main")
    x = g.input("x", dims, kind, **q)
    s = g.subgraph("initialize")
    handle = s.tensor("handle", (1,), "resource")
    s.operator("VAR_HANDLE", [], [handle], name)
    s.operator(
        "ASSIGN_VARIABLE", [handle, s.constant("start", inputs(d, dims, kind), kind, **q)], []
    )
    g.operator("CALL_ONCE", [], [], {"init_subgraph_index": s.index})
    handle = g.tensor("handle", (1,), "resource")
    g.operator("VAR_HANDLE", [], [handle], name)
    old = g.tensor("old", dims, kind, **q)
    g.operator("READ_VARIABLE", [handle], [old])
    new = g.tensor("new", dims, kind, **q)
    g.operator("ADD", [old, x], [new])
    g.operator("ASSIGN_VARIABLE", [handle, new], [])
    again = g.tensor("again", dims, kind, **q)
    g.operator("READ_VARIABLE", [handle], [again])
    samples = [[inputs(d, dims, kind)] for _ in range(4)]
    return Case(g.build(outputs=[again, old]), samples)
