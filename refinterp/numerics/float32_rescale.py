"""Requantization in float32, for channels where it is checked at every place the code changes.

float32 halves the memory traffic of `float64_rescale`, but cannot hold the products exactly.
It does not have to. The code is a step function of an integer accumulator; float32's

    w = acc * scale + offset (+ half with the sign of w), truncated

is one too, since every operation on the way is monotone. Two step functions over the integers are
equal if they step at the same accumulators: for each code k, the smallest accumulator that reaches
it must reach it, and the one below must not. There are at most 255 such places a channel, and all
are tried when the form is made: for a few scales around the rounded one, the products at these
accumulators bound offset + half from both sides, and offset - half, and values from between the
bounds are tried. What then still differs, mostly one accumulator of a channel that is rounded the
wrong way, is looked for among the accumulators and corrected; where that is too much, there is no
float32 form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.codes import add_away, store, stretched
from refinterp.numerics.corrections import Corrections
from refinterp.numerics.tape import Do, clip

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_NEVER = 2.0**40
_FAR = np.float32(1e30)
_NEAR = (1, -1, 2, -2, 3, -3, 4, -4)
_TRIALS = (
    ((0, 0),),
    tuple((scale, 0) for scale in (*_NEAR, 5, -5, 6, -6, 7, -7, 8, -8)),
    tuple((scale, offset) for scale in (0, *_NEAR) for offset in (1, -1, 2, -2, 3, -3)),
)
"""Steps of the last place of scale and offset to try, round by round."""
_CHUNK = 32  # channels whose trials of one round are made together
_AROUND = np.arange(-3, 3, dtype=np.int64)
"""Accumulators about a place that come out wrong, with one to spare."""


@dataclass(frozen=True, slots=True, eq=False)
class Float32Rescale:
    """float32 form for the columns of one rule.

    scale, offset: (repeats * channels,), the channels' values over and over. half: likewise, or
    None. low, high: the clamp relative to the zero point. corrections: what comes out wrong.
    """

    scale: F32
    offset: F32
    half: F32 | None
    low: int
    high: int
    zero_point: int
    corrections: Corrections

    def __call__(self, acc: F32, out: NDArray[Any], scratch: F64, do: Do) -> None:
        """Write the codes of acc (rows, channels), contiguous, which is written over.

        scratch: at least 1.25 * acc.size.
        """
        cuts = tuple(stretched(acc.size, self.scale.size))
        free = scratch.view(np.float32)
        spare = free[: acc.size]
        hits = self.corrections.find(acc, free[acc.size :].view(np.bool_), do, cuts)
        flat = acc.reshape(-1)
        for part in cuts:
            self._part(part(flat), part(spare), do)
        codes = out
        if out.flags.c_contiguous:
            acc, codes = flat, out.reshape(-1)
        store(acc, codes, self.low, self.high, self.zero_point, do, spare)
        if hits is not None:
            do(self.corrections.apply, hits, out)

    def _part(self, work: F32, spare: F32, do: Do) -> None:
        size = work.shape[-1]
        do(np.multiply, work, self.scale[:size], work)
        do(np.add, work, self.offset[:size], work)
        if self.half is not None:
            add_away(work, self.half[:size], spare, do)
        do(clip, work, np.float32(self.low), np.float32(self.high), work)


@dataclass(frozen=True, slots=True, eq=False)
class Exact:
    """trunc((acc + bias) * scale + offset ± half), clipped, in float64: vectors (channels,).

    half takes the sign of what it is added to; it is None where nothing below 0 survives the clamp.
    low, high: the clamp, relative to zero_point. bound: the largest |acc|.
    """

    bias: F64
    scale: F64
    offset: F64
    half: F64 | None
    low: int
    high: int
    zero_point: int
    bound: F64

    def part(self, which: I64) -> Exact:
        """Some of the channels, as columns (n, 1)."""
        half = None if self.half is None else self.half[which, None]
        return Exact(
            self.bias[which, None], self.scale[which, None], self.offset[which, None], half,
            self.low, self.high, self.zero_point, self.bound[which, None],
        )  # fmt: skip

    def __call__(self, acc: F64) -> F64:
        """The codes relative to the zero point; acc broadcasts with the vectors."""
        t = (acc + self.bias) * self.scale
        t += self.offset
        if self.half is not None:
            t += np.copysign(self.half, t)
        return np.asarray(np.trunc(np.clip(t, self.low, self.high)))


def find_float32(rule: Exact, row: int) -> Float32Rescale | None:
    """Look for a float32 form; row: elements to repeat the channels over.

    Returns None when sums do not fit float32, or too many accumulators would have to be corrected.
    """
    n = rule.scale.size
    if n == 0 or not np.all(rule.bound < 2.0**24) or (rule.half is None and rule.low < 0):
        return None
    codes = np.arange(rule.low + 1, rule.high + 1, dtype=np.float64)
    if not 0 < codes.size <= 255:
        return None
    signed = rule.half is not None
    found = np.zeros((3, n), np.float32)  # scale, offset, half
    found[1] = rule.offset + rule.bias * rule.scale
    found[2] = 0.5
    live = np.flatnonzero(rule.scale)  # the others are constants: nothing is multiplied
    places = _thresholds(rule.part(live), codes)
    bound = rule.bound[live, None]
    at = np.where(places <= bound, np.maximum(places, -bound), _FAR).astype(np.float32)
    below = np.where(places > -bound, np.minimum(places - 1, bound), -_FAR).astype(np.float32)
    search = _FactorSearch(codes.astype(np.float32), at, below, rule.scale[live], signed)
    found[:, live] = search.best
    wrong = _wrong(rule, found, live[search.open], places[search.open])
    if wrong is None:
        return None
    corrections = Corrections.of(*wrong, n, row)
    if corrections.cost > (0.7 if signed else 0.4):
        return None
    tiled = np.tile(found, (1, max(1, row // n)))
    return Float32Rescale(
        tiled[0], tiled[1], tiled[2] if signed else None, rule.low, rule.high, rule.zero_point,
        corrections,
    )  # fmt: skip


def _thresholds(rule: Exact, codes: F64) -> F64:
    """The smallest integer accumulator that reaches each code: (channels, codes), exact.

    Estimated, then settled by the rule itself at the estimate's neighbours. Where a code is never
    reached it is a number beyond all bounds.
    """
    shift = 0.0 if rule.half is None else np.where(codes >= 1, -rule.half, rule.half - 1)
    with np.errstate(over="ignore", invalid="ignore"):
        guess = np.ceil((codes + shift - rule.offset) / rule.scale) - rule.bias
        guess = np.clip(np.nan_to_num(guess, nan=_NEVER), -_NEVER, _NEVER)
    settled = guess + 2
    for step in (1, 0, -1, -2):
        settled = np.where(rule(guess + step) >= codes, guess + step, settled)
    return settled


class _FactorSearch:
    """Tries scales and offsets, and keeps for each channel what gets the fewest places wrong.

    codes (codes,); at, below (channels, codes): accumulators that must reach a code, and must not.
    best: scale, offset, half, (3, channels). open: indices of channels that have places wrong.
    """

    def __init__(self, codes: F32, at: F32, below: F32, scale: F64, signed: bool) -> None:
        self.best = np.zeros((3, len(at)), np.float32)
        self.open = np.arange(len(at), dtype=np.int64)
        self._codes = codes
        self._positive = int(np.searchsorted(codes, 1))  # where codes above 0 start
        # a truncated float reaches k > 0 from k on, k <= 0 from just above k - 1 on
        self._bar = np.where(codes >= 1, codes, np.nextafter(codes - 1, np.float32(np.inf)))
        self._signed = signed
        self._fewest = np.full(len(at), 2 * codes.size + 1, np.int64)
        for trials in _TRIALS:
            steps = np.array(trials, np.float32)
            for start in range(0, self.open.size, _CHUNK):
                mine = self.open[start : start + _CHUNK]
                self._try(steps, mine, at[mine], below[mine], scale[mine].astype(np.float32))
            self.open = np.flatnonzero(self._fewest)

    def _try(self, steps: F32, mine: I64, at: F32, below: F32, scale: F32) -> None:
        """Try one round's steps (trials, 2) on some channels."""
        s = (scale + steps[:, :1] * np.spacing(scale))[:, :, None]
        up, down = at * s, below * s
        offset, half = self._between(up, down)
        offset = offset + steps[:, 1:] * np.spacing(offset)
        wrong = np.count_nonzero(self._reach(up, offset, half) < self._bar, axis=2)
        wrong += np.count_nonzero(self._reach(down, offset, half) >= self._bar, axis=2)
        which = np.argmin(wrong, axis=0), np.arange(mine.size, dtype=np.int64)
        better = wrong[which] < self._fewest[mine]
        self._fewest[mine[better]] = wrong[which][better]
        chosen = np.stack([s[..., 0][which], offset[which], half[which]])
        self.best[:, mine[better]] = chosen[:, better]

    def _between(self, up: F32, down: F32) -> tuple[F32, F32]:
        """Choose offset and half in the middle of what the products leave room for.

        A code k above 0 is reached from offset + half >= k - product on, a code k up to 0 from
        offset - half > k - 1 - product on.
        """
        need, room = self._codes - up, self._codes - down
        first = self._positive
        if not self._signed:
            middle = _middle(need, room)
            return middle, np.zeros_like(middle)
        above = _middle(need[..., first:], room[..., first:])
        under = _middle(need[..., :first], room[..., :first]) - 1
        return (above + under) / 2, (above - under) / 2

    def _reach(self, product: F32, offset: F32, half: F32) -> F32:
        w = product + offset[..., None]
        if self._signed:
            w += np.copysign(half[..., None], w)
        return w


