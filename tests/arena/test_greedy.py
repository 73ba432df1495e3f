from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given

from refinterp.arena import greedy as planner
from refinterp.arena.greedy import greedy
from refinterp.arena.judge import judge, lower_bound
from refinterp.arena.problem import Buffer, Problem
from tests.arena.strategies import problems

FACTS = json.loads((Path(__file__).parent / "tflm_plans.json").read_text())


def walked(problem: Problem) -> list[int]:
    """The rule, one buffer and one comparison at a time."""
    sizes = problem.sizes().tolist()
    places = {i: b.offset for i, b in enumerate(problem.buffers) if b.offset is not None}
    free = [i for i in reversed(range(len(sizes))) if i not in places]
    for i in sorted(free, key=lambda i: -sizes[i]):
        mine = problem.buffers[i]
        live = [
            (places[j], sizes[j])
            for j in places
            if problem.buffers[j].first_use <= mine.last_use
            and mine.first_use <= problem.buffers[j].last_use
        ]
        offset = 0
        for begin, size in sorted(live):
            if begin - offset >= sizes[i]:
                break
            offset = max(offset, begin + size)
        places[i] = offset
    return [places[i] for i in range(len(sizes))]


@pytest.mark.parametrize("fact", FACTS["plans"], ids=lambda fact: fact["name"])
def test_offsets_are_tflms(fact: dict[str, object]) -> None:
    """Measured plans of whole and random models, and drawn problems with fixed offsets, agree."""
    rows = fact["buffers"]
    assert isinstance(rows, list)
    buffers = tuple(
        Buffer(size, first, last, offset=offset if fixed else None)
        for size, first, last, offset, fixed in rows
    )
    plan = greedy(Problem(buffers))
    assert plan.offsets == tuple(row[3] for row in rows)
    assert plan.extent == fact["head"]


@pytest.mark.parametrize("few", [0, 1000])
@given(problem=problems(fixed=True))
def test_both_walks_are_the_plain_one(few: int, problem: Problem) -> None:
    """Few and many buffers are placed where a plain walk over the rule places them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planner, "FEW", few)
        assert list(greedy(problem).offsets) == walked(problem)


@given(problems())
def test_plans_are_sound(problem: Problem) -> None:
    """The judge finds nothing in any plan, and no plan beats the lower bound."""
    plan = greedy(problem)
    assert judge(problem, plan) == ()
    assert plan.extent >= lower_bound(problem)


def test_among_equals_the_last_added_goes_lowest() -> None:
    """Equal sizes are placed in reversed order, as TFLM's stable sort of a reversed list does."""
    buffers = tuple(Buffer(16, 0, 1) for _ in range(3))
    assert greedy(Problem(buffers)).offsets == (32, 16, 0)


def test_ten_thousand_buffers_take_less_than_a_second() -> None:
    """Even where everything is live at once the planner's own time stays under a second."""
    crowd = Problem(tuple(Buffer(1 + i * 7919 % 99991, 0, 3) for i in range(10_000)))
    best = float("inf")
    for _ in range(3):  # other work on the machine slows a single measurement
        begin = time.process_time()
        greedy(crowd)
        best = min(best, time.process_time() - begin)
    assert best < 1.0
