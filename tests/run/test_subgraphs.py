"""Programs of subgraphs other than the main one, and what none of them can run."""

from __future__ import annotations

import numpy as np
import pytest

from refinterp.arena.judge import judge
from refinterp.arena.lifetimes import lifetimes
from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.build import GraphBuilder
from refinterp.run.executor import Executor
from refinterp.run.memory import lay_out
from refinterp.run.prepare import prepare

SAME = {"padding": "SAME", "stride_w": 1, "stride_h": 1}


def add_convs(g, shape, layers):
    """A chain of 1x1 convolutions whose weights are all 1; returns its last tensor."""
    last = g.input("x", shape, "int8", scale=1.0)
    depth = shape[-1]
    w = g.constant("w", np.ones((depth, 1, 1, depth)), "int8", scale=[1.0])
    for k in range(layers):
        y = g.tensor(f"y{k}", shape, "int8", scale=1.0)
        g.operator("CONV_2D", [last, w], [y], SAME)
        last = y
    return last


def two_graphs():
    """A large main graph and a small one beside it, which nothing calls."""
    g = GraphBuilder()
    large = add_convs(g, (1, 32, 32, 2), 3)
    other = g.subgraph()
    other.output(add_convs(other, (1, 2, 3, 1), 3))
    return g.build(outputs=[large])


def test_another_subgraph_is_planned_by_itself():
    """Its plan holds its own tensors only, live when its own operators run, and is sound."""
    model = two_graphs()
    life = lifetimes(model, entry=1)
    assert {resident.subgraph for resident in life.planned} == {1}
    kinds = [resident.kind for resident in life.planned]
    assert kinds == ["input", "activation", "activation", "output"]
    memory = lay_out(prepare(model, subgraph=1))
    assert memory.arena.nbytes < 100
    assert judge(life.problem(), memory.plan) == ()


def test_main_graph_still_has_a_place_for_everything():
    """As in TFLM, tensors of subgraphs that are never called are planned too."""
    assert {r.subgraph for r in lifetimes(two_graphs()).planned} == {0, 1}


def test_overwriter_is_found_in_the_subgraph_that_ran():
    """Where several subgraphs are planned, a tensor is compared with its own neighbours."""
    executor = Executor(prepare(two_graphs(), subgraph=1), samples=2)
    data = np.arange(12, dtype=np.int8).reshape(2, 1, 2, 3, 1)
    executor.input(0)[...] = data
    executor.invoke()
    np.testing.assert_array_equal(executor.read(4), data)
    assert executor.memory.overwriter(2) == "y2"
    assert executor.memory.overwriter(3) is None


def test_unsupported_operators_of_a_subgraph_are_listed_at_once():
    """The message names every one of them by subgraph and place."""
    g = GraphBuilder()
    other = g.subgraph()
    for graph, name in ((g, "Foo"), (other, "Bar")):
        x, y = graph.input("x", (1,)), graph.tensor("y", (1,))
        graph.operator(name, [x], [y], custom_options=b"")
        graph.operator(name, [x], [y], custom_options=b"")
    for subgraph, name in enumerate(("Foo", "Bar")):
        with pytest.raises(UnsupportedError) as info:
            prepare(g.build(), subgraph=subgraph)
        text = str(info.value)
        assert text.startswith("2 operator(s)")
        for index in (0, 1):
            assert f"subgraphs[{subgraph}].operators[{index}] ({name})" in text


def test_an_operand_that_does_not_exist_is_an_error():
    """A ModelError, which says so."""
    g = GraphBuilder()
    x, y = g.input("x", (1, 2, 2, 1)), g.tensor("y", (1, 2, 2, 1))
    g.operator("CONV_2D", [x, 9], [y], SAME)
    with pytest.raises(ModelError, match="tensor 9 does not exist"):
        prepare(g.build(outputs=[y]))
