"""Sums that do not depend on the order of their terms."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

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


_LIMB: Final = 32  # bits; an int64 limb takes 2**31 additions before it can overflow
_OFFSET: Final = 1126  # float64 mantissas as 53-bit integers start at 2**-1126
_LOW: Final = (1 << _LIMB) - 1
_AT_ONCE: Final = 16  # terms that are cut together, which costs little more than one


class ExactSums:
    """Many sums at once, (n,), each exact and independent of the order of its terms.

    A term is cut into 32-bit limbs at fixed places, and limbs are added as integers. Read back,
    a sum is within a few units in the last place of its largest limb. Not finite terms as above.
    """

    __slots__ = ("_limbs", "_special", "_waiting")

    def __init__(self, count: int) -> None:
        self._limbs: dict[int, NDArray[np.int64]] = {}
        self._special = np.zeros(count)
        self._waiting: list[NDArray[np.float64]] = []

    def add(self, values: NDArray[np.float64]) -> None:
        """Add one number to each sum; values (n,)."""
        self._waiting.append(values.copy())
        if len(self._waiting) == _AT_ONCE:
            self._settle()

    def _settle(self) -> None:
        """Cut the terms that wait into limbs."""
        if not self._waiting:
            return
        values = np.array(self._waiting)
        self._waiting.clear()
        finite = np.isfinite(values)
        if not finite.all():
            with np.errstate(invalid="ignore"):
                self._special += np.where(finite, 0.0, values).sum(axis=0)
            values = np.where(finite, values, 0.0)
        fraction, exponent = np.frexp(values)
        mantissa = np.ldexp(fraction, 53).astype(np.int64)
        places, shift = np.divmod(exponent - 53 + _OFFSET, _LIMB)
        low = (mantissa & _LOW) << shift
        high = (mantissa >> _LIMB) << shift
        parts = (low & _LOW, (low >> _LIMB) + (high & _LOW), high >> _LIMB)
        for place in set(places[mantissa != 0].tolist()):
            here = places == place
            for step, part in enumerate(parts):
                limb = self._limb(place + step)
                limb += np.where(here, part, 0).sum(axis=0)

    @property
    def count(self) -> int:
        """How many sums these are."""
        return self._special.size

    def _limb(self, place: int) -> NDArray[np.int64]:
        limb = self._limbs.get(place)
        if limb is None:
            limb = self._limbs[place] = np.zeros(self._special.size, np.int64)
        return limb

    def merge(self, other: ExactSums) -> None:
        """Add all that other sums, as many, have been given."""
        self._settle()
        other._settle()
        for place, limb in other._limbs.items():
            mine = self._limb(place)
            mine += limb
        with np.errstate(invalid="ignore"):
            self._special += other._special

    @property
    def values(self) -> NDArray[np.float64]:
        """The sums, (n,)."""
        self._settle()
        total = np.zeros(self._special.size)
        if self._limbs:
            first, last = min(self._limbs), max(self._limbs)
            carry = np.zeros(self._special.size, np.int64)
            digits = []
            for place in range(first, last + 1):
                limb = carry + self._limbs.get(place, 0)
                digits.append(limb & _LOW)
                carry = limb >> _LIMB
            with np.errstate(over="ignore"):
                total += np.ldexp(carry.astype(np.float64), _LIMB * (last + 1) - _OFFSET)
                for place, digit in zip(range(last, first - 1, -1), reversed(digits), strict=True):
                    total += np.ldexp(digit.astype(np.float64), _LIMB * place - _OFFSET)
        with np.errstate(invalid="ignore"):
            return np.where(self._special == 0.0, total, self._special)
