"""Stack buffers from the ground up, many plans at once: finds a plan, or proves that none exists.

Method    Every plan in which nothing can be lowered arises by putting down its buffers in order of
          offset, each on the skyline of those before it. A level of the search holds partial plans
          of equally many buffers, as rows of arrays; the next level holds all their continuations,
          without those that cannot end well:
          - one clique's remaining buffers do not fit above where each could lie at the lowest,
          - a buffer left for later would fit below the one put down now (it could be lowered),
          - the same buffers are down and the skyline is the same.
          The most promising rows are kept. When no row was ever dropped for want of room and none
          is left, no plan of this capacity exists.
Source    Canonical order and dominance as in M. Moffitt, "MiniMalloc", ASPLOS 2023; the clique
          bound is the one-machine schedule with release times (J. Carlier, 1982).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from refinterp.arena.packing import Ints, Packing

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
_NOWHERE: Final = 1 << 62
_WORD: Final = 62  # bits that an offset and a size must share; no arena comes near
_CELLS: Final = 1 << 20  # of an intermediate array; rows are worked through in blocks of so many


@dataclass(frozen=True, slots=True)
class Weighting:
    """What makes a partial plan promising, clique by clique.

    tightness: how much the last units of room count against the first. progress: what a clique
    that is filled is worth. noise: standard deviation of what is added at random.
    """

    tightness: float
    progress: float
    noise: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Stacked:
    """offsets: a plan within the capacity, int64 (n,), or None. impossible: proven that none is."""

    offsets: Ints | None
    impossible: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Partial plans: units covered in each clique, units still to come, and what is left."""

    skyline: Ints  # (rows, cliques)
    rest: Ints  # (rows, cliques)
    left: Bools  # (rows, n)
    floor: Ints  # (rows,) the offset of what was put down last
    last: Ints  # (rows,) what that was


