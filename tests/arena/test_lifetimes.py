from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

import refinterp.arena.tensor_plan as tensor_plan
from refinterp.arena.lifetimes import lifetimes
from refinterp.arena.residents import Lifetimes, Scope, Scratch
from refinterp.arena.tensor_plan import plan_model
from refinterp.errors import ModelError, UnsupportedError, UsageError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model, Subgraph
from tests.arena.simulate import CorruptedError, simulate
from tests.arena.strategies import graphs

SHAPE = (1, 10)
BRANCHES = [(2, 3), (2, 3), (3, 3), (4, 5), (4, 5), (5, 5)]


def spans(held: Lifetimes) -> list[tuple[int, int]]:
    return [(r.first_use, r.last_use) for r in held.planned]


def with_if(*, empty_else: bool = False, later_use: bool = False) -> Model:
    """condition, a, b -> IF(add, add) -> y [-> ADD(b, y)]; each branch adds its two inputs."""
    g = GraphBuilder()
    inputs = [g.input("condition", (1,), "bool"), g.input("a", SHAPE), g.input("b", SHAPE)]
    branches = [g.subgraph("then"), g.subgraph("else")]
    for branch in branches:
        x, y = branch.input("x", SHAPE), branch.input("y", SHAPE)
        z = branch.tensor("z", SHAPE)
        if not (empty_else and branch is branches[1]):
            branch.operator("ADD", [x, y], [z])
        branch.output(z)
    y = g.tensor("y", SHAPE)
    calls = {"then_subgraph_index": 1, "else_subgraph_index": 2}
    g.operator("IF", inputs, [y], calls)
    if not later_use:
        return g.build(outputs=[y])
    last = g.tensor("last", SHAPE)
    g.operator("ADD", [inputs[2], y], [last])
    return g.build(outputs=[last])


def test_a_chain_lives_from_maker_to_last_reader() -> None:
    """Inputs from scope 0, operator i at i + 1, outputs to the end; constants have no place."""
    g = GraphBuilder()
    x = g.input("x", (4, 4), "int8")
    weights = g.constant("w", [1, 2, 3, 4])
    mid, y = g.tensor("mid", (8,), "int16"), g.tensor("y", (2,))
    g.operator("FULLY_CONNECTED", [x, weights, -1], [mid])
    g.operator("RELU", [mid], [y])
    g.operator("RELU", [x], [g.tensor("dead", (1,), "int8")])
    held = lifetimes(g.build(outputs=[y]))
    got = [(r.name, r.kind, r.size, r.first_use, r.last_use, r.operator) for r in held.planned]
    assert got == [
        ("x", "input", 16, 0, 3, None),
        ("mid", "activation", 16, 1, 2, 0),
        ("y", "output", 8, 2, 3, 1),
        ("dead", "activation", 1, 3, 3, 2),
    ]
    assert held.scopes[:2] == (Scope(0, None, "inputs"), Scope(0, 0, "FULLY_CONNECTED"))


def test_what_nobody_makes_or_uses_is_planned_at_minus_one() -> None:
    """TFLM gives unused tensors bytes, at (-1, -1), and (-1, last) where only a reader is known."""
    g = GraphBuilder()
    g.tensor("unused", SHAPE)
    unmade, y = g.tensor("unmade", SHAPE), g.tensor("y", SHAPE)
    g.tensor("empty", (0, 3))
    g.operator("RELU", [unmade], [y])
    held = lifetimes(g.build(outputs=[y]))
    assert spans(held) == [(-1, -1), (-1, 1), (1, 1)]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (
            with_if(),
            [(0, 5), (0, 5), (0, 5), (1, 5), *BRANCHES],
        ),
        (
            with_if(empty_else=True),
            [(0, 4), (0, 4), (0, 4), (1, 4), (2, 3), (2, 3), (3, 3), (4, 4), (4, 4), (4, 4)],
        ),
        (
            with_if(later_use=True),
            [(0, 5), (0, 5), (0, 6), (1, 6), (6, 6), *BRANCHES],
        ),
    ],
    ids=["if", "empty branch", "input used later"],
)
def test_subgraphs_live_in_their_callers_scope(
    model: Model, expected: list[tuple[int, int]]
) -> None:
    """The lifetimes that TFLM's own test of its allocation info states for IF (90b983c2b)."""
    assert spans(lifetimes(model)) == expected


def test_a_subgraph_called_twice_extends_its_tensors_over_both_calls() -> None:
    """One body for both branches: its tensors live from the first call's scope to the second's."""
    g = GraphBuilder()
    x = g.input("x", SHAPE)
    body = g.subgraph()
    a, b = body.input("a", SHAPE), body.tensor("b", SHAPE)
    body.operator("RELU", [a], [b])
    body.output(b)
    y = g.tensor("y", SHAPE)
    g.operator("WHILE", [x], [y], {"cond_subgraph_index": 1, "body_subgraph_index": 1})
    held = lifetimes(g.build(outputs=[y]))
    assert spans(held) == [(0, 5), (1, 5), (2, 5), (3, 5)]
    assert [scope.subgraph for scope in held.scopes] == [0, 0, 1, 1, 1, 1]


def test_scratch_follows_the_tensors_and_lives_as_long_as_its_operator() -> None:
    """Scratch comes last, in order of request; a calling operator's outlives what it calls."""
    held = lifetimes(with_if(), scratch=[Scratch(1, 0, 40), Scratch(0, 0, 7)])
    got = [(r.kind, r.tensor, r.operator, r.size, r.first_use, r.last_use) for r in held.planned]
    assert got[-2:] == [("scratch", None, 0, 40, 3, 3), ("scratch", None, 0, 7, 1, 5)]
    with pytest.raises(UsageError, match=r"subgraphs\[0\].operators\[9\]"):
        lifetimes(with_if(), scratch=[Scratch(0, 9, 40)])


