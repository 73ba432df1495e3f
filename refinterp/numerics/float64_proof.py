"""For which layers and channels the float64 form of requantization is proven, many at once.

The vectors of a layer are short, and what a proof costs is the number of NumPy calls. The layers of
a model are therefore put one behind the other, and each question is asked of all their channels in
one call; what is then found out of a layer is a slice of the answers.

Channels whose code cannot change within the bound on their sums (dead ones, with tiny scales) are
constants. Channels for which the form is not proven are left to the plain rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.fixedpoint import Multiplier, wrap32
from refinterp.numerics.float64_forms import FORMS, no_right_shift
from refinterp.numerics.float64_rescale import Float64Rescale
from refinterp.numerics.rescale_rule import RescaleRule

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Flags = NDArray[np.bool_]

_SMALL = 2.0**22  # sums and biases that, times a factor of 31 bits, float64 holds exactly
_WHOLE = 2.0**52  # sums that float64 holds
_NONE = np.empty(0, np.int64)


def find_float64(
    rules: Sequence[RescaleRule], bounds: Sequence[F64]
) -> list[Float64Rescale | None]:
    """The form of each layer, None where it is proven for too few channels.

    bounds: float64, (channels,) or one for all, the largest |acc| of each layer before the bias.
    """
    found: list[Float64Rescale | None] = [None] * len(rules)
    alike: dict[str, list[int]] = {}
    for index, rule in enumerate(rules):
        if rule.bias.size:
            alike.setdefault(rule.rounding, []).append(index)
    for own in alike.values():
        forms = _Layers.of([rules[i] for i in own], [bounds[i] for i in own]).forms()
        for index, form in zip(own, forms, strict=True):
            found[index] = form
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Layers:
    """Rules of one rounding, their channels one behind the other.

    starts: where each layer's channels begin; sizes: how many they are.
    rule: of all channels; its zero point and limits are those of no layer.
    bound: float64, the largest |acc| of each channel.
    zero, low, high: int64, of each channel; the limits are relative to the zero point.
    """

    rules: Sequence[RescaleRule]
    starts: list[int]
    sizes: list[int]
    rule: RescaleRule
    bound: F64
    zero: I64
    low: I64
    high: I64

    @classmethod
    def of(cls, rules: Sequence[RescaleRule], bounds: Sequence[F64]) -> _Layers:
        """Put layers one behind the other."""
        sizes = [rule.bias.size for rule in rules]
        starts = [0]
        for size in sizes[:-1]:
            starts.append(starts[-1] + size)
        multiplier = Multiplier(
            _joined([rule.multiplier.mantissa for rule in rules], sizes),
            _joined([rule.multiplier.exponent for rule in rules], sizes),
        )
        limits = [(r.zero_point, r.low - r.zero_point, r.high - r.zero_point) for r in rules]
        zero, low, high = np.repeat(np.array(limits, np.int64).T, sizes, axis=1)
        rule = RescaleRule(
            rules[0].rounding,
            _joined([rule.factor for rule in rules], sizes),
            _joined([rule.bias for rule in rules], sizes),
            0,
            0,
            0,
            multiplier,
        )
        return cls(rules, starts, sizes, rule, _joined(bounds, sizes), zero, low, high)

    def forms(self) -> list[Float64Rescale | None]:
        """Prove what can be proven, and cut it into layers."""
        rule, bound = self.rule, self.bound
        m = rule.multiplier
        total = bound + np.abs(rule.bias)
        reach = np.maximum(np.maximum(self.high, -self.low), 0) + 2.0  # beyond it, all is clamped
        once = self._of_each(np.logical_and.reduceat(no_right_shift(m), self.starts))
        form = FORMS[rule.rounding](m, rule.factor, total, reach, once)
        scale, added, half = form.scale, form.nudge, form.half
        bias = rule.bias.astype(np.float64)
        others = ~form.proven
        asked = others | (np.abs(bias) >= _SMALL)
        if asked.any():  # there may be dead channels
            fixed, codes = self._constants(np.flatnonzero(asked))
            others[fixed] = False
            dead = others.copy()
            dead[fixed] = True
            bias, scale, added = (np.where(dead, 0.0, vector) for vector in (bias, scale, added))
            added[fixed], half[fixed] = codes, 0.5
        positive = self.low >= 0  # then the clamp makes floor, truncation and sign all equal
        away = form.signed & ~positive
        # what the sum's sign does not decide is added with the rest, and the bias if it may be
        after, rounded = _sum(added, np.where(away, 0.0, half))
        merged, rounded_bias = _sum(bias * scale, after)
        small = (bound < _SMALL) & (np.abs(bias) < _SMALL) & form.short
        faults = np.stack([rounded | ~(bound < _WHOLE), (bias != 0.0) & (rounded_bias | ~small)])
        unproven, first = np.logical_or.reduceat(faults, self.starts, axis=1)
        offset = np.where(self._of_each(first), after, merged)
        return self._cut(bias, scale, offset, half, others, away, unproven, first)

    def _cut(
        self,
        bias: F64,
        scale: F64,
        offset: F64,
        half: F64,
        others: Flags,
        away: Flags,
        unproven: Flags,
        first: Flags,
    ) -> list[Float64Rescale | None]:
        """Cut the answers into layers.

        others: channels left to the plain rule. away: where half takes the sum's sign. unproven,
        first: of each layer, whether it has no form, and whether its bias is added first.
        """
        left_out = np.add.reduceat(others, self.starts, dtype=np.int64)
        facts = np.logical_or.reduceat(np.stack([offset != 0.0, away]), self.starts, axis=1)
        rows = zip(
            self.rules, self.starts, self.sizes, unproven.tolist(), first.tolist(),
            left_out.tolist(), *facts.tolist(), strict=True,
        )  # fmt: skip
        found: list[Float64Rescale | None] = []
        for rule, start, size, none, bias_first, missing, added, signed in rows:
            if none or missing > size // 4:
                found.append(None)
                continue
            own = slice(start, start + size)
            low = rule.low - rule.zero_point
            found.append(
                Float64Rescale(
                    bias[own] if bias_first else None,
                    scale[own],
                    offset[own] if added else None,
                    half[own] if signed else None,
                    not signed and low < 0,
                    low,
                    rule.high - rule.zero_point,
                    rule.zero_point,
                    size,
                    np.flatnonzero(others[own]) if missing else _NONE,
                    self.bound[own],
                )
            )
        return found

    def _of_each(self, of_layer: Flags) -> Flags:
        """What is true of layers, channel by channel."""
        return np.repeat(of_layer, self.sizes)

    def _constants(self, which: NDArray[np.intp]) -> tuple[NDArray[np.intp], I64]:
        """Those of some channels whose sums all give one code, and it, relative to the zero point.

        The rules never decrease as the sum grows, so equal codes at both ends mean one code
        between.
        """
        which = which[self.bound[which] < _WHOLE]
        rule, bound, zero = self.rule.part(which), self.bound[which], self.zero[which]
        m = rule.multiplier
        limit = bound.astype(np.int64)
        scaled = wrap32(rule.rescaled(np.stack([-limit, limit])) + zero) - zero
        first, last = np.clip(scaled, self.low[which], self.high[which])
        total = bound + np.abs(rule.bias)
        largest = np.ldexp(total * np.abs(m.mantissa), (m.exponent - 31).astype(np.int32))
        safe = (m.mantissa >= 0) & (total < 2.0**31) & (largest < 2.0**30)  # beyond, codes wrap
        if rule.rounding == "double":  # a left shift may wrap
            safe &= m.exponent <= 0
        constant = (first == last) & safe
        return which[constant], first[constant]


def _joined(vectors: Sequence[NDArray[Any]], sizes: Sequence[int]) -> Any:
    """Vectors (size,), or one element for all, one behind the other."""
    return np.concatenate(
        [
            v if v.size == size and v.ndim else np.broadcast_to(v.reshape(-1), (size,))
            for v, size in zip(vectors, sizes, strict=True)
        ]
    )


def _sum(a: F64, b: F64) -> tuple[F64, Flags]:
    """a + b, and where float64 cannot hold the sum."""
    total = np.asarray(a + b)
    error = (a - (total - b)) + (b - (total - a))
    return total, error != 0.0
