from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.planners.graphs import draw, hard_graphs
from refinterp.arena.greedy import greedy
from refinterp.arena.judge import clashes, judge, lower_bound
from refinterp.arena.lifetimes import lifetimes
from refinterp.arena.optimal import optimal
from refinterp.arena.packing import pack, scaled
from refinterp.arena.problem import Buffer, Plan, Problem, plan_at
from refinterp.arena.search_by_ejection import Neighbours, eject
from refinterp.arena.search_by_stacking import Stacker, Weighting
from refinterp.errors import UsageError
from refinterp.modelfile.reader import read_model
from tests.arena.exhaustive import smallest_extent
from tests.arena.strategies import LAST_SCOPE, buffers, problems, sizes
from tests.corpus import corpus


@st.composite
def tiny(draw: st.DrawFn, *, fixed: bool = False) -> Problem:
    """At most six free buffers, and up to two with offsets that do not clash."""
    found = [
        dataclasses.replace(draw(buffers()), offset=None) for _ in range(draw(st.integers(1, 6)))
    ]
    if fixed:
        place = 0
        for _ in range(draw(st.integers(1, 2))):
            place += 16 * draw(st.integers(0, 6))
            first = draw(st.integers(-1, LAST_SCOPE))
            size = draw(sizes)
            found.append(Buffer(size, first, draw(st.integers(first, LAST_SCOPE)), offset=place))
            place += size + -size % 16
        found = draw(st.permutations(found))
    return Problem(tuple(found))


@given(tiny())
def test_the_optimum_is_the_best_of_all_orders(problem: Problem) -> None:
    """On tiny problems the plan is as small as the smallest of all plans, and proven to be."""
    result = optimal(problem)
    assert judge(problem, result.plan) == ()
    assert result.plan.extent == smallest_extent(problem)
    assert result.proven
    assert result.lower_bound == result.plan.extent
    assert result.gap == 0


@given(tiny(fixed=True))
def test_the_optimum_around_fixed_offsets(problem: Problem) -> None:
    """Buffers planned beforehand stay where they are, and the rest is as small as can be."""
    result = optimal(problem)
    assert judge(problem, result.plan) == ()
    assert result.plan.extent == smallest_extent(problem)
    assert result.proven


@settings(max_examples=30)
@given(problems(), st.integers(0, 3))
def test_plans_are_sound_and_never_larger_than_greedy(problem: Problem, seed: int) -> None:
    """Whatever the problem, alignment or seed: no clash, no bound broken, no worse than TFLM's."""
    result = optimal(problem, time_limit=2, seed=seed)
    assert judge(problem, result.plan) == ()
    assert lower_bound(problem) <= result.lower_bound <= result.plan.extent
    assert result.plan.extent <= greedy(problem).extent
    assert result.gap == result.plan.extent - result.lower_bound
    assert result.proven == (result.gap == 0)


@given(problems(fixed=True))
def test_offsets_that_clash_are_kept_all_the_same(problem: Problem) -> None:
    """Fixed offsets are the caller's affair: the free buffers clash with nothing."""
    plan = optimal(problem, time_limit=1).plan
    free = [i for i, buffer in enumerate(problem.buffers) if buffer.offset is None]
    assert all(
        buffer.offset in (None, offset)
        for buffer, offset in zip(problem.buffers, plan.offsets, strict=True)
    )
    assert not [pair for pair in clashes(problem, plan.offsets) if set(pair) & set(free)]
    assert plan.extent <= greedy(problem).extent


@settings(max_examples=20)
@given(problems(), st.lists(st.integers(0, 200), min_size=1, max_size=2), st.data())
def test_a_block_off_the_grid(problem: Problem, offsets: list[int], data: st.DataObject) -> None:
    """An offset that is no multiple of 16 is kept, clear of the rest, and never costs us more."""
    blocks, end = [], 0
    for offset in offsets:
        size = data.draw(st.integers(1, 60))
        blocks.append(Buffer(size, 0, LAST_SCOPE, offset=end + offset))
        end += offset + size + -size % 16
    both = Problem((*blocks, *problem.buffers), 16)
    result = optimal(both, time_limit=0.2)
    assert result.plan.offsets[: len(blocks)] == tuple(b.offset for b in blocks)
    assert clashes(both, result.plan.offsets) == []
    assert result.lower_bound <= result.plan.extent <= greedy(both).extent


@pytest.mark.parametrize("first_size", [2, 3])
def test_a_bound_above_what_is_live(first_size: int) -> None:
    """Nine buffers, 7 units live at most, no plan in 7: the bound is 8, and proven to be.

    With a smaller first buffer 7 are enough.
    """
    rows = [(first_size, 0, 0), (3, 0, 0), (1, 0, 1), (4, 1, 3), (1, 3, 4), (2, 5, 5), (2, 1, 5),
            (3, 4, 6), (3, 6, 6)]  # fmt: skip
    problem = Problem(tuple(Buffer(16 * size, first, last) for size, first, last in rows))
    result = optimal(problem)
    assert lower_bound(problem) == 16 * 7
    assert result.proven
    assert result.plan.extent == result.lower_bound == smallest_extent(problem)
    assert result.lower_bound == 16 * (8 if first_size == 3 else 7)


