"""The smallest plan of a tiny problem, by trying everything: shares no code with a planner."""

from __future__ import annotations

from refinterp.arena.problem import Problem


def smallest_extent(problem: Problem) -> int:
    """Return the least extent of all plans.

    A plan in which no buffer can be lowered is what first fit makes of its buffers in order of
    offset, so the best of all orders is the best of all plans.
    """
    align = problem.alignment
    rounded = [-(-buffer.size // align) * align for buffer in problem.buffers]
    fixed = {i: b.offset for i, b in enumerate(problem.buffers) if b.offset is not None}
    least = sum(rounded) + sum(fixed.values()) + align * len(rounded) + 1

    def place(places: dict[int, int], extent: int) -> None:
        """Put down each of the buffers left in turn; give up where it is no better already."""
        nonlocal least
        if extent >= least:
            return
        left = [i for i in range(len(rounded)) if i not in places]
        if not left:
            least = extent
        for i in left:
            offset = _lowest(problem, rounded, places, i)
            place({**places, i: offset}, max(extent, offset + rounded[i]))

    place(dict(fixed), max((offset + rounded[i] for i, offset in fixed.items()), default=0))
    return least


def _lowest(problem: Problem, rounded: list[int], places: dict[int, int], i: int) -> int:
    """Return the lowest offset at which buffer i clears those that have their places."""
    align, mine = problem.alignment, problem.buffers[i]
    around = [
        (places[j], places[j] + rounded[j])
        for j in places
        if rounded[j]
        and problem.buffers[j].first_use <= mine.last_use
        and problem.buffers[j].last_use >= mine.first_use
    ]
    starts = [0, *(-(-end // align) * align for _, end in around)]
    return min(
        start
        for start in starts
        if all(start >= end or start + rounded[i] <= begin for begin, end in around)
    )
