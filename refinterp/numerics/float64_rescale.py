"""Requantization in float64: equal to the plain rule where that is proven, channel by channel.

Channels whose code cannot change within the bound on their sums (dead ones, with tiny scales) are
constants. Channels for which the form is not proven are left to the plain rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.codes import add_away, store, stretched
from refinterp.numerics.fixedpoint import Multiplier
from refinterp.numerics.float32_rescale import Exact, Float32Rescale, find_float32
from refinterp.numerics.float64_forms import FORMS
from refinterp.numerics.float64_ordinary import SMALL, constant_codes, find_ordinary, sum_exactly
from refinterp.numerics.rescale_rule import RescaleRule
from refinterp.numerics.tape import Do, clip, put

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
_NONE = np.empty(0, np.int64)
ROW = 8192  # elements a row is stretched to: NumPy runs rows at least this long unbuffered


@dataclass(frozen=True, slots=True, eq=False)
class Float64Rescale:
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

    @classmethod
    def prepare(cls, rule: RescaleRule, bound: F64, row: int = ROW) -> Float64Rescale | None:
        """Return the fast form, or None if it is proven for too few channels.

        row: elements to repeat the channels over.
        """
        low, high = rule.low - rule.zero_point, rule.high - rule.zero_point
        reach = float(max(high, -low, 0)) + 2.0  # beyond it, all is clamped
        form = find_ordinary(rule, bound, reach, positive=low >= 0)
        if form is None:
            return cls._of_each(rule, bound, reach, row)
        return cls(
            None if form.bias is None else _stretch(form.bias, row),
            _stretch(form.scale, row),
            None if form.offset is None else _stretch(form.offset, row),
            None if form.half is None else _stretch(form.half, row),
            False,
            low,
            high,
            rule.zero_point,
            rule.bias.size,
            _NONE,
            bound,
        )

    @classmethod
    def _of_each(
        cls, rule: RescaleRule, bound: F64, reach: float, row: int
    ) -> Float64Rescale | None:
        """Prove the form channel by channel."""
        shape = rule.bias.shape
        m = Multiplier(
            _filling(rule.multiplier.mantissa, shape), _filling(rule.multiplier.exponent, shape)
        )
        factor, bound = _filling(rule.factor, shape), _filling(bound, shape)
        if not shape or shape[0] == 0 or not (bound < 2.0**52).all():
            return None
        low, high = rule.low - rule.zero_point, rule.high - rule.zero_point
        total = bound + np.abs(rule.bias)
        form = FORMS[rule.rounding](m, factor, total, reach)
        scale, added, half = form.scale, form.nudge, form.half
        bias = rule.bias.astype(np.float64)
        others = _NONE
        if not (form.proven.all() and np.abs(bias).max() < SMALL):  # there may be dead channels
            whole = rule.part(np.arange(rule.bias.size, dtype=np.int64))
            constant = constant_codes(whole, bound)
            fixed = constant >= low
            others = np.flatnonzero(~form.proven & ~fixed)
            if others.size > shape[0] // 4:
                return None
            live = form.proven & ~fixed
            bias = np.where(live, bias, 0.0)
            scale = np.where(live, scale, 0.0)
            added = np.where(fixed, constant, np.where(form.proven, added, 0.0))
            half = np.where(fixed, 0.5, half)
        only_positive = low >= 0  # then the clamp makes floor, truncation and sign all equal
        signed = form.signed and not only_positive
        after = added if signed else sum_exactly(added, half)
        merged = None
        small = bound.max() < SMALL and np.abs(bias).max() < SMALL
        if ((small and form.short) or not bias.any()) and after is not None:
            merged = sum_exactly(bias * scale, after)
        if merged is not None:
            bias_first, offset = None, merged
        elif after is not None:
            bias_first, offset = bias, after
        else:
            return None
        return cls(
            None if bias_first is None or not bias_first.any() else _stretch(bias_first, row),
            _stretch(scale, row),
            _stretch(offset, row) if offset.any() else None,
            _stretch(half, row) if signed else None,
            not form.signed and not only_positive,
            low,
            high,
            rule.zero_point,
            shape[0],
            others,
            bound,
        )

    def __call__(self, acc: NDArray[Any], out: NDArray[Any], scratch: F64, do: Do) -> None:
        """Write the codes of acc (rows, channels), except for the channels in `others`.

        acc is contiguous and is written over.
        """
        flat, spare = scratch[: acc.size], scratch[acc.size : 2 * acc.size]
        if acc.dtype == np.float64:
            flat = acc.reshape(-1)
        else:
            do(put, flat, acc.reshape(-1))
        for part in stretched(acc.size, self.scale.size):
            self._parts(part(flat), part(spare), do)
        self._store(flat.reshape(acc.shape), out, spare, do)

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

    def find_float32(self) -> Float32Rescale | None:
        """Look for a float32 form; see `float32_rescale.find_float32`."""
        n = self.channels
        if self.others.size or self.floor:
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
        return find_float32(rule, self.scale.size)


def _filling(array: Any, shape: tuple[int, ...]) -> Any:
    """An array of a shape: itself, or one element over and over."""
    return array if array.shape == shape else np.broadcast_to(array, shape)


def _stretch(vector: F64, size: int) -> F64:
    """Repeat a vector to a row of about `size` elements."""
    repeats = size // vector.size
    if repeats <= 1:
        return vector
    row = np.empty((repeats, vector.size))
    row[:] = vector
    return row.reshape(-1)
