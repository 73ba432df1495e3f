"""Accumulators whose codes come out wrong: found before they are written over, corrected after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.tape import Do

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

_STRIDED = 10  # columns that take as long to compare, one by one, as a row of as many elements


@dataclass(frozen=True, slots=True, eq=False)
class Corrections:
    """The code (zero point included) of some accumulators of some channels, one each.

    rows: for comparing whole rows, where there is much to find: in each, an accumulator to find per
    channel, or NaN, over and over; codes are then (rows, channels). Otherwise columns are compared.
    """

    count: int
    channels: I64
    sums: F32
    codes: I64
    rows: tuple[F32, ...]

    @classmethod
    def of(cls, channels: I64, sums: F32, codes: I64, count: int, row: int) -> Corrections:
        """Choose how to find them among `count` channels; row: elements to repeat these over."""
        levels = int(np.bincount(channels.astype(np.intp, copy=False)).max(initial=0))
        if channels.size * _STRIDED <= count * levels:
            return cls(count, channels, sums, codes, ())
        wanted = np.full((levels, count), np.nan, np.float32)
        codes_of = np.zeros((levels, count), np.int64)
        order = np.argsort(channels, kind="stable")
        place = np.arange(order.size, dtype=np.int64)
        level = place - np.searchsorted(channels[order], channels[order])
        wanted[level, channels[order]] = sums[order]
        codes_of[level, channels[order]] = codes[order]
        tiled = np.tile(wanted, (1, max(1, row // count)))
        return cls(count, channels, sums, codes_of, tuple(tiled))

    @property
    def cost(self) -> float:
        """What they take, about, in ns for each element."""
        return 0.14 * (len(self.rows) or self.channels.size * _STRIDED / max(self.count, 1))

    def find(
        self, acc: F32, scratch: NDArray[np.bool_], do: Do, cuts: Sequence[Callable[[Any], Any]]
    ) -> NDArray[np.bool_] | None:
        """Mark them in acc (rows, channels), contiguous; None when there is nothing to correct.

        scratch: at least 6 * acc.size. cuts: into rows as long as vectors, see `stretched`.
        """
        if self.rows:
            hits = scratch[: len(self.rows) * acc.size].reshape(len(self.rows), acc.size)
            for row, own in zip(self.rows, hits, strict=True):
                for part in cuts:
                    piece = part(acc.reshape(-1))
                    do(np.equal, piece, row[: piece.shape[-1]], part(own))
            return hits
        if not self.channels.size:
            return None
        hits = scratch[: self.channels.size * len(acc)].reshape(-1, len(acc))
        for channel, value, own in zip(self.channels.tolist(), self.sums, hits, strict=True):
            do(np.equal, acc[:, channel], value, own)
        return hits

    def apply(self, hits: NDArray[np.bool_], out: NDArray[Any]) -> None:
        """Write the codes of what was found into out (rows, channels)."""
        if not np.count_nonzero(hits):  # faster than `any`
            return
        which, where = np.nonzero(hits)
        if self.rows:
            row, channel = np.divmod(where, self.count)
            out[row, channel] = self.codes[which, channel]
        else:
            out[where, self.channels[which]] = self.codes[which]
