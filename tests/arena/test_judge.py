from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from refinterp.arena.greedy import greedy
from refinterp.arena.judge import clashes, judge, live_bytes, lower_bound
from refinterp.arena.problem import Buffer, Plan, Problem, plan_at
from refinterp.errors import UsageError
from tests.arena.strategies import problems


@given(problems(min_size=2), st.data())
def test_a_planted_overlap_is_named(problem: Problem, data: st.DataObject) -> None:
    """Mutant: one buffer is moved onto another that is live with it; the judge names that pair."""
    pairs = [
        (i, j)
        for j, b in enumerate(problem.buffers)
        for i, a in enumerate(problem.buffers[:j])
        if a.size and b.size and a.first_use <= b.last_use and b.first_use <= a.last_use
    ]
    assume(pairs)
    one, other = data.draw(st.sampled_from(pairs))
    offsets = list(greedy(problem).offsets)
    offsets[other] = offsets[one]
    faults = judge(problem, plan_at(problem, offsets))
    assert (one, other) in [fault.buffers for fault in faults if fault.kind == "overlap"]


@given(problems(fixed=True), st.data())
def test_clashes_are_those_of_the_definition(problem: Problem, data: st.DataObject) -> None:
    """Whatever the offsets, the pairs found are those that share a byte at some scope."""
    count = len(problem.buffers)
    offsets = tuple(data.draw(st.lists(st.integers(0, 400), min_size=count, max_size=count)))
    held = [
        {(t, x) for t in range(b.first_use, b.last_use + 1) for x in range(at, at + b.size)}
        for b, at in zip(problem.buffers, offsets, strict=True)
    ]
    expected = [(i, j) for i in range(count) for j in range(i + 1, count) if held[i] & held[j]]
    assert clashes(problem, offsets) == expected


def test_freeing_an_operator_early_is_caught() -> None:
    """Mutant: a tensor of a chain is freed before the operator that reads it; the pair is named."""
    chain = tuple(Buffer(32, i, i + 1, f"t{i}") for i in range(3))
    problem = Problem(chain)
    assert judge(problem, greedy(problem)) == ()
    early = Problem((chain[0], replace(chain[1], last_use=1), chain[2]))
    assert [fault.buffers for fault in judge(problem, greedy(early))] == [(1, 2)]


@pytest.mark.parametrize(
    ("plan", "kind", "words"),
    [
        (Plan((0,), 64), "count", "1 offsets for 2 buffers"),
        (Plan((0, -16), 64), "negative", "buffer 1 (b) at offset -16"),
        (Plan((0, 36), 64), "misaligned", "buffer 1 (b) at offset 36: not a multiple of 16"),
        (Plan((16, 48), 64), "moved", "buffer 0 (a) at offset 16: fixed beforehand at 0"),
        (Plan((0, 32), 40), "extent", "ends at 42, behind the plan's extent 40"),
        (
            Plan((0, 16), 64),
            "overlap",
            "buffer 0 (a) at bytes 0..20 and buffer 1 (b) at bytes 16..26 share 4 bytes while "
            "both are live at scope 2",
        ),
    ],
)
def test_every_fault_says_what_where_and_how_much(plan: Plan, kind: str, words: str) -> None:
    """Each kind of fault is found, alone, and its message names the buffer and the numbers."""
    problem = Problem((Buffer(20, 1, 2, "a", offset=0), Buffer(10, 2, 4, "b")))
    (fault,) = judge(problem, plan)
    assert fault.kind == kind
    assert words in fault.message


@given(problems())
def test_live_bytes_are_those_of_each_scope(problem: Problem) -> None:
    """Counting scope by scope gives the same bytes, and their maximum is the lower bound."""
    begin, live = live_bytes(problem)
    sizes = problem.sizes().tolist()
    counted = [
        sum(
            s for b, s in zip(problem.buffers, sizes, strict=True) if b.first_use <= t <= b.last_use
        )
        for t in range(begin, begin + len(live))
    ]
    assert live.tolist() == counted
    assert lower_bound(problem) == max(counted, default=0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Buffer(-1, 0, 1),
        lambda: Buffer(1, 2, 1),
        lambda: Buffer(1, 0, 1, offset=-1),
        lambda: Problem((), alignment=0),
    ],
)
def test_what_cannot_be_meant_is_refused(make: object) -> None:
    """Negative sizes and offsets, reversed lifetimes and no alignment raise UsageError."""
    with pytest.raises(UsageError):
        make()  # type: ignore[operator]
