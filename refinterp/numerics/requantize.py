"""From an accumulator to an output code: the plain rule, and a float64 path proven equal to it.

Plain: code = clip(R(acc + bias) + zero_point, low, high), R by name in `fixedpoint`.

Fast, for the "double" rule with right shift r >= 1 and real factor s = m * 2**-(31 + r): rounding
twice is one rounding with a moved threshold. With t = (acc + bias) * s,

    x = floor((acc + bias) * m / 2**31 + 1/2)    first rounding, halves up
    q = x / 2**r, halves away from zero          second rounding
      = trunc(t + copysign(1/2 + 2**-(r + 1), t))

because floor(floor(y) / n) = floor(y / n). Two cases need care. A negative t whose sum lands
exactly on an integer must not count it (the first rounding went up), so where that can happen t is
nudged up by less than the spacing of its values, 2**-(31 + r). And float64 must hold t exactly
wherever a threshold is near: `_double_rule` says what is asked of each channel; a layer with a
channel that fails takes the plain rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.fixedpoint import (
    Multiplier,
    reduced_mantissa,
    rescale,
    rescale64,
    rescale_real,
    wrap32,
)

F64 = NDArray[np.float64]
BLOCK = 1 << 14  # elements of float64 work that stay in the second-level cache with their sums


@dataclass(frozen=True, slots=True, eq=False)
class Requantizer:
    """Rescale accumulators of `channels` columns to codes.

    rounding: "double", "real", "real64" or "int64" (see `numerics.fixedpoint`); "real" sums in
        int32, which may wrap, "real64" in int64.
    multiplier: (channels,) or (); factor: the same as float64, used by "real".
    bias: int64 (channels,), added to the accumulator first. zero_point, low, high: output codes.
    fast: the float64 form, or None where it could not be proven equal.
    """

    rounding: str
    multiplier: Multiplier
    factor: F64
    bias: NDArray[np.int64]
    zero_point: int
    low: int
    high: int
    fast: FastRescale | None

    @classmethod
    def prepare(
        cls,
        factor: F64,
        bias: NDArray[np.int64],
        zero_point: int,
        low: int,
        high: int,
        *,
        rounding: str,
        bound: F64 | None = None,
        plain: bool = False,
        multiplier: Multiplier | None = None,
    ) -> Requantizer:
        """Fold real factors (channels,) into integers.

        bound: float64 (channels,), the largest |acc| before the bias; None if it is unknown.
        multiplier: the integers themselves, where they are not simply the folded factor.
        """
        multiplier = multiplier or Multiplier.of(factor)
        fast = None
        if bound is not None and not plain:
            fast = FastRescale.prepare(
                rounding, multiplier, factor, bias, zero_point, low, high, bound
            )
        return cls(rounding, multiplier, factor, bias, zero_point, low, high, fast)

    def exact(self, acc: NDArray[np.int64]) -> NDArray[np.int64]:
        """The plain rule: acc (..., channels) → codes, int64."""
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

    def __call__(self, acc: NDArray[Any], out: NDArray[Any]) -> None:
        """Write the codes of `acc` (rows, channels; integers, in any real dtype) into `out`."""
        rows, channels = acc.shape
        step = max(1, BLOCK // max(channels, 1))
        if self.fast is None:
            for start in range(0, rows, step):
                block = acc[start : start + step].astype(np.int64)
                out[start : start + step] = self.exact(block)
            return
        work = np.empty((min(step, rows), channels), np.float64)
        for start in range(0, rows, step):
            block = acc[start : start + step]
            self.fast(block, work[: len(block)], out[start : start + step])


@dataclass(frozen=True, slots=True, eq=False)
class FastRescale:
    """trunc or floor of (acc + bias) * scale + nudge ± half, then the clamp and the zero point.

    bias, scale: float64 (channels,); nudge likewise, or None where no sum can tie.
    half: what is added before cutting, with the sign of the sum if `signed`.
    floor: whether to floor; otherwise the conversion to integers truncates.
    low, high: the clamp, relative to the zero point.
    """

    bias: F64 | None
    scale: F64
    nudge: F64 | None
    half: F64
    signed: bool
    floor: bool
    low: int
    high: int
    zero_point: int

    @classmethod
    def prepare(
        cls,
        rounding: str,
        multiplier: Multiplier,
        factor: F64,
        bias: NDArray[np.int64],
        zero_point: int,
        low: int,
        high: int,
        bound: F64,
    ) -> FastRescale | None:
        """Return the fast form if it is provably equal to the plain rule for |acc| <= bound."""
        total = bound + np.abs(bias)
        reach = float(max(high - zero_point, zero_point - low, 0)) + 2.0  # beyond it, all clamps
        rule = _RULES[rounding]
        found = rule(multiplier, factor, total, reach)
        if found is None:
            return None
        scale, nudge, half, signed = found
        relative_low = low - zero_point
        only_positive = relative_low >= 0  # then the clamp makes floor, truncation, sign all equal
        return cls(
            bias.astype(np.float64) if np.any(bias) else None,
            scale,
            nudge,
            half,
            signed and not only_positive,
            not signed and not only_positive,
            relative_low,
            high - zero_point,
            zero_point,
        )

    def __call__(self, acc: NDArray[Any], work: F64, out: NDArray[Any]) -> None:
        """Write codes: acc and work (rows, channels), work float64 scratch, out the code type."""
        if self.bias is None:
            np.multiply(acc, self.scale, out=work)
        else:
            np.add(acc, self.bias, out=work)
            work *= self.scale
        if self.nudge is not None:
            work += self.nudge
        work += np.copysign(self.half, work) if self.signed else self.half
        if self.floor:
            np.floor(work, out=work)
        np.clip(work, self.low, self.high, out=work)
        np.copyto(out, work, casting="unsafe")  # truncates towards zero
        if self.zero_point:
            out += out.dtype.type(self.zero_point)


_Form = tuple[F64, F64 | None, F64, bool]  # scale, nudge, half, whether half takes t's sign


def _double_rule(m: Multiplier, factor: F64, total: F64, reach: float) -> _Form | None:
    """Rounding twice. Bits of t: from the smaller of its size and `reach` down to its spacing.

    Beyond `reach` t may be rounded: it stays beyond, and the clamp hides it.
    """
    right = np.where(m.mantissa == 0, 1, -m.exponent)  # a flushed factor shifts nothing
    scale = m.real
    if np.any(m.mantissa < 0) or np.any(np.ldexp(total, np.maximum(-right, 0)) >= 2.0**31):
        return None  # int32 could wrap
    size = np.ceil(np.log2(np.minimum(total * scale, reach) + 2.0))
    if np.all(right <= 0):  # the second rounding is absent: halves go up
        if np.any(size + 31 + right > 52):
            return None
        return scale, None, np.full_like(scale, 0.5), False
    idle = (total * scale < 0.2) & (right >= 1)  # never reaches the first threshold
    if not np.all(((right >= 1) & (size + 31 + right <= 52)) | idle):
        return None
    half = 0.5 + np.ldexp(0.5, -right.astype(np.int32))
    lowest_bit = m.mantissa & -m.mantissa
    ties = ~idle & (total * lowest_bit >= 2.0**30)
    if not np.any(ties):
        return scale, None, half, True
    if np.any(ties & (size + 33 + right > 52)):
        return None
    nudge = np.where(ties, np.ldexp(1.0, (-33 - right).astype(np.int32)), 0.0)
    return scale, nudge, half, True


def _real_rule(m: Multiplier, factor: F64, total: F64, reach: float) -> _Form | None:
    """One float64 product, as in C, then round: see `fixedpoint.round_half_away`.

    Sums that wrap in int32 and products that leave it are for the plain rule.
    """
    if np.any(total >= 2.0**31):
        return None
    return _real64_rule(m, factor, total, reach)


def _real64_rule(m: Multiplier, factor: F64, total: F64, reach: float) -> _Form | None:
    """The same where sums are int64: up to 2**52 float64 holds them all."""
    if np.any(total >= 2.0**52) or not np.all(total * np.abs(factor) < 2.0**30):
        return None
    return factor, None, np.full_like(factor, np.nextafter(0.5, 0.0)), True


def _int64_rule(m: Multiplier, factor: F64, total: F64, reach: float) -> _Form | None:
    """A 15-bit mantissa and one rounding, halves up; wraps beyond int32."""
    short = reduced_mantissa(m).astype(np.float64)
    scale = np.ldexp(short, (m.exponent - 15).astype(np.int32))
    if np.any(m.exponent > 14) or np.any(total * np.abs(short) >= 2.0**51):
        return None
    if np.any(total * np.abs(scale) >= 2.0**30):
        return None
    return scale, None, np.full_like(scale, 0.5), False


_RULES = {
    "double": _double_rule,
    "real": _real_rule,
    "real64": _real64_rule,
    "int64": _int64_rule,
}