def test_variables_are_kept_out_of_the_plan() -> None:
    """A variable keeps its bytes between runs; the file's value for it does not change that."""
    g = GraphBuilder()
    x = g.input("x", SHAPE)
    g.constant("initial", [1, 2, 3], "int8")
    state = g.variable("state", (3,), "int8", buffer=1)
    y = g.tensor("y", SHAPE)
    g.operator("SVDF", [x, x, x, -1, state], [y])
    held = lifetimes(g.build(outputs=[y]))
    assert [r.name for r in held.planned] == ["x", "y"]
    (kept,) = held.variables
    assert (kept.kind, kept.size, kept.first_use, kept.last_use) == ("variable", 3, 0, 1)


def test_shapes_given_take_the_place_of_the_files() -> None:
    """A resized tensor is planned at its new size, the others at theirs."""
    g = GraphBuilder()
    x, y = g.input("x", (1, 4), "int8"), g.tensor("y", (1, 4), "int4")
    g.operator("RELU", [x], [y])
    held = lifetimes(g.build(outputs=[y]), shapes={(0, 0): (5, 4)})
    assert [r.size for r in held.planned] == [20, 4]


@pytest.mark.parametrize(
    ("dtype", "size"),
    [("int4", 6), ("bool", 6), ("int16", 12), ("bfloat16", 12), ("int64", 48), ("resource", 24)],
)
def test_bytes_of_an_element_are_tflms(dtype: str, size: int) -> None:
    """int4 takes a byte an element in the arena, other types what they take anywhere."""
    g = GraphBuilder()
    x = g.input("x", (2, 3), dtype)
    assert [r.size for r in lifetimes(g.build(outputs=[x])).planned] == [size]


def test_a_model_that_cannot_be_planned_says_why() -> None:
    """Bad indices, circles, unknown sizes and types without a size name the place at fault."""
    g = GraphBuilder()
    x = g.input("x", (1, -1))
    g.operator("RELU", [x], [7])
    with pytest.raises(ModelError, match=r"subgraphs\[0\].operators\[0\].outputs\[0\] is tensor 7"):
        lifetimes(g.build())
    g = GraphBuilder()
    with pytest.raises(ModelError, match="'x' has shape"):
        lifetimes(g.build(outputs=[g.input("x", (1, -1))]))
    g = GraphBuilder()
    with pytest.raises(UnsupportedError, match="'x' is of type string"):
        lifetimes(g.build(outputs=[g.input("x", (1,), "string")]))
    g = GraphBuilder()
    g.operator("CALL_ONCE", [], [], {"init_subgraph_index": 0})
    with pytest.raises(ModelError, match=r"circle \(0 -> 0\)"):
        lifetimes(g.build())
    g = GraphBuilder()
    g.operator("CALL_ONCE", [], [], {"init_subgraph_index": 3})
    with pytest.raises(ModelError, match="init_subgraph_index is 3"):
        lifetimes(g.build())
    with pytest.raises(ModelError, match="no subgraphs"):
        lifetimes(replace(g.build(), subgraphs=()))


@pytest.mark.parametrize("calls_per_level", [1, 2])
def test_calls_without_end_are_refused(calls_per_level: int) -> None:
    """A ladder of calls ends in an error, not in a stack overflow or a scope count that doubles."""
    g = GraphBuilder()
    level = g
    for _ in range(2000 if calls_per_level == 1 else 60):
        below = level.subgraph()
        calls = {"then_subgraph_index": below.index, "else_subgraph_index": below.index}
        if calls_per_level == 1:
            level.operator("CALL_ONCE", [], [], {"init_subgraph_index": below.index})
        else:
            level.operator("IF", [], [], calls)
        level = below
    with pytest.raises(UnsupportedError, match="at most"):
        lifetimes(g.build())


@given(graphs())
def test_every_tensor_holds_its_bytes_while_it_is_read(model: Model) -> None:
    """A run in tokens over the greedy and the linear plan never reads an overwritten byte."""
    for planner in ("greedy", "linear"):
        simulate(model, plan_model(model, planner))


@pytest.mark.parametrize("name", ["x", "a", "b"])
def test_freeing_an_operator_early_corrupts_a_run(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutant: a tensor's last reader does not count; the run in tokens reads overwritten bytes."""
    g = GraphBuilder()
    x, a = g.input("x", (64,), "int8"), g.tensor("a", (64,), "int8")
    b, y = g.tensor("b", (128,), "int8"), g.tensor("y", (64,), "int8")
    g.operator("RELU", [x], [a])
    g.operator("ADD", [x, a], [b])
    g.operator("ADD", [a, b], [y])
    model = g.build(outputs=[y])
    simulate(model, plan_model(model))

    def early(*args: object, **rest: object) -> Lifetimes:
        held = lifetimes(*args, **rest)  # type: ignore[arg-type]
        planned = tuple(
            replace(r, last_use=r.last_use - 1) if r.name == name else r for r in held.planned
        )
        return replace(held, planned=planned)

    monkeypatch.setattr(tensor_plan, "lifetimes", early)
    with pytest.raises(CorruptedError):
        simulate(model, plan_model(model))


def test_a_model_without_operators_is_planned() -> None:
    """A subgraph that hands its input through needs one tensor's bytes."""
    g = GraphBuilder()
    x = g.input("x", SHAPE)
    model = g.build(outputs=[x])
    assert isinstance(model.subgraphs[0], Subgraph)
    assert plan_model(model).head_bytes == 48
