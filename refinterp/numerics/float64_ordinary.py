"""The float64 form of ordinary layers, found by the extremes of their channels.

What `float64_rescale` proves channel by channel follows, where all factors are below one and sums
and biases small, from the largest and smallest numbers there are, in a fraction of the time. Where
it does not follow nothing is lost: the channels are then looked at one by one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.fixedpoint import Multiplier
from refinterp.numerics.float64_forms import tie_nudge
from refinterp.numerics.rescale_rule import RescaleRule

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

SMALL = 2.0**22  # sums and biases that, times a factor of 31 bits, float64 holds exactly
_LEAST = -11  # the smallest exponent of a channel that is proven in all cases


@dataclass(frozen=True, slots=True, eq=False)
class Ordinary:
    """(acc + bias) * scale + offset ± half, vectors (channels,), or None for nothing."""

    bias: F64 | None
    scale: F64
    offset: F64 | None
    half: F64 | None

    @classmethod
    def of(cls, rule: RescaleRule, bound: F64, reach: float, *, positive: bool) -> Ordinary | None:
        """Return the form if it is proven for all channels at once.

        bound: (channels,), the largest |acc|; reach: scaled sums beyond which all is clamped;
        positive: whether nothing below 0 survives the clamp.
        """
        m, bias = rule.multiplier, rule.bias
        if not bias.size or not m.mantissa.shape == rule.factor.shape == bias.shape:
            return None
        largest = float(max(bias.max(), -bias.min()))
        total = float(bound.max()) + largest
        if not (largest < SMALL and total < 2.0**31):
            return None
        if rule.rounding == "double":
            return cls._twice(rule, largest, total, reach, positive=positive)
        if rule.rounding == "real":
            return cls._once(rule, largest, total, positive=positive)
        return None

    @classmethod
    def _twice(
        cls, rule: RescaleRule, largest: float, total: float, reach: float, *, positive: bool
    ) -> Ordinary | None:
        """As `float64_forms` asks of the rule that rounds twice."""
        m = rule.multiplier
        exponent = m.exponent.astype(np.int32)
        least, most = int(exponent.min()), int(exponent.max())
        if most >= 0 or m.mantissa.min() < 0:
            return None
        lowest_bit = m.mantissa & -m.mantissa
        ties = lowest_bit.max() * total >= 2.0**30
        scale: F64 = np.ldexp(m.mantissa.astype(np.float64), exponent - 31)
        bits = 33 if ties else 31  # of fractions, besides what the exponent takes
        if math.log2(min(total * 2.0**most, reach) + 2.0) > 52 - bits + least:
            most_of_each = np.ldexp(1.0, exponent + (52 - bits))
            if not (np.minimum(total * scale, reach) + 2.0 <= most_of_each).all():
                return None
        offset = None
        half = np.ldexp(0.5, exponent)
        half += 0.5
        if ties:
            offset = np.where(lowest_bit * total >= 2.0**30, tie_nudge(exponent), 0.0)
        if positive:
            offset = half if offset is None else half + offset
        after = None if positive else half
        if not largest:
            return cls(None, scale, offset, after)
        if total < SMALL:
            biased: F64 = rule.bias * scale
            # numbers of so many fractional bits add up exactly while they stay below 2**53 of them
            surely = (largest * 2.0**most + 2) * 2.0 ** (bits - least) < 2.0**53
            merged = biased if offset is None else biased + offset
            if surely or offset is None or sum_exactly(biased, offset) is not None:
                return cls(None, scale, merged, after)
        return cls(rule.bias.astype(np.float64), scale, offset, after)

    @classmethod
    def _once(
        cls, rule: RescaleRule, largest: float, total: float, *, positive: bool
    ) -> Ordinary | None:
        """One product with a float64 factor, which the bias has to be added before."""
        factor = rule.factor
        if not (factor.min() >= 0 and factor.max() * total < 2.0**30):
            return None
        half = np.full_like(factor, np.nextafter(0.5, 0.0))
        bias = rule.bias.astype(np.float64) if largest else None
        return cls(bias, factor, half, None) if positive else cls(bias, factor, None, half)

    def with_constants(self, which: I64, codes: F64) -> Ordinary:
        """The form with some channels of which only one code comes, relative to the zero point."""
        scale = self.scale.copy()
        scale[which] = 0.0
        bias, half = self.bias, self.half
        offset = np.zeros_like(scale) if self.offset is None else self.offset.copy()
        offset[which] = codes if half is not None else codes + 0.5
        if bias is not None:
            bias = bias.copy()
            bias[which] = 0.0
        if half is not None:
            half = half.copy()
            half[which] = 0.5
        return Ordinary(bias, scale, offset, half)


def find_ordinary(
    rule: RescaleRule, bound: F64, reach: float, *, positive: bool
) -> Ordinary | None:
    """`Ordinary.of`, when channels have been set apart whose code never changes, as dead ones'."""
    form = Ordinary.of(rule, bound, reach, positive=positive)
    m, bias = rule.multiplier, rule.bias
    if form is not None or rule.rounding != "double" or m.mantissa.shape != bias.shape:
        return form
    which = np.flatnonzero((m.exponent >= 0) | (m.exponent < _LEAST) | (np.abs(bias) >= SMALL))
    if not 0 < which.size < bias.size:
        return None
    codes = constant_codes(rule.part(which), bound[which])
    constant = codes >= rule.low - rule.zero_point
    which, codes = which[constant], codes[constant]
    mantissa, exponent, others = m.mantissa.copy(), m.exponent.copy(), bias.copy()
    limits = bound.copy()
    mantissa[which], exponent[which], others[which], limits[which] = 0, _LEAST, 0, 0
    rest = replace(rule, multiplier=Multiplier(mantissa, exponent), bias=others)
    form = Ordinary.of(rest, limits, reach, positive=positive)
    return None if form is None else form.with_constants(which, codes.astype(np.float64))


def constant_codes(rule: RescaleRule, bound: F64) -> I64:
    """The code, relative to the zero point, of channels whose sums all give the same; else low - 1.

    The rules never decrease as the sum grows, so equal codes at both ends mean one code between.
    """
    m = rule.multiplier
    limit = bound.astype(np.int64)
    first, last = rule.exact(np.stack([-limit, limit]))
    total = bound + np.abs(rule.bias)
    largest = np.ldexp(total * np.abs(m.mantissa), (m.exponent - 31).astype(np.int32))
    safe = (m.mantissa >= 0) & (total < 2.0**31) & (largest < 2.0**30)  # beyond, codes wrap
    if rule.rounding == "double":  # a left shift may wrap
        safe &= m.exponent <= 0
    same = (first == last) & safe
    return np.where(same, first - rule.zero_point, rule.low - rule.zero_point - 1)


def sum_exactly(a: F64, b: F64) -> F64 | None:
    """Return a + b if float64 holds every sum without rounding, else None."""
    total = np.asarray(a + b)
    error = (a - (total - b)) + (b - (total - a))
    return total if not error.any() else None
