"""From an accumulator to an output code: the plain rule, and floating-point paths equal to it.

Plain: code = clip(R(acc + bias) + zero_point, low, high), R by name in `fixedpoint`.

Fast, for the "double" rule with right shift r >= 1 and real factor s = m * 2**-(31 + r): rounding
twice is one rounding with a moved threshold. With t = (acc + bias) * s,

    x = floor((acc + bias) * m / 2**31 + 1/2)    first rounding, halves up
    q = x / 2**r, halves away from zero          second rounding
      = trunc(t + copysign(1/2 + 2**-(r + 1), t))

because floor(floor(y) / n) = floor(y / n). Two cases need care. A negative t whose sum lands
exactly on an integer must not count it (the first rounding went up), so where that can happen t is
nudged up by less than the spacing of its values, 2**-(31 + r). And float64 must hold t exactly
wherever a threshold is near: `_double_rule` says what is asked of each channel.

Channels whose code cannot change within the bound on their sums (dead ones, with tiny scales) are
constants. Channels for which the fast form is not proven are computed by the plain rule, alone.
Where many rows pass through and the scales are not too fine, `single` finds a float32 form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from operator import setitem
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.codes import add_away, store
from refinterp.numerics.fixedpoint import (
    Multiplier,
    reduced_mantissa,
    rescale,
    rescale64,
    rescale_real,
    wrap32,
)
from refinterp.numerics.single import Exact, SingleRescale, find_single
from refinterp.numerics.tape import NOW, Do, clip, put

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
BLOCK = 1 << 15  # elements of one block of work: 256 KiB of float64
_ROW = 8192  # elements a row is stretched to: NumPy runs rows at least this long unbuffered
SINGLE_AFTER = 1 << 14  # rows seen before a float32 form is worth looking for


@dataclass(frozen=True, slots=True, eq=False)
class Requantizer:
    """Rescale accumulators of `channels` columns to codes.

    rounding: "double", "real", "real64" or "int64" (see `numerics.fixedpoint`).
    multiplier: (channels,) or (); factor: the same as float64, used by "real".
    bias: int64 (channels,), added to the accumulator first. zero_point, low, high: output codes.
    fast: the float64 form, or None where it could not be proven equal for most channels.
    """

    rounding: str
    multiplier: Multiplier
    factor: F64
    bias: I64
    zero_point: int
    low: int
    high: int
    fast: FastRescale | None

    @classmethod
    def prepare(
        cls,
        factor: F64,
        bias: I64,
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
        self = cls(rounding, multiplier, factor, bias, zero_point, low, high, None)
        if bound is None or plain:
            return self
        return replace(self, fast=FastRescale.prepare(self, bound))

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

    def scratch_size(self, rows: int) -> int:
        """How many float64 of scratch a call on `rows` rows takes."""
        channels = max(self.bias.size, 1)
        return max(2 * min(rows, _step(channels)) * channels, rows * channels * 5 // 4 + 1)

    def __call__(
        self,
        acc: NDArray[Any],
        out: NDArray[Any],
        scratch: F64 | None = None,
        do: Do = NOW,
    ) -> None:
        """Write the codes of `acc` (rows, channels; integers, in any real dtype) into `out`.

        scratch: a flat float64 array of `scratch_size` elements, to be written over. With it acc is
        the caller's scratch as well: it is contiguous, and written over too.
        """
        if self.bias.size <= 1 < acc.shape[1]:  # one rule for all columns
            if not out.flags.c_contiguous:
                codes = np.empty(out.shape, out.dtype)
                self(acc, codes, scratch, do)
                do(put, out, codes)
                return
            acc, out = acc.reshape(-1, 1), out.reshape(-1, 1)
        rows, channels = acc.shape
        step = _step(channels)
        if self.fast is None:
            for start in range(0, rows, step):
                do(_exactly, self, acc[start : start + step], out[start : start + step])
            return
        if scratch is None:
            given, acc = acc, np.empty(acc.shape, acc.dtype)
            do(put, acc, given)
            scratch = np.empty(self.scratch_size(rows), np.float64)
        self.fast.look(acc, do.runs)
        others = self.fast.others
        codes = np.empty((rows, others.size), out.dtype)
        if others.size:
            do(_exactly, self.part(others), acc, codes, others)
        if self.fast.single.form is not None and acc.dtype == np.float32:
            step = max(rows, 1)  # in place, and half as wide: it may be as large as it comes
        for start in range(0, rows, step):
            self.fast(acc[start : start + step], out[start : start + step], scratch, do)
        if others.size:
            do(setitem, out, (slice(None), others), codes)

    def part(self, which: I64) -> Requantizer:
        """Return this rule for some of the channels, without a fast form."""
        shape = self.bias.shape
        m = self.multiplier
        return replace(
            self,
            multiplier=Multiplier(
                np.broadcast_to(m.mantissa, shape)[which], np.broadcast_to(m.exponent, shape)[which]
            ),
            factor=np.broadcast_to(self.factor, shape)[which],
            bias=self.bias[which],
            fast=None,
        )


def _step(channels: int) -> int:
    """Rows of one block: whole stretched rows where the channels are few."""
    channels = max(channels, 1)
    repeats = max(1, _ROW // channels)
    return max(1, BLOCK // (channels * repeats)) * repeats


@dataclass(slots=True)
class _Single:
    """The float32 form, once it has been looked for. seen: rows that have passed so far."""

    seen: int = 0
    looked: bool = False
    form: SingleRescale | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FastRescale:
    """trunc or floor of (acc + bias) * scale + nudge ± half, then the clamp and the zero point.

    All vectors are float64 and hold the channels' values over and over (`repeats` times).
    bias: None where `offset` holds bias * scale, or there is no bias. offset: added after scaling;
    None for nothing. half: what is added before cutting, with the sign of the sum, or None where
    the sign cannot matter and it is in `offset`. floor: whether to floor; otherwise the conversion
    to integers truncates. low, high: the clamp, relative to the zero point.
    others: channels that this form is not for. bound: (channels,), the largest |acc|.
    """

    bias: F64 | None
    scale: F64
    offset: F64 | None
    half: F64 | None
    floor: bool
    low: int
    high: int
    zero_point: int
    channels: int
    others: I64
    bound: F64
    single: _Single

    @classmethod
    def prepare(cls, rule: Requantizer, bound: F64) -> FastRescale | None:
        """Return the fast form, or None if it is proven for too few channels."""
        shape = rule.bias.shape
        m = Multiplier(
            np.broadcast_to(rule.multiplier.mantissa, shape),
            np.broadcast_to(rule.multiplier.exponent, shape),
        )
        factor = np.broadcast_to(rule.factor, shape)
        bound = np.broadcast_to(bound, shape)
        if not shape or shape[0] == 0 or not np.all(bound < 2.0**52):
            return None
        low, high = rule.low - rule.zero_point, rule.high - rule.zero_point
        reach = float(max(high, -low, 0)) + 2.0  # beyond it, all is clamped
        total = bound + np.abs(rule.bias)
        form = _RULES[rule.rounding](m, factor, total, reach)
        scale, nudge, half = form.scale.copy(), form.nudge, form.half
        constant = _constant_codes(rule, m, bound)
        fixed = constant >= low
        others = np.flatnonzero(~form.proven & ~fixed)
        if others.size > shape[0] // 4:
            return None
        bias = np.where(fixed, 0, rule.bias).astype(np.float64)
        scale[fixed] = 0.0
        scale[others] = 0.0
        bias[others] = 0.0
        added = np.where(fixed, constant, np.where(form.proven, nudge, 0.0))
        half = np.where(fixed, 0.5, half)
        only_positive = low >= 0  # then the clamp makes floor, truncation and sign all equal
        signed = form.signed and not only_positive
        after = added if signed else _sum_exactly(added, half)
        merged = None
        small = np.all(bound < 2.0**22) and np.all(np.abs(bias) < 2.0**22)
        if ((small and form.short) or not np.any(bias)) and after is not None:
            merged = _sum_exactly(bias * scale, after)
        if merged is not None:
            bias_first, offset = None, merged
        elif after is not None:
            bias_first, offset = bias, after
        else:
            return None
        tile = max(1, _ROW // shape[0])
        return cls(
            None if bias_first is None or not np.any(bias_first) else np.tile(bias_first, tile),
            np.tile(scale, tile),
            np.tile(offset, tile) if np.any(offset) else None,
            np.tile(half, tile) if signed else None,
            not form.signed and not only_positive,
            low,
            high,
            rule.zero_point,
            shape[0],
            others,
            bound,
            _Single(),
        )

    def __call__(self, acc: NDArray[Any], out: NDArray[Any], scratch: F64, do: Do) -> None:
        """Write the codes of acc (rows, channels), except for the channels in `others`.

        acc is contiguous and is written over.
        """
        single = self.single.form
        if single is not None and acc.dtype == np.float32:
            single(acc, out, scratch, do, self._stretch)
            return
        flat, spare = scratch[: acc.size], scratch[acc.size : 2 * acc.size]
        if acc.dtype == np.float64:
            flat = acc.reshape(-1)
        else:
            do(put, flat, acc.reshape(-1))
        for part in self._stretch(acc.size):
            self._parts(part(flat), part(spare), do)
        self._store(flat.reshape(acc.shape), out, spare, do)

    def _stretch(self, size: int) -> Iterator[Callable[[Any], Any]]:
        """Yield what cuts a flat array into rows as long as the vectors, and the part that is left.

        Long rows keep NumPy's inner loops long; a short one lies beside its vector like for like.
        """
        row = self.scale.size
        whole = size // row * row
        if whole > row:
            yield lambda flat: flat[:whole].reshape(-1, row)
        elif whole:
            yield lambda flat: flat[:whole]
        if whole < size:
            yield lambda flat: flat[whole:size]

    def _parts(self, work: F64, spare: F64, do: Do) -> None:
        size = work.shape[-1]
        if self.bias is not None:
            do(np.add, work, self.bias[:size], work)
        do(np.multiply, work, self.scale[:size], work)
        if self.offset is not None:
            do(np.add, work, self.offset[:size], work)
        if self.half is not None:
            add_away(work, self.half[:size], spare, do)
        if self.floor:
            do(np.floor, work, work)
        do(clip, work, float(self.low), float(self.high), work)

    def _store(self, work: NDArray[Any], out: NDArray[Any], spare: F64, do: Do) -> None:
        if out.flags.c_contiguous:
            work, out = work.reshape(-1), out.reshape(-1)
        store(work, out, self.low, self.high, self.zero_point, do, spare)

    def look(self, acc: NDArray[Any], runs: int) -> None:
        """Look for a float32 form, once, when enough rows have passed to pay for it.

        acc (rows, channels) comes `runs` times.
        """
        single = self.single
        if not single.looked:
            single.seen += len(acc) * runs
            if single.seen >= SINGLE_AFTER:
                single.looked = True
                single.form = self._find_single(acc)

    def _find_single(self, acc: NDArray[Any]) -> SingleRescale | None:
        n = self.channels
        if self.others.size or self.floor or acc.dtype != np.float32:
            return None
        zero = np.zeros(n)
        rule = Exact(
            zero if self.bias is None else self.bias[:n],
            self.scale[:n],
            zero if self.offset is None else self.offset[:n],
            None if self.half is None else self.half[:n],
            self.low,
            self.high,
            self.zero_point,
            self.bound,
        )
        return find_single(rule, _ROW)


def _exactly(
    rule: Requantizer, acc: NDArray[Any], out: NDArray[Any], which: I64 | None = None
) -> None:
    """Write the plain rule's codes of acc, or of some of its columns."""
    out[...] = rule.exact((acc if which is None else acc[:, which]).astype(np.int64))