class Stacker:
    """Searches one packing; what does not depend on the capacity is worked out once."""

    def __init__(self, packing: Packing) -> None:
        self.packing = packing
        n, cliques = packing.count, packing.cliques
        times = np.arange(cliques, dtype=np.int64)
        self._covers = (packing.starts[:, None] <= times) & (times < packing.stops[:, None])
        self._load = (self._covers * packing.sizes[:, None]).sum(0, dtype=np.int64)
        widest = int(self._covers.sum(0, dtype=np.int64).max(initial=0))
        self._members = np.full((cliques, widest), n, np.int64)  # n: nobody
        for clique in range(cliques):
            members = np.flatnonzero(self._covers[:, clique])
            self._members[clique, : len(members)] = members
        self._bits = int(packing.sizes.max(initial=0)).bit_length()
        self._spans = _spans(packing)
        words = np.random.default_rng(0).integers(-(1 << 63), (1 << 63) - 1, cliques + n)
        self._salt = words | 1  # for hashing rows; overflow is welcome
        self._blocks = [
            (
                int(begin),
                int(end),
                np.flatnonzero((packing.starts < stop) & (packing.stops > start)),
            )
            for begin, end, start, stop in sorted(
                zip(
                    packing.block_begin,
                    packing.block_end,
                    packing.block_start,
                    packing.block_stop,
                    strict=True,
                ),
                key=lambda block: (block[0], block[1]),
            )
        ]

    @property
    def cells(self) -> int:
        """What one row costs at all levels together, in array elements."""
        return self.packing.count * (self._members.size + self.packing.count)

    def search(
        self,
        capacity: int,
        width: int,
        weighting: Weighting,
        rng: np.random.Generator,
        expired: Callable[[], bool],
    ) -> Stacked:
        """Look for a plan of this capacity, keeping at most `width` partial plans at a time."""
        n = self.packing.count
        if (self.packing.load() > capacity).any():
            return Stacked(None, True)
        if capacity.bit_length() + self._bits >= _WORD:
            return Stacked(None, False)
        rows = _Rows(
            np.zeros((1, self.packing.cliques), np.int64),
            self._load[None].copy(),
            np.ones((1, n), bool),
            np.zeros(1, np.int64),
            np.full(1, -1, np.int64),
        )
        history: list[tuple[Ints, Ints, Ints]] = []
        complete = True
        for _ in range(n):
            if expired():
                return Stacked(None, False)
            parent, buffer, place = self._continuations(rows, capacity)
            rows = self._put_down(rows, parent, buffer, place)
            keep = self._distinct(rows, capacity)
            if not len(keep):
                return Stacked(None, complete)
            if len(keep) > width:
                complete = False
                worth = self._worth(rows, keep, capacity, weighting)
                worth += weighting.noise * rng.standard_normal(len(keep))
                keep = keep[np.argsort(-worth, kind="stable")[:width]]
            rows = _Rows(
                rows.skyline[keep],
                rows.rest[keep],
                rows.left[keep],
                rows.floor[keep],
                rows.last[keep],
            )
            history.append((parent[keep], buffer[keep], place[keep]))
        offsets = np.zeros(n, np.int64)
        row = 0
        for parents, buffers, places in reversed(history):
            offsets[buffers[row]] = places[row]
            row = int(parents[row])
        return Stacked(offsets, False)

    def _continuations(self, rows: _Rows, capacity: int) -> tuple[Ints, Ints, Ints]:
        """Return (row, buffer, offset) of everything that may be put down next."""
        found = []
        step = max(1, _CELLS // max(1, self._members.size + self.packing.count))
        for begin in range(0, len(rows.floor), step):
            part = slice(begin, begin + step)
            lowest = self._lowest(rows.skyline[part], rows.floor[part])
            left = rows.left[part]
            alive = self._least_ends(lowest, left).max(1, initial=0) <= capacity
            lowest[~left] = _NOWHERE
            # Whatever ends at or below an offset could be lowered there, were it left for later.
            limit = (lowest + self.packing.sizes).min(1)
            limit = np.minimum(limit, capacity - rows.rest[part].max(1) + 1)
            may: Bools = np.less(lowest, limit[:, None]) & alive[:, None]
            # Of buffers at the same offset the one with the lower index goes first.
            level = lowest == rows.floor[part][:, None]
            place = np.arange(self.packing.count, dtype=np.int64)
            may &= ~(level & (place < rows.last[part][:, None]))
            row, buffer = np.nonzero(may)
            found.append((row + begin, buffer, lowest[row, buffer]))
        parent, buffer, place = (np.concatenate(column) for column in zip(*found, strict=True))
        return parent, buffer, place

    def _lowest(self, skyline: Ints, floor: Ints) -> Ints:
        """Return the lowest offset each buffer could still have, (rows, n)."""
        packing = self.packing
        lowest = np.empty((len(skyline), packing.count), np.int64)
        peaks, reach = skyline, 1  # peaks[:, t]: highest of the cliques t to t + reach - 1
        for length, buffers, begins, ends in self._spans:
            while reach < length:
                peaks = np.maximum(peaks[:, : peaks.shape[1] - reach], peaks[:, reach:])
                reach *= 2
            lowest[:, buffers] = np.maximum(peaks[:, begins], peaks[:, ends])
        lowest = np.maximum(lowest, floor[:, None])
        for begin, end, buffers in self._blocks:
            here = lowest[:, buffers]
            meets = (here < end) & (here + packing.sizes[buffers] > begin)
            lowest[:, buffers] = np.where(meets, end, here)
        return lowest

    def _least_ends(self, lowest: Ints, left: Bools) -> Ints:
        """Return where each clique's remaining buffers end at the least, (rows, cliques).

        In order of their lowest offsets: each offset with all that comes from there on above it.
        Offset and size share a number, so that sorting moves both; where nobody is left it is 0.
        """
        pairs = np.zeros((len(lowest), self.packing.count + 1), np.int64)
        pairs[:, :-1] = np.where(left, lowest << self._bits | self.packing.sizes, 0)
        pairs = np.take(pairs, self._members, axis=1)
        pairs.sort(axis=2)
        own = (pairs & (1 << self._bits) - 1)[:, :, ::-1]
        above = np.cumsum(own, axis=2, dtype=np.int64)[:, :, ::-1]
        pairs >>= self._bits
        pairs += above
        return np.asarray(pairs.max(2, initial=0), np.int64)

    def _put_down(self, rows: _Rows, parent: Ints, buffer: Ints, place: Ints) -> _Rows:
        covers = self._covers[buffer]
        sizes = self.packing.sizes[buffer]
        skyline = np.where(covers, (place + sizes)[:, None], rows.skyline[parent])
        left = rows.left[parent]
        left[np.arange(len(buffer), dtype=np.int64), buffer] = False
        # Nothing goes below the floor any more, so what is below it is as good as covered.
        skyline = np.maximum(skyline, place[:, None])
        return _Rows(skyline, rows.rest[parent] - covers * sizes[:, None], left, place, buffer)

    def _distinct(self, rows: _Rows, capacity: int) -> Ints:
        """Return one row for each set of buffers and skyline, of those that may still end well."""
        if not len(rows.floor):
            return np.zeros(0, np.int64)
        open_: Bools = np.greater(rows.rest, 0)
        sound = np.flatnonzero((np.where(open_, rows.skyline + rows.rest, 0) <= capacity).all(1))
        if len(sound) < 2:
            return sound
        matter = np.where(open_, rows.skyline, 0)[sound]
        left = rows.left[sound]
        hashes = matter @ self._salt[: matter.shape[1]] + left @ self._salt[matter.shape[1] :]
        # Of equal rows the one that may go on with the most: lowest floor, then lowest last.
        order = np.lexsort((rows.last[sound], rows.floor[sound], hashes))
        hashes, matter, left = hashes[order], matter[order], left[order]
        same = hashes[1:] == hashes[:-1]
        if same.any():  # a hash alone would prove nothing
            at = np.flatnonzero(same)
            same[at] = (matter[at] == matter[at + 1]).all(1) & (left[at] == left[at + 1]).all(1)
        return np.sort(sound[order[np.concatenate([(True,), ~same])]])

    def _worth(self, rows: _Rows, keep: Ints, capacity: int, weighting: Weighting) -> Floats:
        """Return how promising each row is: room left in tight cliques, and cliques filled."""
        scale = weighting.tightness / capacity
        rest = rows.rest[keep]
        room = capacity - rows.skyline[keep] - rest
        before = np.log1p((capacity - self._load) * scale)
        left = np.where(rest > 0, np.log1p(np.maximum(room, 0) * scale) - before, 0.0)
        filled = (self._load - rest) / np.maximum(self._load, 1)
        return np.asarray((left + weighting.progress * filled).sum(1, dtype=np.float64), np.float64)


def _spans(packing: Packing) -> list[tuple[int, Ints, Ints, Ints]]:
    """Group buffers by the power of two below their length.

    Returns (length, buffers, begins, ends): the highest of a buffer's cliques is the higher of two
    stretches of that length, one from its first clique on, one up to its last.
    """
    lengths = packing.stops - packing.starts
    powers = np.frexp(lengths)[1] - 1
    spans = []
    for power in np.unique(powers).tolist():
        buffers = np.flatnonzero(powers == power)
        begins = packing.starts[buffers]
        spans.append((1 << power, buffers, begins, packing.stops[buffers] - (1 << power)))
    return spans
