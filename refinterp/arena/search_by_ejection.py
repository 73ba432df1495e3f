"""A search for a plan within a given capacity: put a buffer down, throw out what is in its way.

Method    Buffers that lie above the capacity are taken out. One of those outside is put where it
          costs least, flush with the ground, the ceiling or a neighbour; what it lies on is thrown
          out and waits its turn. A buffer that could not be put down for free becomes dearer, so
          that the search learns which are hard to place and stops throwing them out.
Source    Guided ejection search (Y. Nagata, O. Bräysy, "A powerful route minimization heuristic for
          the vehicle routing problem with time windows", Oper. Res. Lett. 37, 2009), applied here
          to offsets.

Only a buffer's neighbours in time are looked at, so a move costs the same in a long graph as in a
short one. The search finds plans and proves nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from refinterp.arena.packing import Ints, Packing

Floats = NDArray[np.float64]
OUTSIDE: Final = -1
_WHOLE: Final = 0.3  # of a buffer's price is due however little of it is hit; the rest by its bytes
_TABU: Final = (3, 9)  # moves during which what was put down is not thrown out, if avoidable
_DEAR: Final = 1e6
_LOOK: Final = 128  # moves between two looks at the clock
_MANY: Final = 64  # neighbours from which on sorting them is faster than a table


class Neighbours:
    """Which buffers and blocks are live together with a buffer, found when first asked for."""

    def __init__(self, packing: Packing) -> None:
        self._starts = np.concatenate([packing.starts, packing.block_start])
        self._stops = np.concatenate([packing.stops, packing.block_stop])
        self._known: dict[int, Ints] = {}

    def __getitem__(self, buffer: int) -> Ints:
        found = self._known.get(buffer)
        if found is None:
            meets = (self._starts < self._stops[buffer]) & (self._stops > self._starts[buffer])
            meets[buffer] = False
            found = self._known[buffer] = np.flatnonzero(meets)
        return found


def eject(
    packing: Packing,
    neighbours: Neighbours,
    capacity: int,
    offsets: Ints,
    rng: random.Random,
    moves: int,
    expired: Callable[[], bool],
) -> Ints | None:
    """Return offsets that all end within the capacity, or None when the moves or the time ran out.

    offsets: a sound plan to start from, int64 (n,); it may end above the capacity.
    """
    count = packing.count
    sizes = packing.sizes
    if count and int(sizes.max()) > capacity:
        return None
    at = np.concatenate([offsets, packing.block_begin])
    ends = np.concatenate([sizes, packing.block_end - packing.block_begin])
    share = sizes / sizes.mean() if count else np.zeros(0)
    price = share.copy()
    release = np.zeros(count, np.int64)  # the move from which a buffer may be thrown out
    outside = np.flatnonzero(at[:count] + sizes > capacity).tolist()
    at[outside] = OUTSIDE
    for move in range(moves):
        if not outside:
            return at[:count]
        if move % _LOOK == _LOOK - 1 and expired():
            return None
        buffer = outside.pop(rng.randrange(len(outside)))
        size = int(sizes[buffer])
        around = neighbours[buffer]
        begin = at[around]
        inside = begin >= 0
        around, begin = around[inside], begin[inside]
        end = begin + ends[around]
        places = np.concatenate([(0, capacity - size), end, begin - size])
        places = places[(places >= 0) & (places <= capacity - size)]
        if around.size and around[-1] >= count:  # blocks come last
            first = int(np.searchsorted(around, count))
            places = places[_hits(places, size, begin[first:], end[first:]) == 0]
            if not places.size:
                return None  # blocks leave no room, wherever the others lie
            around, begin, end = around[:first], begin[:first], end[:first]
        dues = price[around] + np.where(release[around] > move, _DEAR, 0.0)
        cost = _costs(places, size, begin, end, dues)
        cheapest = np.flatnonzero(cost <= cost.min())
        place = int(places[cheapest[rng.randrange(len(cheapest))]])
        at[buffer] = place
        hit = around[(begin < place + size) & (end > place)]
        if hit.size:
            price[buffer] += share[buffer]
            release[buffer] = move + rng.randint(*_TABU)
            at[hit] = OUTSIDE
            outside.extend(hit.tolist())
    return None if outside else at[:count]


def _hits(places: Ints, size: int, begin: Ints, end: Ints) -> Ints:
    """Return how many of the ranges [begin, end) each place shares units with."""
    entered = np.searchsorted(np.sort(begin), places + size, side="left")
    left = np.searchsorted(np.sort(end), places, side="right")
    return np.asarray(entered - left, np.int64)


def _costs(places: Ints, size: int, begin: Ints, end: Ints, dues: Floats) -> Floats:
    """Return what it costs to put `size` units at each place, through what lies there already."""
    price = _costs_by_sorting if begin.size > _MANY else _costs_by_table
    return price(places, size, begin, end, dues)


def _costs_by_table(places: Ints, size: int, begin: Ints, end: Ints, dues: Floats) -> Floats:
    """Compare every place with every range: m * places steps, few of them NumPy's."""
    lows = places[:, None]
    shared = np.minimum(end, lows + size) - np.maximum(begin, lows)
    part = _WHOLE + shared / (end - begin)
    return np.asarray(np.where(shared > 0, part * dues, 0.0).sum(1, dtype=np.float64), np.float64)


def _costs_by_sorting(places: Ints, size: int, begin: Ints, end: Ints, dues: Floats) -> Floats:
    """Sum over the ranges in order: m log m steps."""
    by_begin, by_end = np.argsort(begin, kind="stable"), np.argsort(end, kind="stable")
    begins, ends = begin[by_begin], end[by_end]
    density = dues / (end - begin)

    def sums(values: Floats | Ints) -> Floats:
        return np.concatenate([(0.0,), np.cumsum(values, dtype=np.float64)])

    whole = sums(dues[by_begin]), sums(dues[by_end])
    rate = sums(density[by_begin]), sums(density[by_end])
    weight = sums((density * begin)[by_begin]), sums((density * end)[by_end])

    def below(edge: Ints) -> Floats:
        """Return the dues by bytes of everything below each edge."""
        one = np.searchsorted(begins, edge)
        two = np.searchsorted(ends, edge)
        rising = edge * rate[0][one] - weight[0][one]
        return np.asarray(rising - (edge * rate[1][two] - weight[1][two]), np.float64)

    entered = np.searchsorted(begins, places + size, side="left")
    left = np.searchsorted(ends, places, side="right")
    cost = _WHOLE * (whole[0][entered] - whole[1][left]) + below(places + size) - below(places)
    return np.asarray(np.where(entered == left, 0.0, cost), np.float64)
