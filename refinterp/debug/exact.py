"""Sums that do not depend on the order of their terms."""

from __future__ import annotations

import math
from typing import Final

_SHIFT: Final = 1074  # every finite float64 is a whole number of 2**-1074


class ExactSum:
    """The exact sum of float64 numbers; rounded once, when it is read.

    Adding numbers in any order, or in parts that are merged, gives the same sum bit for bit. Terms
    that are not finite make the sum inf, -inf or nan as float addition does.
    """

    __slots__ = ("_special", "_units")

    def __init__(self) -> None:
        self._units = 0
        self._special = 0.0

    def add(self, value: float) -> None:
        """Add one number."""
        if not math.isfinite(value):
            self._special += value
            return
        numerator, denominator = value.as_integer_ratio()
        self._units += numerator << (_SHIFT + 1 - denominator.bit_length())

    def merge(self, other: ExactSum) -> None:
        """Add all that another sum has been given."""
        self._units += other._units
        self._special += other._special

    @property
    def value(self) -> float:
        """The sum, rounded to the nearest float64; an infinity where it is too large for one."""
        if self._special != 0.0:  # true of nan too
            return self._special
        try:
            return self._units / (1 << _SHIFT)
        except OverflowError:
            return math.inf if self._units > 0 else -math.inf
