"""The plain rule, in integers: code = clip(R(acc + bias) + zero_point, low, high).

R is one of the rounding rules of the C kernels, by name; see `fixedpoint`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.fixedpoint import Multiplier, rescale, rescale64, rescale_real, wrap32

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class RescaleRule:
    """The rule of `channels` columns.

    rounding: "double", "real", "real64" or "int64" (see `numerics.fixedpoint`).
    multiplier: (channels,) or (); factor: the same as float64, used by "real".
    bias: int64 (channels,), added to the accumulator first. zero_point, low, high: output codes.
    """

    rounding: str
    multiplier: Multiplier
    factor: F64
    bias: I64
    zero_point: int
    low: int
    high: int

    def exact(self, acc: I64) -> I64:
        """The codes, int64, of acc (..., channels)."""
        total = acc + self.bias
        if self.rounding == "real":
            scaled = rescale_real(wrap32(total), self.factor)
        elif self.rounding == "real64":
            scaled = rescale_real(total, self.factor)
        elif self.rounding == "int64":
            scaled = rescale64(total, self.multiplier)
        else:
            scaled = rescale(total, self.multiplier)
        return np.clip(wrap32(scaled + self.zero_point), self.low, self.high)

    def part(self, which: I64) -> RescaleRule:
        """Return this rule for some of the channels."""
        shape = self.bias.shape
        m = self.multiplier
        return replace(
            self,
            multiplier=Multiplier(
                np.broadcast_to(m.mantissa, shape)[which], np.broadcast_to(m.exponent, shape)[which]
            ),
            factor=np.broadcast_to(self.factor, shape)[which],
            bias=self.bias[which],
        )
