"""The sum of two 8-bit tensors with scales in float32, where it is right for all 65,536 pairs.

    y = trunc(clip(a * a_scale + b * b_scale + offset, 0, high - low)) + low

Halves are rounded up by the offset, never away from zero: what is truncated is never negative. The
fixed-point definition differs where it rounds twice; there are few enough pairs to try them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.broadcast import blocks
from refinterp.numerics.codes import store
from refinterp.numerics.patches import Take
from refinterp.numerics.tables import all_codes
from refinterp.numerics.tape import Do, clip, put

F32 = NDArray[np.float32]

_BLOCK = 1 << 16  # elements: both operands as float32 stay in the second-level cache


@dataclass(frozen=True, slots=True)
class Float32Sum:
    """The three constants, and the clamp in codes of the output."""

    a_scale: np.float32
    b_scale: np.float32
    offset: np.float32
    low: int
    high: int

    def __call__(
        self, a: NDArray[Any], b: NDArray[Any], y: NDArray[Any], take: Take, do: Do
    ) -> None:
        """Write y; a and b broadcast to it."""
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
            do(np.add, total, self.offset, total)
            do(clip, total, np.float32(0), np.float32(self.high - self.low), total)
            store(total, out, 0, self.high - self.low, self.low, do)

    def codes(self, a_dtype: str, b_dtype: str) -> NDArray[np.int64]:
        """What every pair of codes gives, in the order of `tables.tabulate_pairs`."""
        total = (all_codes(a_dtype).astype(np.float32) * self.a_scale)[:, None]
        total = total + all_codes(b_dtype).astype(np.float32) * self.b_scale
        total = np.clip(total + self.offset, np.float32(0), np.float32(self.high - self.low))
        return np.asarray(total.astype(np.int64).reshape(-1) + self.low)

    @classmethod
    def of(
        cls,
        factors: tuple[float, float],
        constant: float,
        clamp: tuple[int, int],
        dtypes: tuple[str, str],
        table: NDArray[Any],
    ) -> Float32Sum | None:
        """Return the form if it is right for every pair of codes.

        factors: real output steps per step of a and of b; constant: added to their sum, in output
        codes. table: the definition, from `tables.tabulate_pairs`.
        """
        low, high = clamp
        with np.errstate(over="ignore", invalid="ignore"):
            reals = [np.float32(real) for real in (*factors, constant + 0.5 - low)]
            self = cls(reals[0], reals[1], reals[2], low, high)
            if not all(np.isfinite((self.a_scale, self.b_scale, self.offset))):
                return None
            right = np.array_equal(self.codes(*dtypes), table)
        return self if right else None