def test_the_same_seed_gives_the_same_plan() -> None:
    """Nothing but the seed decides, as long as time does not."""
    for _, _, problem in hard_graphs(3):
        first, second = optimal(problem, time_limit=60), optimal(problem, time_limit=60)
        assert first.plan == second.plan
        assert first.proven


def test_without_time_the_plan_is_greedy() -> None:
    """A search that may not start still returns a plan; a negative limit is refused."""
    _, _, problem = next(iter(hard_graphs(1)))
    result = optimal(problem, time_limit=0)
    assert result.plan.extent == greedy(problem).extent
    assert result.lower_bound == lower_bound(problem)
    assert not result.proven
    with pytest.raises(UsageError, match="time_limit is -1"):
        optimal(problem, time_limit=-1)


def test_graphs_on_which_greedy_wastes_a_tenth() -> None:
    """Random graphs of 40 to 120 buffers come within 2 % of the bound; all 50: conformance."""
    for _, _, problem in hard_graphs(8):
        result = optimal(problem, time_limit=20)
        assert judge(problem, result.plan) == ()
        assert result.proven or result.plan.extent <= 1.02 * result.lower_bound


def test_two_thousand_buffers() -> None:
    """A long graph is planned at its bound, or near it, in well under a minute."""
    problem = draw("layers", 8, 2000)
    result = optimal(problem, time_limit=60)
    assert judge(problem, result.plan) == ()
    assert greedy(problem).extent > 1.09 * lower_bound(problem)
    assert result.proven or result.plan.extent <= 1.05 * result.lower_bound


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [("models/vww_96_int8.tflite", 73728, 55296), ("models/vww_96_float.tflite", 294912, 221184)],
)
def test_visual_wake_words(name: str, before: int, after: int) -> None:
    """A real model whose greedy plan wastes a quarter reaches its bound at once."""
    problem = lifetimes(read_model(corpus() / name)).problem()
    result = optimal(problem)
    assert (greedy(problem).extent, result.plan.extent) == (before, after)
    assert result.proven
    assert result.seconds < 5


@given(problems())
def test_cliques_keep_who_meets_whom(problem: Problem) -> None:
    """Cut down to cliques, two buffers share time exactly when they did; the peak is kept."""
    starts, stops = problem.intervals()
    sizes_ = problem.sizes()
    none = np.zeros(0, np.int64)
    packing = pack(sizes_, starts, stops, none, none, none, none)

    def meets(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a[:, None] < b) & (b[:, None] > a)

    assert np.array_equal(meets(starts, stops), meets(packing.starts, packing.stops))
    assert packing.load().max(initial=0) == lower_bound(problem)


@settings(max_examples=25)
@given(tiny())
def test_each_search_alone(problem: Problem) -> None:
    """At the optimum both searches find a plan; below it one proves and the other finds nothing."""
    packing = scaled(problem).packing
    best = smallest_extent(problem) // scaled(problem).unit
    rng = np.random.default_rng(0)
    stacker = Stacker(packing)

    def never() -> bool:
        return False

    found = stacker.search(best, 10_000, Weighting(200.0, 1.0), rng, never)
    assert found.offsets is not None
    assert (found.offsets + packing.sizes).max(initial=0) <= best
    offsets = np.cumsum(packing.sizes) - packing.sizes
    thrown = eject(packing, Neighbours(packing), best, offsets, random.Random(0), 20_000, never)
    assert thrown is not None
    assert (thrown + packing.sizes).max(initial=0) <= best
    if best:
        assert stacker.search(best - 1, 10_000, Weighting(200.0, 1.0), rng, never).impossible
        assert (
            eject(packing, Neighbours(packing), best - 1, offsets, random.Random(0), 200, never)
            is None
        )


def test_many_neighbours_cost_what_few_do() -> None:
    """Prices by sorting equal prices by table, so the search is the same in a crowd."""
    from refinterp.arena import search_by_ejection

    rng = np.random.default_rng(3)
    for count in (1, 2, 30, 200):
        begin = rng.integers(0, 500, count)
        end = begin + rng.integers(1, 90, count)
        dues = rng.random(count) + 0.1
        places = np.unique(np.concatenate([begin, end]))
        table = search_by_ejection._costs_by_table(places, 37, begin, end, dues)
        sorted_ = search_by_ejection._costs_by_sorting(places, 37, begin, end, dues)
        np.testing.assert_allclose(table, sorted_, rtol=1e-9, atol=1e-9)
        assert np.array_equal(table == 0, sorted_ == 0)


def test_plans_of_nothing() -> None:
    """No buffers, or buffers without bytes, take nothing and are proven to."""
    assert optimal(Problem(())).plan == Plan((), 0)
    empty = Problem((Buffer(0, 0, 3), Buffer(0, 1, 1)))
    assert optimal(empty).plan == plan_at(empty, [0, 0])
    assert optimal(empty).proven
