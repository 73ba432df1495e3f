from __future__ import annotations

import pytest
from hypothesis import given

from refinterp.arena.greedy import greedy
from refinterp.arena.judge import judge, lower_bound
from refinterp.arena.linear import linear
from refinterp.arena.problem import Buffer, Problem
from refinterp.errors import UsageError
from tests.arena.strategies import problems


@given(problems())
def test_nothing_is_shared(problem: Problem) -> None:
    """The plan is sound, as long as its sizes together, and no shorter than greedy's."""
    plan = linear(problem)
    assert judge(problem, plan) == ()
    assert plan.extent == problem.sizes().sum()
    assert plan.extent >= greedy(problem).extent >= lower_bound(problem)


def test_buffers_follow_each_other_in_order() -> None:
    """Each buffer begins where the one before it ends, rounded up."""
    plan = linear(Problem((Buffer(17, 0, 1), Buffer(16, 5, 6), Buffer(1, 0, 0))))
    assert (plan.offsets, plan.extent) == ((0, 32, 48), 64)


def test_fixed_offsets_are_refused() -> None:
    """A place someone else chose cannot be kept, and the error names the buffer."""
    with pytest.raises(UsageError, match="'mine'"):
        linear(Problem((Buffer(16, 0, 1, "mine", offset=64),)))
