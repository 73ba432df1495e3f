"""Energy of an inference, and how long a battery lasts: only where a current is known.

The currents of `currents.json` are of whole chips. Those measured while inference ran are trusted;
data sheets' (of other code, or of nothing but a headline) are not: of the two families for which
both are known, inference takes two to five times the headline.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from statistics import median
from typing import Final

from refinterp.boards.hardware import plain
from refinterp.cost.latency import NoEstimate
from refinterp.cost.quantity import Quantity, amount, digits

FILE: Final = "currents.json"
BAND: Final = 1.3
"""The factor up and down that holds nine of ten currents of a chip, from its others
(`docs/energy.md`)."""
INFERENCE: Final = "inference"
_HOUR: Final = 3600.0
_SPANS: Final = ((8766.0, "years"), (24.0, "days"), (1.0, "hours"), (1 / 60, "minutes"))


@dataclass(frozen=True, slots=True)
class CurrentRow:
    """One published figure. None where the source says nothing.

    chip: as its maker writes it.
    kind: "inference" where int8 ran.
    clock_mhz: in MHz.
    supply: V.
    per_mhz: A for each MHz.
    sleep: A in the mode `sleep_mode`.
    sleep_mode: as its maker calls it.
    source: where it stands.
    """

    chip: str
    kind: str
    clock_mhz: float | None
    supply: float | None
    per_mhz: float | None
    sleep: float | None
    sleep_mode: str
    source: str


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a duty cycle: how long it takes, and the current meanwhile."""

    name: str
    seconds: Quantity
    amperes: Quantity

    @property
    def charge(self) -> Quantity:
        """Ampere-seconds."""
        return self.seconds.times(self.amperes, "As")


@dataclass(frozen=True, slots=True)
class BatteryLife:
    """How long a battery lasts.

    hours: with its band. average: A. shares: phase → part of the charge.
    """

    hours: Quantity
    average: Quantity
    shares: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        """Estimate 1.2 years (0.9..1.6), at 21 µA on average."""
        word = "" if self.hours.basis == "measured" else "estimate "
        scale, unit = next(
            ((s, u) for s, u in _SPANS if self.hours.value >= 1.5 * s), _SPANS[-1]
        )  # fmt: skip
        low, high = (digits(value / scale) for value in (self.hours.low, self.hours.high))
        band = "" if self.hours.basis == "measured" else f" ({low}..{high})"
        return (
            f"{word}{digits(self.hours.value / scale)} {unit}{band}, at "
            f"{amount(self.average.value, 'A')} on average"
        )


@cache
def currents() -> tuple[CurrentRow, ...]:
    """Return every published figure that comes with the package."""
    text = resources.files("refinterp.cost").joinpath(FILE).read_text("utf-8")
    return tuple(CurrentRow(**row) for row in json.loads(text)["rows"])


def rows_of(chip: str, kind: str = "") -> list[CurrentRow]:
    """The figures of a chip, those of the longest name that its own begins with."""
    wanted = plain(chip)
    if not wanted:
        return []
    known = {row.chip for row in currents() if wanted.startswith(plain(row.chip))}
    longest = max(known, key=len, default="")
    return [row for row in currents() if row.chip == longest and kind in ("", row.kind)]


def active_current(chip: str, clock_mhz: float | None) -> Quantity | NoEstimate:
    """Estimate the current of a chip while it infers, from what was measured on this chip."""
    return current_from(rows_of(chip, INFERENCE), chip, clock_mhz)


def current_from(
    rows: Iterable[CurrentRow], chip: str, clock_mhz: float | None
) -> Quantity | NoEstimate:
    """The same from given figures: the median of the current for each MHz, times the clock."""
    known = [row for row in rows if row.per_mhz is not None]
    if not known:
        others = [row for row in rows_of(chip) if row.per_mhz is not None]
        only = (
            f"; {others[0].source} has {amount(others[0].per_mhz or 0, 'A')} a MHz, "
            "but not for inference"
            if others
            else ""
        )
        name = chip or "this chip"
        return NoEstimate(
            f"no current of {name} during inference was published{only}; --current 5.2mA says it"
        )
    if not clock_mhz or not 0 < clock_mhz < math.inf:
        return NoEstimate("the clock is not known; --clock 64M says it")
    value = median(row.per_mhz or 0.0 for row in known) * clock_mhz
    count = len(known)
    why = f"median of {count} chip current{'s' if count > 1 else ''} measured during inference"
    return Quantity(value, value / BAND, value * BAND, "A", "estimate", why)


def usual_supply(chip: str) -> float | None:
    """The supply at which a chip's currents were measured during inference: their median, in V."""
    found = [row.supply for row in rows_of(chip, INFERENCE) if row.supply is not None]
    return median(found) if found else None


def sleep_current(chip: str) -> tuple[Quantity, str] | None:
    """The least current at which a chip is published to sleep, and the mode; None where none is."""
    found = [row for row in rows_of(chip) if row.sleep is not None]
    if not found:
        return None
    least = min(found, key=lambda row: row.sleep or 0.0)
    value = least.sleep or 0.0
    quantity = Quantity(value, value / 2, value * 2, "A", "estimate", least.source)
    return quantity, least.sleep_mode


def energy(seconds: Quantity, amperes: Quantity, volts: float) -> Quantity:
    """Joules of one inference: time, current and supply multiplied, ends of bands as well."""
    return seconds.times(amperes, "J", f"at {volts:g} V; {amperes.why}").scaled(volts)


def battery_life(
    every: float, capacity: float, phases: Iterable[Phase], sleeping: Quantity
) -> BatteryLife | NoEstimate:
    """How long a battery lasts when the phases come every so many seconds, and sleep between.

    every: s. capacity: A s, all of it usable; self-discharge is not counted. sleeping: A.
    """
    phases = tuple(phases)
    busy = sum(phase.seconds.value for phase in phases)
    if busy > every:
        told = ", ".join(f"{phase.name} {phase.seconds}" for phase in phases)
        return NoEstimate(
            f"what comes every {amount(every, 's')} takes {amount(busy, 's')} ({told}); "
            "--every has to be longer"
        )
    left = Quantity(
        every - busy,
        max(0.0, every - sum(phase.seconds.high for phase in phases)),
        every - sum(phase.seconds.low for phase in phases),
        "s",
        "estimate" if any(p.seconds.basis == "estimate" for p in phases) else "measured",
    )
    everything = (*phases, Phase("sleep", left, sleeping))
    charges = [phase.charge for phase in everything]
    total = charges[0]
    for one in charges[1:]:
        total = total.plus(one)
    if total.value <= 0:
        return NoEstimate("nothing takes any current")
    hours = Quantity(
        capacity * every / total.value / _HOUR,
        capacity * every / total.high / _HOUR,
        capacity * every / max(total.low, 1e-30) / _HOUR,
        "h",
        total.basis,
    )
    average = Quantity(total.value / every, total.low / every, total.high / every, "A", total.basis)
    shares = tuple(
        (phase.name, charge.value / total.value)
        for phase, charge in zip(everything, charges, strict=True)
    )
    return BatteryLife(hours, average, shares)
