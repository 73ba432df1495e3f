"""TFLM's greedy planner: the largest buffer first, each into the lowest gap that holds it.

Rule      Buffers whose offset is fixed beforehand are placed first, as they come. The others follow
          by size, largest first; among equals the one added last goes first. Each is put at the
          lowest offset where it clears every placed buffer that is live at the same time, or behind
          the last of them.
Source    TFLM `memory_planner/greedy_memory_planner.cc` (`CalculateOffsetsIfNeeded`), commit
          90b983c2b. There a bubble sort, stable, runs over a list that was filled from its tail:
          hence the reversed order among equals. Sizes are rounded up before planning
          (`micro_allocator.cc`, `CreatePlan`).
Exact to  TFLM: every offset of every plan.

TFLM walks a linked list of placed buffers for each new one. So does this for few buffers; for many
the same list is a set of arrays kept in order of offset, and a walk is a handful of vectorised
operations.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

import numpy as np

from refinterp.arena.problem import Plan, Problem, plan_at

FEW: Final = 128  # buffers over which walking takes less than setting up vectorised operations


class _Few:
    """Buffers placed so far, in order of offset: [begin, end) in bytes, [start, stop) in scopes."""

    def __init__(self) -> None:
        self.begins: list[int] = []
        self.placed: list[tuple[int, int, int, int]] = []

    def insert(self, offset: int, size: int, start: int, stop: int) -> None:
        """Add a buffer behind those that begin at the same offset."""
        at = bisect_right(self.begins, offset)
        self.begins.insert(at, offset)
        self.placed.insert(at, (offset, offset + size, start, stop))

    def first_gap(self, size: int, start: int, stop: int) -> int:
        """Return the lowest offset at which size bytes are free throughout [start, stop)."""
        floor = 0  # where everything live that begins no later has ended
        for begin, end, first, last in self.placed:
            if first < stop and last > start:
                if begin - floor >= size:
                    break
                floor = max(floor, end)
        return floor


class _Many:
    """The same for many buffers."""

    def __init__(self, capacity: int) -> None:
        self.count = 0
        self.begin = np.empty(capacity, np.int64)
        self.end = np.empty(capacity, np.int64)
        self.start = np.empty(capacity, np.int64)
        self.stop = np.empty(capacity, np.int64)

    def insert(self, offset: int, size: int, start: int, stop: int) -> None:
        """Add a buffer behind those that begin at the same offset."""
        n = self.count
        at = int(self.begin[:n].searchsorted(offset, side="right"))
        for column, value in (
            (self.begin, offset),
            (self.end, offset + size),
            (self.start, start),
            (self.stop, stop),
        ):
            column[at + 1 : n + 1] = column[at:n]
            column[at] = value
        self.count = n + 1

    def first_gap(self, size: int, start: int, stop: int) -> int:
        """Return the lowest offset at which size bytes are free throughout [start, stop)."""
        n = self.count
        live = ((self.start[:n] < stop) & (self.stop[:n] > start)).nonzero()[0]
        if not live.size or self.begin[live[0]] >= size:
            return 0
        begins = self.begin[live]
        floors = self.end[live]  # where everything live that begins no later has ended
        np.maximum.accumulate(floors, out=floors)
        fits = begins[1:] - floors[:-1] >= size
        gap = int(fits.argmax()) if fits.any() else -1
        return int(floors[gap])


def greedy(problem: Problem) -> Plan:
    """Place the buffers as TFLM's GreedyMemoryPlanner does, offset for offset.

    Buffers with a fixed offset keep it, even where they overlap: `judge` tells.
    """
    sizes = problem.sizes().tolist()
    return first_fit(problem, sorted(range(len(sizes)), key=lambda i: (-sizes[i], -i)))


def first_fit(problem: Problem, order: Iterable[int]) -> Plan:
    """Place the buffers in this order, each at the lowest offset where it fits.

    Buffers with a fixed offset come first, as they do in TFLM, wherever the order has them.
    """
    sizes = problem.sizes().tolist()
    starts, stops = (bounds.tolist() for bounds in problem.intervals())
    fixed = [i for i, buffer in enumerate(problem.buffers) if buffer.offset is not None]
    free = [i for i in order if problem.buffers[i].offset is None]

    offsets = [0] * len(sizes)
    placed = _Few() if len(sizes) <= FEW else _Many(len(sizes))
    for i in (*fixed, *free):
        wanted = problem.buffers[i].offset
        offset = placed.first_gap(sizes[i], starts[i], stops[i]) if wanted is None else wanted
        offsets[i] = offset
        placed.insert(offset, sizes[i], starts[i], stops[i])
    return plan_at(problem, offsets)
