from __future__ import annotations

import dataclasses
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refinterp.arena.judge import lower_bound
from refinterp.arena.lifetimes import lifetimes
from refinterp.arena.reorder import CONTROL_DEPENDENCIES, dependencies, reorder
from refinterp.arena.residents import Scratch
from refinterp.errors import UnsupportedError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from tests.arena.strategies import graphs


def peak(model: Model, scratch: tuple[Scratch, ...] = ()) -> int:
    return lower_bound(lifetimes(model, scratch=scratch).problem())


def fan() -> Model:
    """Build two branches, each of which widens x and narrows it again, listed side by side."""
    g = GraphBuilder()
    x = g.input("x", (16,), "int8")
    wide = [g.tensor(f"wide {i}", (1600,), "int8") for i in range(2)]
    thin = [g.tensor(f"thin {i}", (16,), "int8") for i in range(2)]
    y = g.tensor("y", (16,), "int8")
    for tensor in wide:
        g.operator("TILE", [x], [tensor])
    for tensor, other in zip(wide, thin, strict=True):
        g.operator("MEAN", [tensor], [other])
    g.operator("ADD", thin, [y])
    return g.build(outputs=[y])


def test_one_branch_after_the_other() -> None:
    """Wide tensors that were live together are not any more; all operators are still there."""
    model = fan()
    moved = reorder(model)
    assert moved.changed
    assert moved.orders == ((0, 2, 1, 3, 4),)
    assert (peak(model), peak(moved.model)) == (3216, 1632)
    before = model.subgraphs[0].operators
    assert [before.index(op) for op in moved.model.subgraphs[0].operators] == [0, 2, 1, 3, 4]


def test_scratch_moves_with_its_operator() -> None:
    """Requests name the operators' new places, in the order in which TFLM will hear of them."""
    moved = reorder(fan(), scratch=[Scratch(0, 1, 64), Scratch(0, 2, 32), Scratch(0, 2, 16)])
    place = {old: new for new, old in enumerate(moved.orders[0])}
    expected = sorted([(place[1], 64), (place[2], 32), (place[2], 16)], key=lambda r: r[0])
    scratch = moved.scratch([Scratch(0, 1, 64), Scratch(0, 2, 32), Scratch(0, 2, 16)])
    assert [(s.operator, s.size) for s in scratch] == expected


def test_scratch_counts() -> None:
    """An operator with much scratch runs where little else is live."""
    g = GraphBuilder()
    x = g.input("x", (160,), "int8")
    a, b, c = (g.tensor(n, (s,), "int8") for n, s in (("a", 320), ("b", 16), ("c", 16)))
    g.operator("TILE", [x], [a])
    g.operator("CONV_2D", [x], [b])
    g.operator("ADD", [a, b], [c])
    model = g.build(outputs=[c])
    assert not reorder(model).changed
    moved = reorder(model, scratch=[Scratch(0, 1, 400)])
    assert moved.orders == ((1, 0, 2),)


@settings(max_examples=60)
@given(graphs())
def test_the_order_is_the_best_of_all(model: Model) -> None:
    """No permutation that keeps the dependencies has a lower peak; what is found keeps them."""
    if len(model.subgraphs) > 1:
        model = Model(model.subgraphs[:1], model.operator_codes, model.buffers)
        if any(op.name in ("IF", "WHILE") for op in model.subgraphs[0].operators):
            return
    moved = reorder(model)
    before = dependencies(model.subgraphs[0])
    assert sorted(moved.orders[0]) == list(range(len(before)))

    def sound(order: tuple[int, ...]) -> bool:
        return all(before[op] <= set(order[:i]) for i, op in enumerate(order))

    assert sound(moved.orders[0])
    graph = model.subgraphs[0]
    best = min(
        peak(_ordered(model, order)) for order in permutations(range(len(before))) if sound(order)
    )
    assert peak(moved.model) == best
    assert len(moved.model.subgraphs[0].operators) == len(graph.operators)


def _ordered(model: Model, order: tuple[int, ...]) -> Model:
    graph = model.subgraphs[0]
    operators = tuple(graph.operators[i] for i in order)
    return dataclasses.replace(model, subgraphs=(dataclasses.replace(graph, operators=operators),))


