"""Time, energy and battery life of a model on one device, each an estimate or what is missing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from refinterp.cost.energy import (
    BatteryLife,
    Phase,
    active_current,
    battery_life,
    energy,
    sleep_current,
    usual_supply,
)
from refinterp.cost.latency import NoEstimate, Observation, estimate_latency
from refinterp.cost.quantity import Quantity
from refinterp.errors import UsageError
from refinterp.graph.model import Model

_LONG: Final = 10 * 8766.0
"""Hours that no usual battery keeps its charge."""
_NO_BATTERY: Final = "--battery 220mAh and --every 1s"


@dataclass(frozen=True, slots=True)
class DutyCycle:
    """How often a device works, and on what. every: s. capacity: A s. wake, sensor: (s, A).

    sleeping: A; None for what is published of the chip.
    """

    every: float
    capacity: float
    wake: tuple[float, float] | None = None
    sensor: tuple[float, float] | None = None
    sleeping: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Device:
    """Where a model runs, and what its user knows of it.

    core: its canonical name.
    chip: as its maker writes it.
    clock_mhz: in MHz, None where it is not known.
    runtime: None for the core's usual one.
    amperes: while it infers, None where it is not known.
    volts: the supply, likewise.
    duty: how often it infers and on what battery, None where that was not asked about.
    observed: times of other models on it.
    measured: this model's own time ("s") and energy ("J"), where they were measured.
    """

    core: str
    chip: str = ""
    clock_mhz: float | None = None
    runtime: str | None = None
    amperes: float | None = None
    volts: float | None = None
    duty: DutyCycle | None = None
    observed: tuple[Observation, ...] = ()
    measured: Mapping[str, Quantity] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeviceCost:
    """What a model costs on a device. battery: None where no duty cycle was asked about."""

    time: Quantity | NoEstimate
    current: Quantity | NoEstimate
    energy: Quantity | NoEstimate
    battery: BatteryLife | NoEstimate | None = None
    notes: tuple[str, ...] = ()

    def lines(self) -> list[tuple[str, str]]:
        """(label, text) lines for people."""
        found = [("time", _told(self.time))]
        if not isinstance(self.energy, NoEstimate) or isinstance(self.time, Quantity):
            found.append(("energy", _told(self.energy)))
        if self.battery is not None:
            found.append(("battery", str(self.battery)))
            if isinstance(self.battery, BatteryLife):
                parts = [f"{name} {100 * share:.1f} %" for name, share in self.battery.shares]
                found.append(("charge", f"{', '.join(parts)}{_more(self.notes)}"))
        return found


def _told(found: Quantity | NoEstimate) -> str:
    return f"{found}; {found.why}" if isinstance(found, Quantity) and found.why else str(found)


def _more(notes: tuple[str, ...]) -> str:
    return "".join(f"; {note}" for note in notes)


def device_cost(model: Model, device: Device) -> DeviceCost:
    """Estimate what one inference of a model costs on a device, and how long a battery lasts.

    device.measured: this model's own time ("s") and energy ("J"), where they were measured.
    """
    time: Quantity | NoEstimate = device.measured.get("s") or estimate_latency(
        model,
        core=device.core,
        clock_mhz=device.clock_mhz,
        runtime=device.runtime,
        chip=device.chip,
        observed=device.observed,
    )
    current: Quantity | NoEstimate
    if device.amperes is not None:
        current = Quantity.measured(device.amperes, "A", "--current")
    else:
        current = active_current(device.chip, device.clock_mhz)
    supply = device.volts or usual_supply(device.chip)
    spent: Quantity | NoEstimate
    if "J" in device.measured:
        spent = device.measured["J"]
    elif isinstance(time, NoEstimate):
        spent = NoEstimate(f"the time is not known ({time.why})")
    elif isinstance(current, NoEstimate):
        spent = current
    elif supply is None:
        spent = NoEstimate("the supply is not known; --supply 3V says it")
    else:
        spent = energy(time, current, supply)
    battery, notes = _battery(device, time, current, spent, supply)
    return DeviceCost(time, current, spent, battery, notes)


def _battery(
    device: Device, time: Quantity | NoEstimate, current: Quantity | NoEstimate,
    spent: Quantity | NoEstimate, supply: float | None,
) -> tuple[BatteryLife | NoEstimate | None, tuple[str, ...]]:  # fmt: skip
    duty = device.duty
    if duty is None:
        return None, ()
    if isinstance(time, NoEstimate):
        return NoEstimate(f"the time of an inference is not known ({time.why})"), ()
    if "J" in device.measured and isinstance(spent, Quantity):
        if supply is None:
            return NoEstimate("the supply is not known; --supply 3V says it"), ()
        amperes = spent.value / supply / time.value
        current = Quantity.measured(amperes, "A", "the energy measured")
    if isinstance(current, NoEstimate):
        return current, ()
    phases = [
        Phase(name, Quantity.measured(own[0], "s", ""), Quantity.measured(own[1], "A", ""))
        for name, own in (("wake", duty.wake), ("sensor", duty.sensor))
        if own is not None
    ]
    phases.append(Phase("inference", time, current))
    notes: tuple[str, ...] = ()
    if duty.sleeping is not None:
        sleeping = Quantity.measured(duty.sleeping, "A", "--sleep-current")
    else:
        known = sleep_current(device.chip)
        if known is None:
            name = device.chip or "this chip"
            return (
                NoEstimate(f"no current of {name} asleep is known; --sleep-current 2uA says it"),
                (),
            )
        sleeping, mode = known
        notes = (f"asleep in {mode}, as published",)
    life = battery_life(duty.every, duty.capacity, phases, sleeping)
    if sum(phase.seconds.high for phase in phases) > duty.every:
        notes += ("by the band's upper end one time is not over when the next is due",)
    if isinstance(life, BatteryLife) and life.hours.value > _LONG:
        notes += ("a battery discharges itself sooner than that",)
    return life, notes


def read_profile(path: str, model: Model) -> Observation:
    """Read what a user measured by operator: JSON with `operators`, name → ms, and `total_ms`.

    Without a total it is the operators' sum. Raises UsageError, naming the file.
    """
    try:
        found = json.loads(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    except ValueError as error:
        raise UsageError(f"{path}: no JSON: {error}") from None
    operators = found.get("operators") if isinstance(found, dict) else None
    if not isinstance(operators, dict) or not operators:
        raise UsageError(
            f'{path}: no "operators"; allowed: {{"total_ms": 40.1, "operators": {{"CONV_2D": 31.5, '
            "…}}, each the milliseconds of all operators of that name in one inference"
        )
    times = {str(name): _positive(value, f"{path}: {name}") for name, value in operators.items()}
    names = {operator.name for operator in model.subgraphs[0].operators}
    strange = sorted(set(times) - names)
    if strange:
        raise UsageError(
            f"{path}: {strange[0]!r} is no operator of {model.source or 'the model'}, which has "
            f"{', '.join(sorted(names))}"
        )
    total = sum(times.values())
    if "total_ms" in found:
        total = _positive(found["total_ms"], f"{path}: total_ms")
    return Observation(model, total, times)


def _positive(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise UsageError(f"{where} is {value!r}; allowed: milliseconds above 0")
    return float(value) / 1e3
