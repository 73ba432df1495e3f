"""The search for a scale and an offset in float32 that reach each code where they should.

For each channel and code there is an accumulator that must reach the code and one, the next below,
that must not. With the products at these accumulators known, they bound offset + half from both
sides for codes above 0, offset - half for the others; values from between the bounds are taken, for
a few scales around the rounded one. Which are tried after the first is decided by the places that
came closest to being wrong; all places are tried of the one that is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.codes import add_away

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_FAR = np.float32(1e30)
_LIMIT = np.float32(1e9)  # beyond it something is far away
_NEAR = (1, -1, 2, -2, 3, -3, 4, -4)
_TRIALS = (
    tuple((scale, 0) for scale in (*_NEAR, 5, -5, 6, -6, 7, -7, 8, -8)),
    tuple((scale, offset) for scale in (0, *_NEAR) for offset in (1, -1, 2, -2, 3, -3)),
)
"""Steps of the last place of scale and offset to try, round by round."""
_CHUNK = 32  # channels whose trials of one round are made together
_CLOSEST = 24  # places by which one round's trials are judged, of codes above 0 and of the others


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Where codes change: accumulators that must reach a code, or all that must not.

    sums: (places, channels). bar: (places, 1) or likewise, what a float has to be for the code when
    half has been added. first: from which place on codes are above 0; 0 where no half is needed.
    """

    sums: F32
    bar: F32
    first: int

    def of(self, which: Any) -> _Places:
        """Those of some channels."""
        bar = self.bar if self.bar.shape[1] == 1 else self.bar[:, which]
        return _Places(self.sums[:, which], bar, self.first)

    def wanting(self, scale: F32) -> F32:
        """What products with scales (..., channels) lack of the codes: (places, ..., channels)."""
        between = (slice(None), *(None,) * (scale.ndim - 1))
        return np.asarray(self.bar[between] - self.sums[between] * scale)

    def surplus(self, found: F32) -> F32:
        """By how much the sums reach the codes: (places, ..., channels), negative where not.

        found: scale, offset and half, (3, ..., channels).
        """
        scale, offset, half = found
        between = (slice(None), *(None,) * (scale.ndim - 1))
        w: F32 = self.sums[between] * scale
        w += offset
        if self.first:
            add_away(w, half, np.empty_like(w))
        w -= self.bar[between]
        return w

    def closest(self, surplus: F32) -> _Places:
        """The places with the least surplus, or lack of it; as many of both kinds of codes."""
        kept = []
        for start, stop in ((0, self.first), (self.first, len(self.sums))):
            own = np.abs(surplus[start:stop])
            if stop - start > _CLOSEST:
                kept.append(start + np.argpartition(own, _CLOSEST, axis=0)[:_CLOSEST])
            else:
                places = np.arange(start, stop, dtype=np.intp)
                kept.append(np.broadcast_to(places[:, None], own.shape))
        which = np.concatenate(kept)
        sums = self.sums[which, np.arange(which.shape[1], dtype=np.intp)]
        return _Places(sums, self.bar[which, 0], len(kept[0]))


class FactorSearch:
    """Tries scales and offsets, and keeps for each channel what gets the fewest places wrong.

    codes (codes,); at, below (codes, channels): accumulators that must reach a code, and must not.
    open: indices of channels that have places wrong.
    """

    def __init__(self, codes: F64, at: F32, below: F32, *, signed: bool) -> None:
        above = codes.astype(np.float32)
        # a truncated float reaches k > 0 from k on, k <= 0 from just above k - 1 on
        bar = np.where(above >= 1, above, np.nextafter(above - 1, np.float32(np.inf)))[:, None]
        first = int(np.searchsorted(codes, 1)) if signed else 0
        self._at, self._below = _Places(at, bar, first), _Places(below, bar, first)
        self._signed = signed
        self.open = np.empty(0, np.intp)

    def find(self, scale: F32) -> F32:
        """Return scale, offset and half, (3, channels); scale: the rounded one."""
        best = self._fitted(scale, self._at, self._below)
        reach, excess = self._at.surplus(best), self._below.surplus(best)
        missed = reach.min(axis=0) < 0
        missed |= excess.max(axis=0) >= 0
        self.open = mine = np.flatnonzero(missed)
        if not mine.size:
            return best
        reach, excess = reach[:, mine], excess[:, mine]
        fewest = _count(reach, excess)
        at, below = self._at.of(mine).closest(reach), self._below.of(mine).closest(excess)
        for trials in _TRIALS:
            steps = np.array(trials, np.float32)
            for start in range(0, mine.size, _CHUNK):
                part = slice(start, start + _CHUNK)
                own = mine[part]
                found = self._tried(steps, scale[own], at.of(part), below.of(part))
                wrong = _count(self._at.of(own).surplus(found), self._below.of(own).surplus(found))
                better = wrong < fewest[part]
                best[:, own[better]] = found[:, better]
                fewest[part] = np.minimum(fewest[part], wrong)
            left = np.flatnonzero(fewest)
            mine, fewest, at, below = mine[left], fewest[left], at.of(left), below.of(left)
            if not mine.size:
                break
        self.open = mine
        return best

    def _tried(self, steps: F32, scale: F32, at: _Places, below: _Places) -> F32:
        """The best of one round's steps (trials, 2) for some channels: (3, channels)."""
        found = self._fitted(scale + steps[:, :1] * np.spacing(scale), at, below)
        found[1] += steps[:, 1:] * np.spacing(found[1])
        which = np.argmin(_count(at.surplus(found), below.surplus(found)), axis=0)
        return np.asarray(found[:, which, np.arange(which.size, dtype=np.intp)])

    def _fitted(self, scale: F32, at: _Places, below: _Places) -> F32:
        """Scales (..., channels) with offset and half in the middle of what they leave room for."""
        need, room = at.wanting(scale), below.wanting(scale)
        if not self._signed:
            middle = _middle(need, room)
            return np.stack([scale, middle, np.zeros_like(middle)])
        above = _middle(need[at.first :], room[below.first :])
        under = _middle(need[: at.first], room[: below.first])
        return np.stack([scale, (above + under) / 2, np.maximum((above - under) / 2, 0)])


def _middle(need: F32, room: F32) -> Any:
    """Half way between the largest need and the smallest room; 0 where there are no codes.

    Where one is far away, as of codes that are never reached, half a step from the other.
    """
    least = np.max(need, axis=0, initial=-_FAR)
    most = np.min(room, axis=0, initial=_FAR)
    low = np.where(least > -_LIMIT, least, most - 1)
    high = np.where(most < _LIMIT, most, least + 1)
    return np.where(low < _LIMIT, (np.maximum(low, high - 1) + np.minimum(high, low + 1)) / 2, 0)


def _count(reach: F32, excess: F32) -> NDArray[np.uint16]:
    """How many places come out wrong: sums that miss their codes, and sums that reach them."""
    missed = np.add.reduce(reach < 0, axis=0, dtype=np.uint16)
    return np.asarray(missed + np.add.reduce(excess >= 0, axis=0, dtype=np.uint16))
