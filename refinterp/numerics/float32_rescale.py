"""Requantization in float32, for channels where it is checked at every place the code changes.

float32 halves the memory traffic of `float64_rescale`, but cannot hold the products exactly.
It does not have to. The code is a step function of an integer accumulator; float32's

    w = acc * scale + offset (+ half with the sign of w), truncated

is one too, since every operation on the way is monotone. Two step functions over the integers are
equal if they step at the same accumulators: for each code k, the smallest accumulator that reaches
it must reach it, and the one below must not. There are at most 255 such places a channel, and all
are tried when the form is made, for some scales and offsets (`float32_search`). What then still
differs, mostly one accumulator of a channel that is rounded the wrong way, is looked for among the
accumulators and corrected; where that is too much, there is no float32 form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.codes import add_away, store, stretched
from refinterp.numerics.corrections import Corrections
from refinterp.numerics.float32_search import FactorSearch
from refinterp.numerics.tape import Do, clip

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_NEVER = 2.0**40
_FAR = np.float32(1e30)
_TOGETHER = 128  # channels worked on at a time: what is made of them stays in cache
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

    def part(self, which: NDArray[np.intp]) -> Exact:
        """Some of the channels."""
        half = None if self.half is None else self.half[which]
        return Exact(
            self.bias[which], self.scale[which], self.offset[which], half,
            self.low, self.high, self.zero_point, self.bound[which],
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
    n, signed = rule.scale.size, rule.half is not None
    if n == 0 or not np.all(rule.bound < 2.0**24) or not (signed or rule.low >= 0):
        return None
    codes = np.arange(rule.low + 1, rule.high + 1, dtype=np.float64)
    if not 0 < codes.size <= 255:
        return None
    found = np.zeros((3, n), np.float32)  # scale, offset, half
    found[1] = rule.offset + rule.bias * rule.scale
    found[2] = 0.5
    live = np.flatnonzero(rule.scale)  # the others are constants: nothing is multiplied
    wrong = []
    for start in range(0, live.size, _TOGETHER):
        own = live[start : start + _TOGETHER]
        mine = rule.part(own)
        places = _thresholds(mine, codes)
        search = FactorSearch(codes, *_bounded(places, mine.bound), signed=signed)
        found[:, own] = search.find(mine.scale.astype(np.float32))
        if search.open.size:
            left = _wrong(rule, found, own[search.open], places[:, search.open])
            if left is None:
                return None
            wrong.append(left)
    none = np.empty(0, np.int64), found[0, :0], np.empty(0, np.int64)
    channels, sums, outputs = (np.concatenate(parts) for parts in zip(none, *wrong, strict=True))
    corrections = Corrections.of(channels, sums, outputs, n, row)
    if corrections.cost > (0.7 if signed else 0.4):
        return None
    tiled = np.tile(found, (1, max(1, row // n)))
    return Float32Rescale(
        tiled[0], tiled[1], tiled[2] if signed else None, rule.low, rule.high, rule.zero_point,
        corrections,
    )  # fmt: skip


def _thresholds(rule: Exact, codes: F64) -> F64:
    """The smallest integer accumulator that reaches each code: (codes, channels), exact.

    Rounded up from the real number, and settled by the rule itself where that is nearly whole.
    Where a code is never reached it is a number beyond all bounds.
    """
    reals: F64 = codes[:, None] - rule.offset
    if rule.half is not None:
        first = np.searchsorted(codes, 1)
        reals[first:] -= rule.half
        reals[:first] += rule.half - 1
    with np.errstate(over="ignore"):
        reals /= rule.scale
    reals -= rule.bias
    places = np.ceil(reals)
    excess = np.subtract(places, reals, out=reals)
    excess -= 0.5
    np.abs(excess, out=excess)
    largest = float(np.abs(rule.offset).max() + np.abs(rule.bias * rule.scale).max()) + 256
    # what a quotient may be off by, and more: 16 times each of its roundings
    missed = 2.0**-48 * largest / float(rule.scale.min()) + 2.0**-24
    code, channel = np.nonzero(excess > 0.5 - missed)
    if channel.size:
        guess, own = places[code, channel], rule.part(channel)
        settled = guess + 2
        for step in (1, 0, -1, -2):
            settled = np.where(own(guess + step) >= codes[code], guess + step, settled)
        places[code, channel] = settled
    return np.clip(places, -_NEVER, _NEVER, out=places)


def _bounded(places: F64, bound: F64) -> tuple[F32, F32]:
    """Accumulators within the bound that must reach a code, and that must not; else far away."""
    if (places[0] > -bound).all() and (places[-1] <= bound).all():
        at = places.astype(np.float32)  # places rise with the codes: all lie within
        return at, at - np.float32(1)
    at = np.where(places <= bound, np.maximum(places, -bound), _FAR).astype(np.float32)
    below = np.where(places > -bound, np.minimum(places - 1, bound), -_FAR).astype(np.float32)
    return at, below


def _wrong(
    rule: Exact, found: F32, channels: NDArray[np.intp], places: F64
) -> tuple[I64, F32, I64] | None:
    """What is left to correct: (channel, accumulator, code) of each difference near a place.

    places: (codes, channels). None when differences may go on further away.
    """
    exact = rule.part(channels)
    sums = np.clip(places, -exact.bound, exact.bound) + _AROUND[:, None, None]
    seen = np.abs(sums) <= exact.bound
    codes = exact(sums)
    s, b, h = found[:, channels]
    w = sums.astype(np.float32) * s + b
    if rule.half is not None:
        w += np.copysign(h, w)
    wrong = seen & (np.trunc(np.clip(w, rule.low, rule.high)) != codes)
    if wrong[0].any() or wrong[-1].any():
        return None
    which = np.nonzero(wrong)
    wrong = np.stack([channels[which[2]], sums[which], codes[which] + rule.zero_point])
    wrong = np.unique(wrong, axis=1)
    return wrong[0].astype(np.int64), wrong[1].astype(np.float32), wrong[2].astype(np.int64)
