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
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from refinterp.numerics.fixedpoint import Multiplier, wrap32
from refinterp.numerics.float64_forms import FORMS, no_right_shift
from refinterp.numerics.float64_rescale import Float64Rescale, stretch
from refinterp.numerics.rescale_rule import RescaleRule

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Flags = NDArray[np.bool_]

_SMALL = 2.0**22  # sums and biases that, times a factor of 31 bits, float64 holds exactly
_WHOLE = 2.0**52  # sums that float64 holds
_NONE = np.empty(0, np.int64)


def find_float64(
    rules: Sequence[RescaleRule], bounds: Sequence[F64], rows: Sequence[int]
) -> list[Float64Rescale | None]:
    """The form of each layer, None where it is proven for too few channels.

    bounds: float64, (channels,) or one for all, the largest |acc| of each layer before the bias.
    rows: elements to repeat each layer's channels over.
    """
    found: list[Float64Rescale | None] = [None] * len(rules)
    alike: dict[str, list[int]] = {}
    for index, rule in enumerate(rules):
        if rule.bias.size:
            alike.setdefault(rule.rounding, []).append(index)
    for own in alike.values():
        layers = _Layers.of([rules[i] for i in own], [bounds[i] for i in own])
        for index, form in zip(own, layers.forms([rows[i] for i in own]), strict=True):
            found[index] = form
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Layers:
    """Rules of one rounding, their channels one behind the other.

    starts: where each layer's channels begin; sizes: how many they are.
    rule: of all channels; its zero point and limits are those of no layer.
    bound: float64, the largest |acc| of each channel.
    """

    rules: Sequence[RescaleRule]
    starts: list[int]
    sizes: list[int]
    rule: RescaleRule
    bound: F64

    @classmethod
    def of(cls, rules: Sequence[RescaleRule], bounds: Sequence[F64]) -> _Layers:
        """Put layers one behind the other."""
        sizes = [rule.bias.size for rule in rules]
        starts = [0, *accumulate(sizes[:-1])]
        factor = _joined([rule.factor for rule in rules], sizes)
        folded = [one for rule in rules if (one := rule.folded) is not None]
        if len(folded) < len(rules):
            multiplier = Multiplier.of(factor)
            folded = [rule.multiplier for rule in rules] if folded else []
        if folded:
            multiplier = Multiplier(
                _joined([one.mantissa for one in folded], sizes),
                _joined([one.exponent for one in folded], sizes),
            )
        bias = _joined([rule.bias for rule in rules], sizes)
        rule = RescaleRule(rules[0].rounding, factor, bias, 0, 0, 0, multiplier)
        return cls(rules, starts, sizes, rule, _joined(bounds, sizes))

    def forms(self, rows: Sequence[int]) -> list[Float64Rescale | None]:
        """Prove what can be proven, and cut it into layers; rows: as in `find_float64`."""
        rule, bound = self.rule, self.bound
        m = rule.multiplier
        bias = rule.bias.astype(np.float64)
        size = np.abs(bias)
        limits = [(rule.low - rule.zero_point, rule.high - rule.zero_point) for rule in self.rules]
        reach = self._of_each([max(high, -low, 0) + 2.0 for low, high in limits])  # all is clamped
        once = self._of_each(np.logical_and.reduceat(no_right_shift(m), self.starts))
        form = FORMS[rule.rounding](m, rule.factor, bound + size, reach, once)
        scale, added, half = form.scale, form.nudge, form.half
        others = ~form.proven
        asked = others | (size >= _SMALL)
        if asked.any():  # there may be dead channels
            fixed, codes = self._constants(np.flatnonzero(asked))
            others[fixed] = False
            dead = others.copy()
            dead[fixed] = True
            bias, scale, added = (np.where(dead, 0.0, vector) for vector in (bias, scale, added))
            size = np.abs(bias)
            added[fixed], half[fixed] = codes, 0.5
        # where nothing below 0 survives the clamp floor, truncation and sign are all equal
        away = form.signed & self._of_each([low < 0 for low, _ in limits])
        # what the sum's sign does not decide is added with the rest, and the bias if it may be
        after, rounded = _sum(added, np.where(away, 0.0, half))
        merged, rounded_bias = _sum(bias * scale, after)
        small = (np.maximum(bound, size) < _SMALL) & form.short
        faults = [rounded | ~(bound < _WHOLE), (bias != 0.0) & (rounded_bias | ~small)]
        unproven, first = np.logical_or.reduceat(faults, self.starts, axis=1)
        offset = np.where(self._of_each(first), after, merged)
        facts = np.logical_or.reduceat([offset != 0.0, away, others], self.starts, axis=1)
        found: list[Float64Rescale | None] = []
        for (low, high), none, bias_first, rule, start, count, row, shifted, signed, left in zip(
            limits, unproven.tolist(), first.tolist(),
            self.rules, self.starts, self.sizes, rows, *facts.tolist(), strict=True,
        ):  # fmt: skip
            own = slice(start, start + count)
            left_out = np.flatnonzero(others[own]) if left else _NONE
            if none or left_out.size > count // 4:
                found.append(None)
                continue
            found.append(
                Float64Rescale(
                    stretch(bias[own], row) if bias_first else None,
                    stretch(scale[own], row),
                    stretch(offset[own], row) if shifted else None,
                    stretch(half[own], row) if signed else None,
                    not signed and low < 0,
                    low,
                    high,
                    rule.zero_point,
                    count,
                    left_out,
                    bound[own],
                )
            )
        return found

    def _of_each(self, of_layers: ArrayLike) -> Any:
        """What is true of layers, channel by channel."""
        return np.repeat(of_layers, self.sizes)

    def _constants(self, which: NDArray[np.intp]) -> tuple[NDArray[np.intp], I64]:
        """Those of some channels whose sums all give one code, and it, relative to the zero point.

        The rules never decrease as the sum grows, so equal codes at both ends mean one code
        between.
        """
        which = which[self.bound[which] < _WHOLE]
        limits = [(r.zero_point, r.low - r.zero_point, r.high - r.zero_point) for r in self.rules]
        of_channels = np.repeat(np.array(limits, np.int64).T, self.sizes, axis=1)
        zero, low, high = of_channels[:, which]
        rule, bound = self.rule.part(which), self.bound[which]
        m = rule.multiplier
        limit = bound.astype(np.int64)
        scaled = wrap32(rule.rescaled(np.stack([-limit, limit])) + zero) - zero
        first, last = np.clip(scaled, low, high)
        total = bound + np.abs(rule.bias)
        largest = np.ldexp(total * np.abs(m.mantissa), (m.exponent - 31).astype(np.int32))
        safe = (m.mantissa >= 0) & (total < 2.0**31) & (largest < 2.0**30)  # beyond, codes wrap
        if rule.rounding == "double":  # a left shift may wrap
            safe &= m.exponent <= 0
        constant = (first == last) & safe
        return which[constant], first[constant]


def _joined(vectors: Sequence[NDArray[Any]], sizes: Sequence[int]) -> Any:
    """Vectors (size,), or one element for all, one behind the other."""
    if [vector.size for vector in vectors] == sizes:
        return np.concatenate([vector.reshape(-1) for vector in vectors])
    given = zip(vectors, sizes, strict=True)
    return np.concatenate([v if v.size == size else v.repeat(size) for v, size in given])


def _sum(a: F64, b: F64) -> tuple[F64, Flags]:
    """The sum, and where float64 cannot hold it."""
    total = np.asarray(a + b)
    error = (a - (total - b)) + (b - (total - a))
    return total, error != 0.0
