"""The axis of a chart: which values are named, and where a value lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

HIGH: Final = 100.0  # of every plot, in its own units
_DECADES: Final = 60  # marks of a logarithmic axis; beyond that, decades are left out
_DWARFS: Final = 12.0  # times the middle value: beyond that an axis by factors shows more


@dataclass(frozen=True, slots=True)
class Axis:
    """Where values lie in a plot. marks: values to name; logarithmic: steps are factors of ten."""

    marks: Sequence[float]
    logarithmic: bool = False

    def y(self, value: float) -> float:
        """Place a value; what lies beyond the marks is drawn at the edge."""
        low, high = self.marks[0], self.marks[-1]
        value = min(max(value, low), high)
        share = (value - low) / (high - low)
        if self.logarithmic:
            share = math.log(value / low) / math.log(high / low)
        return HIGH * (1 - share)

    def places(self, values: NDArray[np.float64]) -> list[float]:
        """Place many values, to a tenth; infinities lie at the edge, nan stays."""
        low, high = self.marks[0], self.marks[-1]
        values = np.clip(values, low, high)
        share = (values - low) / (high - low)
        if self.logarithmic:
            share = np.log(values / low) / math.log(high / low)
        return list((HIGH * (1 - share)).round(1).tolist())

    @property
    def base(self) -> float:
        """Where bars begin: at zero, or where there is none at the lowest mark."""
        return self.y(0.0)

    @property
    def note(self) -> str:
        """What a reader must know."""
        return " (logarithmic)" if self.logarithmic else ""


def axis_of(values: Sequence[float], *, by_factors: bool = True) -> Axis:
    """Choose an axis for finite values: from zero, by factors where one would dwarf the others.

    by_factors: whether that is allowed.
    """
    middle = sorted(values)[len(values) // 2] if values else 0.0
    low, high = min([0.0, *values]), max([0.0, *values])
    if by_factors and low == 0.0 < middle and high > _DWARFS * middle:
        positive = [v for v in values if v > 0]
        first = math.floor(math.log10(max(min(positive), middle / 100)))
        last = math.ceil(math.log10(high) - 1e-9)
        every = max(1, -(-(last - first) // _DECADES))
        powers = range(first, last + every, every)
        return Axis([10.0**power for power in powers], logarithmic=True)
    return Axis(_round_marks(low, high))


def _round_marks(low: float, high: float, most: int = 4) -> list[float]:
    """Round values that cover low to high, at most that many steps apart."""
    extent = high - low
    if not 0 < extent < math.inf:
        return [low, low + 1.0]
    step = 10.0 ** math.floor(math.log10(extent / most))
    step *= next(m for m in (1, 2, 2.5, 5, 10, 20) if extent / (step * m) <= most)
    first, last = math.floor(low / step), math.ceil(high / step - 1e-9)
    return [float(f"{step * i:.12g}") for i in range(first, last + 1)]


def short(value: float) -> str:
    """A number as an axis shows it."""
    return f"{value:.4g}" if abs(value) >= 0.001 or value == 0 else f"{value:.0e}"
