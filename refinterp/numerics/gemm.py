"""Integer products through floating-point BLAS, where a bound proves them exact.

A float with a p-bit significand holds every integer up to 2**p, so a sum of integer products is
exact in any order while every partial sum stays below that: |partial sum| <= max|x| * sum|w|,
taken per output channel. float32 gives 2**24, float64 2**53. Where float32's bound breaks, the
inner dimension is cut into pieces that keep it, and the pieces are added in float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.tape import NOW, Do, fill

FLOAT32_EXACT = 2**24
_MOST_PIECES = 8
_ROWS_PAY = 256  # rows for which weights (K, N) are worth being laid out in that order


@dataclass(frozen=True, slots=True, eq=False)
class ExactGemm:
    """x @ w for integer codes, held as floats; w is (K, N), prepared once.

    pieces: (start, stop) of the inner dimension; one piece means float32 sums throughout.
    bound: float64, the largest |x @ w| per output channel, (N,), or of all, (1,). sums: int64 (N,),
    those of w. x_max: where the bound follows from the types alone, the largest |x|: `tightened`
    then finds the one of each channel; else 0.
    """

    weights: NDArray[Any]
    pieces: tuple[tuple[int, int], ...]
    bound: NDArray[np.float64]
    sums: NDArray[np.int64]
    x_max: int = 0

    @classmethod
    def prepare(cls, weights: NDArray[Any], x_max: int) -> ExactGemm:
        """Choose float type and pieces for inputs of magnitude at most `x_max`.

        weights: integers (K, N), |w| < 2**24.
        """
        whole = ((0, len(weights)),)
        most = _most(weights, x_max)
        if most < FLOAT32_EXACT:  # whatever the weights are
            narrow: Any = weights.astype(np.float32)
            sums = (_ones(len(narrow), np.float32) @ narrow).astype(np.int64)
            return cls(narrow, whole, np.full(1, most, np.float64), sums, x_max)
        floats, bound, sums, most = ColumnSums.of(weights, x_max)
        if most < FLOAT32_EXACT:
            return cls(floats, whole, bound, sums)
        # a piece holds less than 2**24 of the bound: more would be needed than are worth it
        if most < _MOST_PIECES * FLOAT32_EXACT:
            pieces = _pieces(np.abs(floats, dtype=np.float64), x_max)
            if len(pieces) <= _MOST_PIECES:
                return cls(floats.astype(np.float32, copy=False), pieces, bound, sums)
        return cls(floats.astype(np.float64, copy=False), whole, bound, sums)

    def tightened(self) -> ExactGemm:
        """With the bound that follows from the weights, channel by channel."""
        if not self.x_max:
            return self
        largest = _ones(len(self.weights), np.float32) @ np.abs(self.weights)
        bound = np.multiply(largest, self.x_max, dtype=np.float64)
        return ExactGemm(self.weights, self.pieces, bound, self.sums)

    def settle(self, rows: int) -> ExactGemm:
        """Lay the weights out anew where that pays for so many rows: products take less time."""
        if rows < _ROWS_PAY or self.weights.flags.c_contiguous:
            return self
        return replace(self, weights=np.ascontiguousarray(self.weights))

    @property
    def input_dtype(self) -> Any:
        """The float type the input codes have to be converted to."""
        return self.weights.dtype

    @property
    def output_dtype(self) -> Any:
        """The float type of the sums."""
        return self.weights.dtype if len(self.pieces) == 1 else np.dtype(np.float64)

    def __call__(self, x: NDArray[Any], out: NDArray[Any], do: Do = NOW) -> None:
        """Write x @ w, exactly: x (..., K) of `input_dtype`, out (..., N) of `output_dtype`."""
        if len(self.pieces) == 1:
            do(np.matmul, x, self.weights, out)
            return
        part = np.empty(out.shape, self.weights.dtype)
        do(fill, out, 0)
        for start, stop in self.pieces:
            do(np.matmul, x[..., start:stop], self.weights[start:stop], part)
            do(np.add, out, part, out)

    def banded(
        self, bands: Sequence[NDArray[Any]], out: NDArray[Any], spare: NDArray[Any], do: Do = NOW
    ) -> None:
        """Write the sum of bands[i] @ w's i-th part, exactly; for one piece only.

        bands: (..., K / len(bands)) each, of `input_dtype`; out, spare: (..., N).
        """
        depth = len(self.weights) // len(bands)
        for index, band in enumerate(bands):
            part = self.weights[index * depth : (index + 1) * depth]
            do(np.matmul, band, part, spare if index else out)
            if index:
                do(np.add, out, spare, out)


class ColumnSums(NamedTuple):
    """Integer weights as floats, and what is known of their sums, exactly.

    floats: (K, N). bound: (N,), the largest sum of products of a column, or of a part of it, with
    integers up to a magnitude. sums: (N,), those of the columns. most: no bound is larger.
    """

    floats: NDArray[Any]
    bound: NDArray[np.float64]
    sums: NDArray[np.int64]
    most: float

    @classmethod
    def of(cls, weights: NDArray[Any], x_max: int) -> ColumnSums:
        """Add up weights (..., N), |w| < 2**24, that are multiplied with integers up to x_max."""
        *rows, count = weights.shape
        weights = weights.reshape(math.prod(rows), count)  # not -1: there may be no columns
        floats: Any = weights.astype(np.float32)
        ones = _ones(len(floats), np.float32)
        largest = ones @ np.abs(floats)  # exact below 2**24; sums that are not come out beyond
        by_type = _most(weights, x_max)
        if by_type < FLOAT32_EXACT:  # no more need be known of it
            bound = np.multiply(largest, x_max, dtype=np.float64)
            return cls(floats, bound, (ones @ floats).astype(np.int64), by_type)
        most = float(largest.max(initial=0))
        if not most < FLOAT32_EXACT:
            floats, ones = weights.astype(np.float64), _ones(len(floats), np.float64)
            largest = ones @ np.abs(floats)
            most = float(largest.max(initial=0))
        bound = np.multiply(largest, x_max, dtype=np.float64)
        return cls(floats, bound, (ones @ floats).astype(np.int64), most * x_max)


_MAGNITUDE = {"b": 2**7, "B": 2**8 - 1}
"""The largest magnitude of the types that filters mostly have, by NumPy's letter."""


def _most(weights: NDArray[Any], x_max: int) -> float:
    """What no sum of products with weights (..., N) exceeds, as their type says; inf if it is wide.

    It takes no look at the weights, and for most layers is all that a first run has to know.
    """
    depth = math.prod(weights.shape[:-1])
    return float(_MAGNITUDE.get(weights.dtype.char, math.inf)) * depth * x_max


@lru_cache(maxsize=64)
def _ones(count: int, dtype: type[np.floating[Any]]) -> NDArray[Any]:
    ones = np.ones(count, dtype)
    ones.flags.writeable = False
    return ones


def _pieces(magnitude: NDArray[np.float64], x_max: int) -> tuple[tuple[int, int], ...]:
    """Cut the inner dimension greedily so that each piece keeps float32's bound."""
    sums = np.cumsum(magnitude, axis=0, dtype=np.float64)
    total = np.concatenate([np.zeros((1, magnitude.shape[1])), sums])
    limit = (FLOAT32_EXACT - 1) / x_max
    pieces = []
    start, inner = 0, magnitude.shape[0]
    while start < inner:
        within = (total[start + 1 :] - total[start]).max(axis=1) <= limit
        taken = int(np.argmin(within)) if not within.all() else inner - start
        pieces.append((start, start + max(taken, 1)))
        start = pieces[-1][1]
    return tuple(pieces)
