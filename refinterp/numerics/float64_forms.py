"""What each rounding rule asks of its float64 form, and for which channels that is proven.

For the "double" rule with right shift r >= 1 and real factor s = m * 2**-(31 + r) rounding twice
is one rounding with a moved threshold. With t = (acc + bias) * s,

    x = floor((acc + bias) * m / 2**31 + 1/2)    first rounding, halves up
    q = x / 2**r, halves away from zero          second rounding
      = trunc(t + copysign(1/2 + 2**-(r + 1), t))

because floor(floor(y) / n) = floor(y / n). Two cases need care. A negative t whose sum lands
exactly on an integer must not count it (the first rounding went up), so where that can happen t is
nudged up by less than the spacing of its values, 2**-(31 + r). And float64 must hold t exactly
wherever a threshold is near: `_double_rule` says what is asked of each channel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.fixedpoint import Multiplier, reduced_mantissa

F64 = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """What a rule asks of the fast form, per channel.

    scale, nudge, half: float64. proven: where float64 is exact near every threshold.
    signed: where half takes the sum's sign (halves away from zero) and is not always added.
    short: whether factors have so few bits that products with a sum and with a bias are exact, and
    may be added afterwards; a float64 factor has not.
    """

    scale: F64
    nudge: F64
    half: F64
    proven: Flags
    signed: Any
    short: bool = True


def tie_nudge(exponent: NDArray[np.int32]) -> F64:
    """What moves a negative t off an integer, by less than the spacing of its values."""
    return np.asarray(np.ldexp(1.0, exponent - 33))


def no_right_shift(m: Multiplier) -> Flags:
    """For which channels there is no second rounding."""
    return np.asarray((m.exponent >= 0) | (m.mantissa == 0))


def _double_rule(m: Multiplier, factor: F64, total: F64, reach: F64, once: Flags) -> Form:
    """Rounding twice. Bits of t: from the smaller of its size and `reach` down to its spacing.

    Beyond `reach` t may be rounded: it stays beyond, and the clamp hides it. Without a second
    rounding halves go up.
    """
    right = -m.exponent
    exponent = m.exponent.astype(np.int32)
    scale: F64 = np.ldexp(m.mantissa.astype(np.float64), exponent - 31)
    unwrapped = np.ldexp(total, np.maximum(exponent, 0)) < 2.0**31
    size = np.ceil(np.log2(np.minimum(total * scale, reach) + 2.0))
    lowest_bit = m.mantissa & -m.mantissa
    ties = ~once & (lowest_bit * total >= 2.0**30)
    nudge = np.where(ties, tie_nudge(exponent), 0.0)
    half = np.where(once, 0.5, 0.5 + np.ldexp(0.5, np.minimum(exponent, -1)))
    bits = size + np.where(ties, 33, 31) + right
    proven = (m.mantissa >= 0) & unwrapped & (bits <= 52) & (once | (right >= 1))
    return Form(scale, nudge, half, proven, ~once)


def _real_rule(m: Multiplier, factor: F64, total: F64, reach: F64, once: Flags) -> Form:
    """One float64 product, as in C, then round: see `fixedpoint.round_half_away`.

    Sums that wrap in int32 and products that leave it are for the plain rule.
    """
    form = _real64_rule(m, factor, total, reach, once)
    return replace(form, proven=form.proven & (total < 2.0**31))


def _real64_rule(m: Multiplier, factor: F64, total: F64, reach: F64, once: Flags) -> Form:
    """The same where sums are int64: up to 2**52 float64 holds them all."""
    with np.errstate(over="ignore", invalid="ignore"):
        proven = (total < 2.0**52) & (total * np.abs(factor) < 2.0**30)
    scale = np.where(proven, factor, 0.0)
    half = np.full_like(scale, np.nextafter(0.5, 0.0))
    return Form(scale, np.zeros_like(scale), half, proven, True, short=False)


def _int64_rule(m: Multiplier, factor: F64, total: F64, reach: F64, once: Flags) -> Form:
    """A 15-bit mantissa and one rounding, halves up; wraps beyond int32."""
    short = reduced_mantissa(m).astype(np.float64)
    scale = np.ldexp(short, (m.exponent - 15).astype(np.int32))
    proven = (
        (m.exponent <= 14) & (total * np.abs(short) < 2.0**51) & (total * np.abs(scale) < 2.0**30)
    )
    return Form(scale, np.zeros_like(scale), np.full_like(scale, 0.5), proven, False)


Ask = Callable[[Multiplier, F64, F64, F64, Flags], Form]
"""Multipliers, factors, bounds on |acc + bias|, what t is clamped beyond, and for which channels
the whole layer has no second rounding; (channels,) each."""

FORMS: dict[str, Ask] = {
    "double": _double_rule,
    "real": _real_rule,
    "real64": _real64_rule,
    "int64": _int64_rule,
}
