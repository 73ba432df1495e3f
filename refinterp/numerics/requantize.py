"""From an accumulator to an output code: the plain rule, or a floating-point form equal to it.

The plain rule needs no proof, but makes many passes. The float64 form (`float64_rescale`) is proven
for all layers of a model at once (`float64_proof`), in less time than the plain rule takes for a
small layer. Whether the float32 form (`float32_rescale`), half as wide, is worth being searched for
depends on how many accumulators are going to pass. `settle` returns the rule in the form that pays,
`settled_together` the rules of several layers before their first run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import setitem
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.fixedpoint import Multiplier, Rounding
from refinterp.numerics.float32_rescale import Float32Rescale
from refinterp.numerics.float64_proof import find_float64
from refinterp.numerics.float64_rescale import ROW, Float64Rescale
from refinterp.numerics.rescale_rule import RescaleRule
from refinterp.numerics.tape import NOW, Do, put

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
BLOCK = 1 << 15  # elements of one block of work: 256 KiB of float64
EXACT_BLOCK = 1 << 13  # elements of one block by the plain rule, which makes many passes
FIRST_ROW = 1 << 10  # elements a row is stretched to for one run: rows are long enough by then
FLOAT32_PAYS = 1 << 14  # rows for which a float32 form is worth looking for


@dataclass(frozen=True, slots=True, eq=False)
class Requantizer:
    """Rescale accumulators of `channels` columns to codes.

    bound: float64 (channels,), the largest |acc| before the bias; None where it is unknown, or the
    plain rule is wanted. settled: how many elements forms have been looked for. tried: whether they
    have at all. float64: None where it could not be proven equal for most channels;
    float32: None where it has not been looked for or there is none.
    """

    rule: RescaleRule
    bound: F64 | None
    settled: int = 0
    tried: bool = False
    float64: Float64Rescale | None = None
    float32: Float32Rescale | None = None

    @classmethod
    def prepare(
        cls,
        factor: F64,
        bias: I64,
        zero_point: int,
        low: int,
        high: int,
        *,
        rounding: Rounding,
        bound: F64 | None = None,
        plain: bool = False,
        multiplier: Multiplier | None = None,
    ) -> Requantizer:
        """Fold real factors (channels,) into integers.

        bound: float64 (channels,), the largest |acc| before the bias; None if it is unknown.
        multiplier: the integers themselves, where they are not simply the folded factor.
        """
        rule = RescaleRule(rounding, factor, bias, zero_point, low, high, multiplier)
        return cls(rule, None if plain else bound)

    def settle(self, elements: int, dtype: Any, calls: int = 1) -> Requantizer:
        """Return the rule in the form that pays for so many accumulators of a dtype.

        calls: how many runs they come in.
        """
        float64, float32 = self.float64, self.float32
        row = _row(elements, calls)
        if not self.tried and self.bound is not None:
            (float64,) = find_float64([self.rule], [self.bound], [row])
        elif float64 is not None:
            float64 = float64.stretched(row)
        channels = max(self.rule.bias.size, 1)
        try_float32 = self.settled < FLOAT32_PAYS * channels <= elements
        if try_float32 and float64 is not None and dtype == np.float32:
            float32 = float64.find_float32()
        elif self.tried and float64 is self.float64:
            return self
        return self._found(elements, float64, float32)

    def _found(
        self,
        elements: int,
        float64: Float64Rescale | None,
        float32: Float32Rescale | None = None,
    ) -> Requantizer:
        """The rule with the forms that were found for so many elements."""
        whole = float64 is not None and not float64.others.size
        rule = self.rule if whole else self.rule.with_multiplier()
        return Requantizer(rule, self.bound, elements, True, float64, float32)

    def bounded(self, bound: F64) -> Requantizer:
        """The same with a lower bound on |acc|, with which more may be proven."""
        return self if self.bound is None else Requantizer(self.rule, bound)

    def scratch_size(self, rows: int) -> int:
        """How many float64 of scratch a call on `rows` rows takes."""
        channels = max(self.rule.bias.size, 1)
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
        if self.rule.bias.size <= 1 < acc.shape[1]:  # one rule for all columns
            if not out.flags.c_contiguous:
                codes = np.empty(out.shape, out.dtype)
                self(acc, codes, scratch, do)
                do(put, out, codes)
                return
            acc, out = acc.reshape(-1, 1), out.reshape(-1, 1)
        rows, channels = acc.shape
        step = _step(channels)
        if self.float64 is None:
            step = max(1, EXACT_BLOCK // max(channels, 1))
            for start in range(0, rows, step):
                do(_exactly, self.rule, acc[start : start + step], out[start : start + step])
            return
        if scratch is None:
            given, acc = acc, np.empty(acc.shape, acc.dtype)
            do(put, acc, given)
            scratch = np.empty(self.scratch_size(rows), np.float64)
        if self.float32 is not None and acc.dtype == np.float32:
            # in place, and half as wide: it may be as large as it comes
            self.float32(acc, out, scratch, do)
            return
        others = self.float64.others
        kept: NDArray[Any] | None = None
        if others.size:
            kept = np.empty((rows, others.size), out.dtype)
            do(_exactly, self.rule.part(others), acc, kept, others)
        if rows <= step:
            self.float64(acc, out, scratch, do)
        else:
            for start in range(0, rows, step):
                self.float64(acc[start : start + step], out[start : start + step], scratch, do)
        if kept is not None:
            do(setitem, out, (slice(None), others), kept)


def settled_together(
    given: Sequence[tuple[Requantizer, int]],
) -> list[Requantizer]:
    """The rules of several layers in the form that pays for their first run.

    given: each with the number of its accumulators. What is settled already stays as it is.
    """
    found = [one for one, _ in given]
    new = [i for i, one in enumerate(found) if not one.tried]
    fast = [i for i in new if found[i].bound is not None]
    forms = find_float64(
        [found[i].rule for i in fast],
        [bound for i in fast if (bound := found[i].bound) is not None],
        [_row(given[i][1], 1) for i in fast],
    )
    form_of = dict(zip(fast, forms, strict=True))
    for i in new:
        found[i] = found[i]._found(given[i][1], form_of.get(i))
    return found


def _row(elements: int, calls: int) -> int:
    """Elements to repeat channels over, for `elements` in all, in so many calls.

    For one call rows that are long enough for the loops over them do.
    """
    return min(elements >> 6, FIRST_ROW) if calls == 1 else min(ROW, elements // calls)


def _step(channels: int) -> int:
    """Rows of one block: whole stretched rows where the channels are few."""
    channels = max(channels, 1)
    repeats = max(1, ROW // channels)
    return max(1, BLOCK // (channels * repeats)) * repeats


def _exactly(
    rule: RescaleRule, acc: NDArray[Any], out: NDArray[Any], which: I64 | None = None
) -> None:
    """Write the plain rule's codes of acc, or of some of its columns."""
    out[...] = rule.exact((acc if which is None else acc[:, which]).astype(np.int64))
