"""A quantity with its band, which says whether it was measured or is an estimate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

Basis = Literal["estimate", "measured"]

_SCALES: Final = (
    ("s", ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))),
    ("J", ((1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ"), (1e-9, "nJ"))),
    ("A", ((1.0, "A"), (1e-3, "mA"), (1e-6, "µA"), (1e-9, "nA"))),
    ("W", ((1.0, "W"), (1e-3, "mW"), (1e-6, "µW"), (1e-9, "nW"))),
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value in seconds, joules, amperes or watts (`unit`), between low and high.

    basis: "measured" where somebody measured this very thing, else "estimate". why: where it comes
    from, in words.
    """

    value: float
    low: float
    high: float
    unit: str
    basis: Basis
    why: str = ""

    @classmethod
    def measured(cls, value: float, unit: str, why: str) -> Quantity:
        """What was measured: its band has no width."""
        return cls(value, value, value, unit, "measured", why)

    def scaled(self, factor: float) -> Quantity:
        """So many times as much; factor is not negative."""
        return Quantity(
            self.value * factor, self.low * factor, self.high * factor, self.unit, self.basis,
            self.why,
        )  # fmt: skip

    def plus(self, other: Quantity) -> Quantity:
        """The sum; bands add up end by end, since both may be off in one direction."""
        both = self.basis == other.basis == "measured"
        why = self.why if self.why == other.why else "; ".join(filter(None, (self.why, other.why)))
        return Quantity(
            self.value + other.value, self.low + other.low, self.high + other.high, self.unit,
            "measured" if both else "estimate", why,
        )  # fmt: skip

    def times(self, other: Quantity, unit: str, why: str = "") -> Quantity:
        """The product, in its own unit; ends of bands are multiplied, as for `plus`."""
        both = self.basis == other.basis == "measured"
        return Quantity(
            self.value * other.value, self.low * other.low, self.high * other.high, unit,
            "measured" if both else "estimate", why,
        )  # fmt: skip

    @property
    def spoken(self) -> str:
        """The value, with its band where it is an estimate: what stands under a heading."""
        if self.basis == "measured":
            return amount(self.value, self.unit)
        return str(self).removeprefix("estimate ")

    @property
    def brief(self) -> str:
        """Thousandths of the unit in two digits: 9.8 (6.6..15), 9.8 measured.

        For columns whose heading says the unit, and of estimates that they are.
        """
        value, low, high = (digits(x * 1e3, 2) for x in (self.value, self.low, self.high))
        return f"{value} measured" if self.basis == "measured" else f"{value} ({low}..{high})"

    def __str__(self) -> str:
        """12.3 ms measured, or: estimate 12.3 ms (8.2..18.5 ms)."""
        if self.basis == "measured":
            return f"{amount(self.value, self.unit)} measured"
        scale, name = scale_of(self.value, self.unit)
        low, high = (digits(x / scale) for x in (self.low, self.high))
        return f"estimate {amount(self.value, self.unit)} ({low}..{high} {name})"


def scale_of(value: float, unit: str) -> tuple[float, str]:
    """Return the size of the unit people write a value in, and its name: 1e-3, "ms"."""
    for base, scales in _SCALES:
        if base == unit:
            return next(((s, n) for s, n in scales if abs(value) >= s * 0.9995), scales[-1])
    return 1.0, unit


def amount(value: float, unit: str) -> str:
    """A value as people write it: 12.3 ms, 450 µJ."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    scale, name = scale_of(value, unit)
    return f"{digits(value / scale)} {name}"


def digits(value: float, count: int = 3) -> str:
    """So many digits, and no exponent for numbers of everyday size."""
    if abs(value) >= 10**count - 0.5:  # or rounding would bring an exponent
        return f"{value:,.0f}"
    return f"{value:.{count}g}"