@given(graphs())
def test_subgraphs_that_call_each_other_stay_sound(model: Model) -> None:
    """With control flow too, every subgraph keeps its dependencies and loses no operator."""
    moved = reorder(model)
    for graph, order in zip(model.subgraphs, moved.orders, strict=True):
        before = dependencies(graph)
        assert sorted(order) == list(range(len(before)))
        assert all(before[op] <= set(order[:i]) for i, op in enumerate(order))


@pytest.mark.parametrize("name", ["VAR_HANDLE", "CALL_ONCE", "RANDOM_UNIFORM", "mine"])
def test_what_no_tensor_shows_keeps_its_order(name: str) -> None:
    """Resources, random numbers and custom operators depend on those of their kind before them."""
    g = GraphBuilder()
    x = g.input("x", (16,), "int8")
    outputs = [g.tensor(f"{i}", (16,), "int8") for i in range(3)]
    for number, tensor in enumerate(outputs):
        if name == "mine":
            g.operator(name, [x], [tensor], custom_options=b"")
        else:
            g.operator("RELU" if number == 1 else name, [x], [tensor])
    before = dependencies(g.build(outputs=outputs).subgraphs[0])
    if name == "mine":
        assert before == (frozenset(), {0}, {1})
    else:
        assert before == (frozenset(), frozenset(), {0})


def test_a_variable_is_read_and_written() -> None:
    """Operators that share a variable keep their order, whatever else they have in common."""
    g = GraphBuilder()
    x, state = g.input("x", (16,), "int8"), g.variable("state", (16,), "int8")
    a, b = g.tensor("a", (16,), "int8"), g.tensor("b", (16,), "int8")
    g.operator("SVDF", [x, state], [a])
    g.operator("SVDF", [x, state], [b])
    assert dependencies(g.build(outputs=[a, b]).subgraphs[0]) == (frozenset(), {0})


def test_a_tensor_written_twice_is_read_in_between() -> None:
    """Reads stay between the writes they lay between."""
    g = GraphBuilder()
    x = g.input("x", (16,), "int8")
    a, b, c = (g.tensor(n, (16,), "int8") for n in "abc")
    g.operator("RELU", [x], [a])
    g.operator("TANH", [a], [b])
    g.operator("LOGISTIC", [x], [a])
    g.operator("ADD", [a, b], [c])
    before = dependencies(g.build(outputs=[c]).subgraphs[0])
    assert before == (frozenset(), {0}, {0, 1}, {1, 2})


def test_metadata_that_names_operators_forbids_it() -> None:
    """Control dependencies refer to operators by index, so they are left alone."""
    g = GraphBuilder()
    x, y = g.input("x", (16,), "int8"), g.tensor("y", (16,), "int8")
    g.operator("RELU", [x], [y])
    g.metadata(CONTROL_DEPENDENCIES, b"\x01")
    with pytest.raises(UnsupportedError, match="without reordering"):
        reorder(g.build(outputs=[y]))


@st.composite
def wide(draw: st.DrawFn) -> Model:
    """More branches side by side than sets of operators can be followed."""
    g = GraphBuilder()
    x = g.input("x", (16,), "int8")
    ends = []
    for branch in range(12):
        size = draw(st.integers(1, 40))
        a, b = (g.tensor(f"{branch} {n}", (16 * s,), "int8") for n, s in ((0, size), (1, 1)))
        g.operator("TILE", [x], [a])
        ends.append((a, b))
    for a, b in ends:
        g.operator("MEAN", [a], [b])
    y = g.tensor("y", (16,), "int8")
    g.operator("ADD_N", [b for _, b in ends], [y])
    return g.build(outputs=[y])


@settings(max_examples=5)
@given(wide())
def test_many_branches(model: Model) -> None:
    """The search stays within its width, and still runs the branches one after the other."""
    moved = reorder(model)
    widest = max(tensor.shape[0] for tensor in model.subgraphs[0].tensors)
    assert peak(moved.model) <= 16 + widest + 16 * 12
    assert peak(moved.model) <= peak(model)
