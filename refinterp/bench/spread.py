"""The middle of many measurements, and how far they lie apart."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, quartiles and extremes of `count` figures."""

    count: int
    least: float
    low: float
    median: float
    high: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise at least one figure."""
        ordered = sorted(values)
        if len(ordered) == 1:
            low, median, high = ordered * 3
        else:
            low, median, high = statistics.quantiles(ordered, n=4, method="inclusive")
        return cls(len(ordered), ordered[0], low, median, high, ordered[-1])
