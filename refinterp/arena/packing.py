"""The planning problem as the searches see it: whole units of space, time cut down to its cliques.

A set of intervals has few *maximal cliques*: the scopes at which no further buffer could be added
to those live. Two buffers are live together exactly when they share one, so every other scope can
be forgotten.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.arena.problem import Problem

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Packing:
    """Free buffers to be stacked, and blocks that are already where they must be.

    sizes: of free buffers, in units, all above 0, int64 (n,).
    starts, stops: when they live: half-open, in cliques, int64 (n,).
    block_begin, block_end: where blocks lie, in units, half-open, int64 (m,).
    block_start, block_stop: when: half-open, in cliques, int64 (m,).
    cliques: how many there are.
    """

    sizes: Ints
    starts: Ints
    stops: Ints
    block_begin: Ints
    block_end: Ints
    block_start: Ints
    block_stop: Ints
    cliques: int

    @property
    def count(self) -> int:
        """How many buffers are free."""
        return len(self.sizes)

    def load(self) -> Ints:
        """Return the units that must lie somewhere in each clique, int64 (cliques,)."""
        change = np.zeros(self.cliques + 1, np.int64)
        np.add.at(change, self.starts, self.sizes)
        np.subtract.at(change, self.stops, self.sizes)
        load = np.cumsum(change, dtype=np.int64)[:-1]
        for clique in range(self.cliques if len(self.block_begin) else 0):
            live = (self.block_start <= clique) & (clique < self.block_stop)
            load[clique] += _union(self.block_begin[live], self.block_end[live])
        return load

    def live(self, clique: int) -> Ints:
        """Return the free buffers live in a clique, as indices."""
        return np.flatnonzero((self.starts <= clique) & (clique < self.stops))

    def subset(self, chosen: Ints) -> Packing:
        """Return the problem of some of the free buffers, without blocks: a relaxation."""
        none = np.zeros(0, np.int64)
        return pack(
            self.sizes[chosen], self.starts[chosen], self.stops[chosen], none, none, none, none
        )


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """A packing, the bytes of one of its units, and which of the problem's buffers are free."""

    packing: Packing
    unit: int
    free: Ints


def scaled(problem: Problem) -> Scaled:
    """Return the problem in its largest possible unit; buffers without bytes are left out.

    Offsets of a plan in which nothing can be lowered are sums of sizes above the ground or a block,
    so where all of these are multiples of a number, the plan's extent is one too.
    """
    align = problem.alignment
    sizes = problem.sizes() // align
    starts, stops = problem.intervals()
    fixed = np.array([buffer.offset is not None for buffer in problem.buffers], bool)
    begins = np.array([buffer.offset or 0 for buffer in problem.buffers], np.int64)
    ends = -(-(begins + sizes * align) // align)
    begins = begins // align
    free = np.flatnonzero(~fixed & (sizes > 0))
    block = np.flatnonzero(fixed & (sizes > 0))
    numbers = np.concatenate([sizes[free], begins[block], ends[block]])
    unit = math.gcd(*numbers.tolist()) or 1
    packing = pack(
        sizes[free] // unit,
        starts[free],
        stops[free],
        begins[block] // unit,
        ends[block] // unit,
        starts[block],
        stops[block],
    )
    return Scaled(packing, unit * align, free)


def on_grid(problem: Problem) -> Problem:
    """Return the problem with fixed buffers widened to whole multiples of the alignment."""
    align = problem.alignment
    buffers = []
    for buffer in problem.buffers:
        if buffer.offset is not None and buffer.size:
            begin = buffer.offset // align * align
            end = buffer.offset + buffer.size + -buffer.size % align
            buffer = dataclasses.replace(buffer, offset=begin, size=end - begin)
        buffers.append(buffer)
    return Problem(tuple(buffers), align)


def pack(
    sizes: Ints,
    starts: Ints,
    stops: Ints,
    block_begin: Ints,
    block_end: Ints,
    block_start: Ints,
    block_stop: Ints,
) -> Packing:
    """Return the packing of intervals that are counted in scopes, or in anything else."""
    points = _cliques(np.concatenate([starts, block_start]), np.concatenate([stops, block_stop]))
    return Packing(
        sizes,
        np.searchsorted(points, starts),
        np.searchsorted(points, stops),
        block_begin,
        block_end,
        np.searchsorted(points, block_start),
        np.searchsorted(points, block_stop),
        len(points),
    )


def _cliques(starts: Ints, stops: Ints) -> Ints:
    """Return one point of time for each maximal clique: the last start before the next stop."""
    points: list[int] = []
    ordered = np.unique(starts)
    ended = None
    for stop in np.unique(stops).tolist():
        last = int(ordered[np.searchsorted(ordered, stop) - 1])
        if ended is None or last >= ended:
            points.append(last)
            ended = stop
    return np.array(points, np.int64)


def _union(begins: Ints, ends: Ints) -> int:
    """Return how many units a set of ranges covers."""
    covered, reached = 0, 0
    for begin, end in sorted(zip(begins.tolist(), ends.tolist(), strict=True)):
        covered += max(0, end - max(begin, reached))
        reached = max(reached, end)
    return covered
