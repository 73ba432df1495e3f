"""The sum of two 8-bit tensors with scales in float32.

    y = trunc(clip(a * a_scale + b * b_scale + offset, 0, high - low)) + low

Halves are rounded up by the offset, never away from zero: what is truncated is never negative. The
fixed-point definition differs where it rounds twice, and float32 rounds too; `missed` says by how
much at most. Sums that this cannot move to another code are right; the others are worked out anew
by the definition (`checked`), unless the form is right for all 65,536 pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.broadcast import blocks
from refinterp.numerics.codes import store
from refinterp.numerics.patches import Take
from refinterp.numerics.tables import all_codes
from refinterp.numerics.tape import NOW, Do, clip, put

F32 = NDArray[np.float32]
Exact = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[Any]]
"""The definition: codes of a and b, which broadcast → codes of y."""

_BLOCK = 1 << 16  # elements: both operands as float32 stay in the second-level cache
_ROUNDING = 2.0**-21  # twice what float32 misses, of the largest terms
_WIDE = 0.2  # a doubt that is not worth the trouble


@dataclass(frozen=True, slots=True)
class Float32Sum:
    """The three constants, the clamp in codes of the output, and what a sum misses at most.

    proven: whether the form is right for every pair of codes.
    """

    a_scale: np.float32
    b_scale: np.float32
    offset: np.float32
    low: int
    high: int
    missed: float
    proven: bool = False

    def __call__(
        self, a: NDArray[Any], b: NDArray[Any], y: NDArray[Any], take: Take, do: Do
    ) -> None:
        """Write y; a and b broadcast to it."""
        top = self.high - self.low
        for out, _, _, total in self._totals(a, b, y, self.offset, take, do):
            do(clip, total, np.float32(0), np.float32(top), total)
            store(total, out, 0, top, self.low, do)

    def checked(
        self,
        exact: Exact,
        a: NDArray[Any],
        b: NDArray[Any],
        y: NDArray[Any],
        take: Take,
        do: Do = NOW,
    ) -> None:
        """Write y, by the definition where float32 leaves doubt."""
        kind = np.dtype(f"u{y.dtype.itemsize}")
        lowest = kind.type(self.low & np.iinfo(kind).max)  # unsigned sums wrap to the code
        top = np.float32(self.high - self.low + 0.5)
        first, second = (take((min(_BLOCK, y.size),), kind) for _ in range(2))
        offset = np.float32(self.offset - self.missed)
        for out, own_a, own_b, total in self._totals(a, b, y, offset, take, do):
            least, most = (part[: out.size].reshape(out.shape) for part in (first, second))
            do(clip, total, np.float32(0.5), top, total)
            do(put, least, total)
            do(np.add, total, np.float32(2 * self.missed), total)
            do(put, most, total)
            do(np.not_equal, least, most, most.view(np.bool_))
            do(np.add, least, lowest, out.view(kind))
            do(_by_definition, exact, most.view(np.bool_), own_a, own_b, out)

    def _totals(
        self,
        a: NDArray[Any],
        b: NDArray[Any],
        y: NDArray[Any],
        offset: np.float32,
        take: Take,
        do: Do,
    ) -> Any:
        """Yield (out, a, b, total), block by block: the sum in output codes above the lowest."""
        size = min(_BLOCK, max(y.size, 1))
        first, second = (take((size,), np.float32) for _ in range(2))
        for out, own_a, own_b in blocks(y, a, b, limit=_BLOCK):
            total = first[: out.size].reshape(out.shape)
            term = second[: own_b.size].reshape(own_b.shape)
            if own_a.shape == out.shape:
                do(put, total, own_a)
            else:
                do(np.copyto, total, own_a)
            do(np.multiply, total, self.a_scale, total)
            do(put, term, own_b)
            do(np.multiply, term, self.b_scale, term)
            do(np.add, total, term, total)
            do(np.add, total, offset, total)
            yield out, own_a, own_b, total

    @classmethod
    def of(
        cls, factors: tuple[float, float], constant: float, clamp: tuple[int, int], unit: float
    ) -> Float32Sum | None:
        """Return the form, unless it leaves too much in doubt.

        factors: real output steps per step of a and of b; constant: added to their sum, in output
        codes. unit: what one unit of the definition's fixed-point sum is, in output codes: each of
        its terms is off by less than 1.2 of them, and its second rounding by less than 1.
        """
        low, high = clamp
        offset = constant + 0.5 - low
        largest = 256 * (abs(factors[0]) + abs(factors[1])) + abs(offset) + high - low
        missed = _ROUNDING * largest + 4 * unit
        if not (missed < _WIDE and high > low):
            return None
        reals = [np.float32(real) for real in (*factors, offset)]
        return cls(reals[0], reals[1], reals[2], low, high, missed)

    def tabulate(
        self, exact: Exact, dtypes: tuple[str, str, str]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """What every pair of codes gives by the definition, and what by this form, (65536,).

        dtypes: of both operands and the output; in the order of `tables.tabulate_pairs`.
        """
        a, b = (all_codes(dtype).astype(dtype) for dtype in dtypes[:2])
        right, own = (np.empty((1, a.size, b.size), dtypes[2]) for _ in range(2))
        pairs = a.reshape(1, -1, 1), b.reshape(1, 1, -1)
        self.checked(exact, *pairs, right, np.empty)
        self(*pairs, own, np.empty, NOW)
        return right.reshape(-1), own.reshape(-1)


def _by_definition(
    exact: Exact, doubtful: NDArray[np.bool_], a: NDArray[Any], b: NDArray[Any], y: NDArray[Any]
) -> None:
    """Write what the definition gives for what is in doubt."""
    where = np.nonzero(doubtful)
    if where[0].size:
        own = (np.broadcast_to(codes, y.shape)[where].astype(np.int64) for codes in (a, b))
        y[where] = exact(*own)