def _constant_codes(rule: Requantizer, m: Multiplier, bound: F64) -> I64:
    """The code, relative to the zero point, of channels whose sums all give the same; else low - 1.

    The rules never decrease as the sum grows, so equal codes at both ends mean one code between.
    """
    limit = bound.astype(np.int64)
    whole = rule.part(np.arange(rule.bias.size, dtype=np.int64))
    first, last = whole.exact(-limit), whole.exact(limit)
    total = bound + np.abs(rule.bias)
    largest = np.ldexp(total * np.abs(m.mantissa), (m.exponent - 31).astype(np.int32))
    safe = (m.mantissa >= 0) & (total < 2.0**31) & (largest < 2.0**30)  # beyond, codes wrap
    if rule.rounding == "double":  # a left shift may wrap
        safe &= m.exponent <= 0
    same = (first == last) & safe
    return np.where(same, first - rule.zero_point, rule.low - rule.zero_point - 1)


def _sum_exactly(a: F64, b: F64) -> F64 | None:
    """Return a + b if float64 holds every sum without rounding, else None."""
    total = np.asarray(a + b)
    error = (a - (total - b)) + (b - (total - a))
    return total if not np.any(error) else None


@dataclass(frozen=True, slots=True, eq=False)
class _Form:
    """What a rule asks of the fast form, per channel.

    scale, nudge, half: float64. proven: where float64 is exact near every threshold.
    signed: whether half takes the sum's sign (halves away from zero) or is always added.
    short: whether factors have so few bits that products with a sum and with a bias are exact, and
    may be added afterwards; a float64 factor has not.
    """

    scale: F64
    nudge: F64
    half: F64
    proven: NDArray[np.bool_]
    signed: bool
    short: bool = True


