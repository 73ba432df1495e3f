"""Requantization in float32, for channels where it is checked at every place the code changes.

float32 halves the memory traffic of `requantize.FastRescale`, but cannot hold the products exactly.
It does not have to. The code is a step function of an integer accumulator; float32's

    w = acc * scale + offset (+ half with the sign of w), truncated

is one too, since every operation on the way is monotone. Two step functions over the integers are
equal if they step at the same accumulators: for each code k, the smallest accumulator that reaches
it must reach it, and the one below must not. There are at most 255 such places a channel, and all
are tried when the form is made. A few neighbours of the rounded scale and offset are tried where
the nearest ones fail; channels where all fail keep the float64 form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.codes import add_away, store

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_NEVER = 2.0**40
_ROW = 8192  # elements a row is stretched to: NumPy runs rows at least this long unbuffered
_NUDGES = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, -1), (-1, 1), (2, -1), (-2, 1), (2, -2),
           (-2, 2), (3, -2), (-3, 2), (1, -2), (-1, 2), (3, -3), (-3, 3))  # fmt: skip
"""Steps of the last place of (scale, offset) to try, nearest first."""


@dataclass(frozen=True, slots=True, eq=False)
class SingleRescale:
    """float32 form for `channels` columns.

    scale, offset: (repeats * channels,), the channels' values over and over. half: likewise, or
    None. low, high: the clamp relative to the zero point. others: indices of the channels that keep
    float64, whose vectors are in `double`: scale, offset, half or None.
    """

    scale: F32
    offset: F32
    half: F32 | None
    low: int
    high: int
    zero_point: int
    channels: int
    others: NDArray[np.int64]
    double: tuple[F64, F64, F64 | None]

    def __call__(self, acc: F32, work: F32, out: NDArray[Any], spare: F32) -> None:
        """Write the codes of acc (rows, channels).

        work, spare: scratch of the same shape; work may be acc itself, which is then written over.
        """
        fine = np.multiply(acc[:, self.others], self.double[0]) if self.others.size else None
        rows = len(acc)
        repeats = self.scale.size // self.channels
        whole = rows - rows % repeats
        if whole and out.flags.c_contiguous:
            shape = (whole // repeats, self.scale.size)
            self._cast(
                acc[:whole].reshape(shape), work[:whole].reshape(shape), out[:whole].reshape(shape),
                spare[:whole].reshape(shape), self.scale, self.offset, self.half,
            )  # fmt: skip
        else:
            whole = 0
        if whole < rows:
            n = self.channels
            half = None if self.half is None else self.half[:n]
            self._cast(
                acc[whole:], work[whole:rows], out[whole:], spare[whole:rows], self.scale[:n],
                self.offset[:n], half,
            )  # fmt: skip
        if fine is not None:
            codes = np.empty(fine.shape, out.dtype)
            self._finish(fine, codes, np.empty_like(fine), *self.double[1:])
            out[:, self.others] = codes

    def _cast(
        self,
        acc: F32,
        work: F32,
        out: NDArray[Any],
        spare: F32,
        scale: F32,
        offset: F32,
        half: F32 | None,
    ) -> None:
        np.multiply(acc, scale, out=work)
        self._finish(work, out, spare, offset, half)

    def _finish(self, work: Any, out: NDArray[Any], spare: Any, offset: Any, half: Any) -> None:
        work += offset
        if half is not None:
            add_away(work, half, spare)
        np.clip(work, self.low, self.high, out=work)
        store(work, out, self.low, self.high, self.zero_point)


def find_single(
    scale: F64,
    constant: F64,
    half: F64 | None,
    low: int,
    high: int,
    zero_point: int,
    bound: F64,
) -> SingleRescale | None:
    """Look for a float32 form of trunc(acc * scale + constant ± half), clipped to [low, high].

    scale, constant, half, bound: float64 (channels,); bound is the largest |acc|. half takes the
    sign of what it is added to; without it low must be at least 0, where truncation and floor
    agree. Returns None when sums do not fit float32 or many channels fail.
    """
    if scale.size == 0 or not np.all(bound < 2.0**24) or (half is None and low < 0):
        return None
    codes = np.arange(low + 1, high + 1, dtype=np.float64)
    if not 0 < codes.size <= 255:
        return None
    places = _thresholds(codes, scale, constant, half)
    reached = (np.abs(places) <= bound) & (np.abs(places - 1) <= bound)
    at, below = places.astype(np.float32), (places - 1).astype(np.float32)
    nearest = np.array([scale, constant]).astype(np.float32)
    chosen = nearest.copy()
    open_channels = np.arange(scale.size)
    half32 = None if half is None else half.astype(np.float32)
    for steps in _NUDGES:
        mine = open_channels
        s, b = (_step(nearest[i, mine], steps[i]) for i in range(2))
        h = None if half32 is None else half32[mine]
        good = np.all(
            ~reached[:, mine]
            | (
                (_code(at[:, mine], s, b, h, low, high) >= codes[:, None])
                & (_code(below[:, mine], s, b, h, low, high) < codes[:, None])
            ),
            axis=0,
        )
        chosen[0, mine[good]], chosen[1, mine[good]] = s[good], b[good]
        open_channels = mine[~good]
        if open_channels.size == 0:
            break
    if open_channels.size > max(1, scale.size // 8):
        return None
    repeats = max(1, _ROW // scale.size)
    tiled = np.tile(chosen, (1, repeats))
    return SingleRescale(
        tiled[0],
        tiled[1],
        None if half32 is None else np.tile(half32, repeats),
        low,
        high,
        zero_point,
        scale.size,
        open_channels,
        (
            scale[open_channels],
            constant[open_channels],
            None if half is None else half[open_channels],
        ),
    )


def _thresholds(codes: F64, scale: F64, constant: F64, half: F64 | None) -> F64:
    """The smallest integer accumulator that reaches each code: (codes, channels), exact.

    Estimated, then settled by the float64 form itself at the estimate's neighbours. A channel that
    never reaches a code gets a number beyond all bounds.
    """
    column = codes[:, None]
    shift = 0.0 if half is None else np.where(column >= 1, -half, half - 1)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        guess = np.ceil((column + shift - constant) / scale)
    guess = np.clip(np.nan_to_num(guess, nan=_NEVER), -_NEVER, _NEVER)
    settled = guess + 2
    for offset in (1, 0, -1, -2):
        t = (guess + offset) * scale + constant
        value = np.floor(t) if half is None else np.trunc(t + np.copysign(half, t))
        settled = np.where(value >= column, guess + offset, settled)
    return np.asarray(settled)


def _code(acc: F32, s: F32, b: F32, half: F32 | None, low: int, high: int) -> F32:
    w = acc * s
    w += b
    if half is not None:
        w += np.copysign(half, w)
    return np.asarray(np.trunc(np.clip(w, low, high)))


def _step(values: F32, count: int) -> F32:
    """Move floats by `count` steps of their last place."""
    toward = np.float32(np.inf if count > 0 else -np.inf)
    for _ in range(abs(count)):
        values = np.nextafter(values, toward)
    return values
