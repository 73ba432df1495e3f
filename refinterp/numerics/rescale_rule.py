"""The plain rule, in integers: code = clip(R(acc + bias) + zero_point, low, high).

R is one of the rounding rules of the C kernels, by name; see `fixedpoint`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.fixedpoint import (
    Multiplier,
    Rounding,
    rescale,
    rescale64,
    rescale_real,
    wrap32,
)

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class RescaleRule:
    """The rule of `channels` columns.

    rounding: see `numerics.fixedpoint`.
    factor: float64 (channels,) or (), used by "real".
    bias: int64 (channels,), added to the accumulator first. zero_point, low, high: output codes.
    folded: what stands for the factor in integers; None where that has not been worked out.
    """

    rounding: Rounding
    factor: F64
    bias: I64
    zero_point: int
    low: int
    high: int
    folded: Multiplier | None = None

    @property
    def multiplier(self) -> Multiplier:
        """The factor in integers."""
        return Multiplier.of(self.factor) if self.folded is None else self.folded

    def rescaled(self, acc: I64) -> I64:
        """R(acc + bias) of acc (..., channels)."""
        total = acc + self.bias
        if self.rounding == "real":
            return rescale_real(wrap32(total), self.factor)
        if self.rounding == "real64":
            return rescale_real(total, self.factor)
        if self.rounding == "int64":
            return rescale64(total, self.multiplier)
        return rescale(total, self.multiplier)

    def exact(self, acc: I64) -> I64:
        """The codes, int64, of acc (..., channels)."""
        return np.clip(wrap32(self.rescaled(acc) + self.zero_point), self.low, self.high)

    def with_multiplier(self) -> RescaleRule:
        """The rule with its factor in integers, so that they are not worked out at every call."""
        return self if self.folded is not None else replace(self, folded=self.multiplier)

    def part(self, which: I64) -> RescaleRule:
        """Return this rule for some of the channels."""
        shape = self.bias.shape
        m = self.multiplier
        return replace(
            self,
            factor=np.broadcast_to(self.factor, shape)[which],
            bias=self.bias[which],
            folded=Multiplier(
                np.broadcast_to(m.mantissa, shape)[which], np.broadcast_to(m.exponent, shape)[which]
            ),
        )