def _double_rule(m: Multiplier, factor: F64, total: F64, reach: float) -> _Form:
    """Rounding twice. Bits of t: from the smaller of its size and `reach` down to its spacing.

    Beyond `reach` t may be rounded: it stays beyond, and the clamp hides it.
    """
    right = -m.exponent
    scale = m.real
    unwrapped = np.ldexp(total, np.maximum(-right, 0).astype(np.int32)) < 2.0**31
    size = np.ceil(np.log2(np.minimum(total * scale, reach) + 2.0))
    proven = (m.mantissa >= 0) & unwrapped & (size + 31 + right <= 52)
    if np.all((right <= 0) | (m.mantissa == 0)):  # no second rounding: halves go up
        return _Form(scale, np.zeros_like(scale), np.full_like(scale, 0.5), proven, False)
    half = 0.5 + np.ldexp(0.5, -np.maximum(right, 1).astype(np.int32))
    lowest_bit = m.mantissa & -m.mantissa
    ties = total * lowest_bit >= 2.0**30
    nudge = np.where(ties, np.ldexp(1.0, (-33 - right).astype(np.int32)), 0.0)
    proven &= (right >= 1) & (~ties | (size + 33 + right <= 52))
    return _Form(scale, nudge, half, proven, True)


def _real_rule(m: Multiplier, factor: F64, total: F64, reach: float) -> _Form:
    """One float64 product, as in C, then round: see `fixedpoint.round_half_away`.

    Sums that wrap in int32 and products that leave it are for the plain rule.
    """
    form = _real64_rule(m, factor, total, reach)
    return replace(form, proven=form.proven & (total < 2.0**31))


def _real64_rule(m: Multiplier, factor: F64, total: F64, reach: float) -> _Form:
    """The same where sums are int64: up to 2**52 float64 holds them all."""
    with np.errstate(over="ignore", invalid="ignore"):
        proven = (total < 2.0**52) & (total * np.abs(factor) < 2.0**30)
    scale = np.where(proven, factor, 0.0)
    half = np.full_like(scale, np.nextafter(0.5, 0.0))
    return _Form(scale, np.zeros_like(scale), half, proven, True, short=False)


def _int64_rule(m: Multiplier, factor: F64, total: F64, reach: float) -> _Form:
    """A 15-bit mantissa and one rounding, halves up; wraps beyond int32."""
    short = reduced_mantissa(m).astype(np.float64)
    scale = np.ldexp(short, (m.exponent - 15).astype(np.int32))
    proven = (
        (m.exponent <= 14) & (total * np.abs(short) < 2.0**51) & (total * np.abs(scale) < 2.0**30)
    )
    return _Form(scale, np.zeros_like(scale), np.full_like(scale, 0.5), proven, False)


_RULES = {
    "double": _double_rule,
    "real": _real_rule,
    "real64": _real64_rule,
    "int64": _int64_rule,
}
