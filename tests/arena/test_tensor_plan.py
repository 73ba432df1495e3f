from __future__ import annotations

from hypothesis import given

from refinterp.arena.judge import live_bytes, lower_bound
from refinterp.arena.lifetimes import lifetimes
from refinterp.arena.residents import Scratch
from refinterp.arena.tensor_plan import plan_model
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from tests.arena.strategies import graphs


def residual() -> Model:
    """Build x -> a; a + x -> y, and states that survive."""
    g = GraphBuilder()
    x, a = g.input("x", (40,), "int8"), g.tensor("a", (100,), "int8")
    y = g.tensor("y", (7,), "int8")
    states = [g.variable(f"state {i}", (size,), "int8") for i, size in enumerate((3, 17))]
    g.operator("SVDF", [x, *states], [a])
    g.operator("ADD", [a, x], [y])
    return g.build(outputs=[y])


def test_the_plan_says_who_owns_the_peak() -> None:
    """Peak scope, its owners by size, bound and waste; variables lie behind the head, apart."""
    plan = plan_model(residual(), scratch=[Scratch(0, 0, 60)])
    assert [(b.name, b.offset, b.size, b.requested_bytes) for b in plan.buffers] == [
        ("x", 176, 48, 40),
        ("a", 0, 112, 100),
        ("y", 112, 16, 7),
        ("SVDF scratch", 112, 64, 60),
    ]
    assert (plan.head_bytes, plan.lower_bound_bytes, plan.waste_bytes) == (224, 224, 0)
    assert plan.peak_scope == 1
    assert [plan.buffers[i].name for i in plan.peak_owners] == ["a", "SVDF scratch", "x"]
    assert [(b.name, b.offset, b.size) for b in plan.variables] == [
        ("state 0", 224, 16),
        ("state 1", 240, 32),
    ]
    assert plan.total_bytes == 272
    assert plan.tensors()[0, 4].offset == 240


@given(graphs())
def test_bound_and_peak_agree_with_the_problem(model: Model) -> None:
    """The lower bound is what is live at the peak scope, and its owners add up to it."""
    plan = plan_model(model)
    problem = lifetimes(model).problem()
    begin, live = live_bytes(problem)
    assert plan.lower_bound_bytes == lower_bound(problem)
    assert plan.lower_bound_bytes == sum(plan.buffers[i].size for i in plan.peak_owners)
    assert live[plan.peak_scope - begin] == plan.lower_bound_bytes
    assert plan.waste_bytes >= 0