def _middle(need: F32, room: F32) -> Any:
    """Half way between the largest need and the smallest room; 0 where there are no codes."""
    least = np.max(need, axis=-1, initial=-_FAR)
    most = np.min(room, axis=-1, initial=_FAR)
    # one bound may be far away; then stay close to the other
    return (np.maximum(least, most - 1) + np.minimum(most, least + 1)) / 2


def _wrong(rule: Exact, found: F32, channels: I64, places: F64) -> tuple[I64, F32, I64] | None:
    """What is left to correct: (channel, accumulator, code) of each difference near a place.

    None when differences may go on further away.
    """
    if channels.size == 0:
        return channels, found[0, :0], channels
    exact = rule.part(channels)
    sums = np.clip(places, -exact.bound, exact.bound)[:, :, None] + _AROUND
    seen = np.abs(sums) <= exact.bound[..., None]
    codes = exact(sums.reshape(channels.size, -1)).reshape(sums.shape)
    s, b, h = (column[channels, None, None] for column in found)
    w = sums.astype(np.float32) * s + b
    if rule.half is not None:
        w += np.copysign(h, w)
    wrong = seen & (np.trunc(np.clip(w, rule.low, rule.high)) != codes)
    if wrong[..., 0].any() or wrong[..., -1].any():
        return None
    which = np.nonzero(wrong)
    wrong = np.stack([channels[which[0]], sums[which], codes[which] + rule.zero_point])
    wrong = np.unique(wrong, axis=1)
    return wrong[0].astype(np.int64), wrong[1].astype(np.float32), wrong[2].astype(np.int64)
