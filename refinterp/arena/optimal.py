"""The smallest plan that can be found, with a proof that none is smaller, or the gap that is left.

Method    Start from TFLM's greedy plan and from first-fit plans in other orders. Then, by turns and
          with more effort each time: throw buffers out of an ever lower capacity
          (`search_by_ejection`), stack them from the ground up (`search_by_stacking`), and prove
          of a few buffers around a peak that they alone need more than the bound says. The search
          ends when the best plan meets the bound, or with the time.

The greedy plan is the first one, so the result is never larger than TFLM's.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from refinterp.arena.greedy import first_fit, greedy
from refinterp.arena.packing import Ints, Packing, Scaled, on_grid, scaled
from refinterp.arena.problem import Plan, Problem, plan_at
from refinterp.arena.search_by_ejection import Neighbours, eject
from refinterp.arena.search_by_stacking import Stacker, Weighting
from refinterp.errors import UsageError

TIME_LIMIT: Final = 10.0  # seconds

_WORK: Final = 12_000_000  # array elements of the first round; each round doubles it
_MOVE: Final = 4_000  # array elements that take as long as a move of the ejection search
_CROWD: Final = 100  # buffers up to which a round makes equally many moves; then in proportion
_NARROWEST: Final = 16  # partial plans below which stacking is not worth the start
_TRIALS: Final = 2  # searches of one capacity; one that fails mostly fails early
_CIRCLES: Final = (6, 9, 12, 15, 18, 22, 26)  # buffers around a peak, round by round
_PEAKS: Final = 3
_WEIGHTINGS: Final = (
    Weighting(200.0, 1.0),
    Weighting(50.0, 0.3),
    Weighting(50.0, 1.0, 0.3),
    Weighting(1000.0, 2.0, 0.3),
    Weighting(500.0, 4.0, 0.3),
)


@dataclass(frozen=True, slots=True)
class OptimalResult:
    """A plan and what is known of how good it is.

    lower_bound: bytes that no plan can do without. proven: the plan's extent is the least there is.
    gap: bytes between the two, 0 when proven. seconds: what the search took.
    """

    plan: Plan
    lower_bound: int
    proven: bool
    gap: int
    seconds: float


def optimal(problem: Problem, *, time_limit: float = TIME_LIMIT, seed: int = 0) -> OptimalResult:
    """Return the best plan found within time_limit seconds, at most as large as the greedy one.

    Fixed offsets are kept. A search that ends before the time limit gives the same plan for the
    same seed on every machine.

    Raises UsageError for a negative time limit.
    """
    if not time_limit >= 0:
        raise UsageError(f"time_limit is {time_limit}; it must be 0 seconds or more")
    begin = time.monotonic()
    search = _Search(problem, begin + time_limit, seed)
    search.run()
    plan = search.plan()
    gap = plan.extent - search.lower_bound()
    return OptimalResult(plan, search.lower_bound(), gap == 0, gap, time.monotonic() - begin)


class _Search:
    """The best offsets so far, and the bound; both in units of the scaled problem."""

    def __init__(self, problem: Problem, until: float, seed: int) -> None:
        self._problem = problem
        self._until = until
        self._scaled: Scaled = scaled(problem)
        self._packing: Packing = self._scaled.packing
        self._random = random.Random(seed)
        self._generator = np.random.default_rng(seed)
        fixed = [
            (buffer.offset, size)
            for buffer, size in zip(problem.buffers, problem.sizes().tolist(), strict=True)
            if buffer.offset is not None
        ]
        self._fixed_end = max((offset + size for offset, size in fixed), default=0)
        self._on_grid = all(offset % problem.alignment == 0 for offset, size in fixed if size)
        self._floor = -(-self._fixed_end // self._scaled.unit)  # no capacity is below it
        self._bound = int(self._packing.load().max(initial=0))
        self._greedy = greedy(problem)
        self._gridded = problem if self._on_grid else on_grid(problem)
        self._offsets = self._free_offsets(self._greedy if self._on_grid else greedy(self._gridded))
        self._best = self._extent(self._offsets)

    def plan(self) -> Plan:
        """Return the best plan, in bytes."""
        offsets = [0 if b.offset is None else b.offset for b in self._problem.buffers]
        for buffer, offset in zip(self._scaled.free.tolist(), self._offsets.tolist(), strict=True):
            offsets[buffer] = offset * self._scaled.unit
        plan = plan_at(self._problem, offsets)
        # Only beside a block off the grid can greedy do better: it does not care for the grid.
        return plan if plan.extent <= self._greedy.extent else self._greedy

    def lower_bound(self) -> int:
        """Return the bound in bytes."""
        if self._on_grid:
            return max(self._bound * self._scaled.unit, self._fixed_end)
        # Beside a block off the grid others may be off it too, and what was proven does not hold.
        free = self._packing.subset(np.arange(self._packing.count, dtype=np.int64))
        return max(int(free.load().max(initial=0)) * self._scaled.unit, self._fixed_end)

    @property
    def _target(self) -> int:
        """The least capacity that is not known to be too small."""
        return max(self._bound, self._floor)

    def run(self) -> None:
        """Search until the best plan meets the bound or the time is up."""
        if self._done():
            return
        for order in _orders(self._gridded):
            self._accept(self._free_offsets(first_fit(self._gridded, order)))
        neighbours = Neighbours(self._packing)
        stacker = Stacker(self._packing)
        work = _WORK
        self._stack(stacker, work // 8)  # settles small problems at once
        for turn in range(1 << 20):
            self._lower_best(neighbours, work)
            self._lift_bound(turn, work)
            self._stack(stacker, work)
            if self._done():
                return
            work *= 2

    def _done(self) -> bool:
        return self._best <= self._target or self._expired()

    def _expired(self) -> bool:
        return time.monotonic() >= self._until

    def _lower_best(self, neighbours: Neighbours, work: int) -> None:
        """Throw buffers out of lower and lower capacities, in smaller steps when one fails."""
        moves = work // _MOVE * max(_CROWD, self._packing.count) // _CROWD
        share = 4
        while share <= 64 and not self._done():
            step = max(1, (self._best - self._target) // share)
            found = eject(
                self._packing,
                neighbours,
                self._best - step,
                self._offsets,
                self._random,
                moves,
                self._expired,
            )
            if found is None:
                share *= 4 if step > 1 else 64
            else:
                self._accept(found)

    def _stack(self, stacker: Stacker, work: int) -> None:
        """Stack everything within the bound, or within more and more of the gap."""
        width = work // max(1, stacker.cells)
        if width < _NARROWEST:
            return
        weightings = [self._random.choice(_WEIGHTINGS) for _ in range(_TRIALS)]
        gap = self._best - self._target
        for capacity in (*(self._target + gap * part // 4 for part in range(3)), self._best - 1):
            for weighting in weightings:
                if self._done() or not self._target <= capacity < self._best:
                    break
                result = stacker.search(capacity, width, weighting, self._generator, self._expired)
                if result.offsets is not None:
                    self._accept(result.offsets)
                elif result.impossible:
                    self._bound = max(self._bound, capacity + 1)

    def _lift_bound(self, turn: int, work: int) -> None:
        """Prove that the buffers around a peak need more than the bound."""
        size = _CIRCLES[min(turn, len(_CIRCLES) - 1)]
        load = self._packing.load()
        seen: set[tuple[int, ...]] = set()
        for peak in np.argsort(-load, kind="stable")[:_PEAKS].tolist():
            neighbourhood = _neighbourhood(self._packing, peak, size)
            if neighbourhood is None or tuple(neighbourhood) in seen:
                continue
            seen.add(tuple(neighbourhood))
            stacker = Stacker(self._packing.subset(neighbourhood))
            width = max(_NARROWEST, work // max(1, stacker.cells) // _PEAKS)
            low, high = self._target, self._best
            while low < high and not self._expired():
                middle = (low + high - 1) // 2 if low > self._target else low
                first = _WEIGHTINGS[0]
                result = stacker.search(middle, width, first, self._generator, self._expired)
                if result.impossible:
                    low = middle + 1
                else:
                    high = middle
            if low > self._target:
                self._bound = low

    def _free_offsets(self, plan: Plan) -> Ints:
        return np.array(plan.offsets, np.int64)[self._scaled.free] // self._scaled.unit

    def _extent(self, offsets: Ints) -> int:
        return max(int((offsets + self._packing.sizes).max(initial=0)), self._floor)

    def _accept(self, offsets: Ints) -> None:
        extent = self._extent(offsets)
        if extent < self._best:
            self._best, self._offsets = extent, offsets


def _orders(problem: Problem) -> Iterator[list[int]]:
    """Yield orders to place buffers in: by bytes over time, by time, by bytes and then time."""
    sizes = problem.sizes()
    starts, stops = problem.intervals()
    lengths = stops - starts
    for keys in ((-sizes * lengths,), (-sizes, -lengths), (-lengths, -sizes)):
        yield [int(i) for i in np.lexsort(keys[::-1])]


def _neighbourhood(packing: Packing, peak: int, size: int) -> Ints | None:
    """Return so many buffers closest in time to a clique, or None where that has as many itself."""
    away = np.maximum(packing.starts - peak, peak - packing.stops + 1)
    if np.count_nonzero(away <= 0) >= size:
        return None
    nearest = np.lexsort((-packing.sizes, np.maximum(away, 0)))[:size]
    return np.sort(nearest)
