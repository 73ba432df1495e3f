"""Durations, currents, capacities and clocks as people type them."""

from __future__ import annotations

import argparse
import math
import re
from typing import Final

PREFIXES: Final = {"n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "": 1.0}
_SECONDS: Final = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "m": 60.0,
    "h": 3600.0, "d": 86400.0,
}  # fmt: skip
_AMPERES: Final = {f"{prefix}a": factor for prefix, factor in PREFIXES.items()}
_AMPERE_SECONDS: Final = {"mah": 3.6, "ah": 3600.0, "uah": 0.0036, "µah": 0.0036}
_HERTZ: Final = {
    "": 1.0,
    "hz": 1.0,
    "k": 1e3,
    "khz": 1e3,
    "m": 1e6,
    "mhz": 1e6,
    "g": 1e9,
    "ghz": 1e9,
}
_VOLTS: Final = {"v": 1.0, "mv": 1e-3, "": 1.0}
_MEASURED: Final = {f"{prefix}{unit}": f for prefix, f in PREFIXES.items() for unit in "sj"}
_NUMBER: Final = re.compile(
    r"\s*((?:[0-9][0-9_,]*(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?)\s*([a-zµμ]*)\s*",
    re.IGNORECASE,
)


def duration(text: str) -> float:
    """Read a time above zero, in s: 12.3ms, 1s, 10min, 1h, 1d."""
    return _read(text, _SECONDS, "time", "12.3ms, 1s, 10min, 1h, 1d")


def current(text: str) -> float:
    """Read a current above zero, in A: 5.2mA, 300nA."""
    return _read(text, _AMPERES, "current", "5.2mA, 12uA, 300nA")


def capacity(text: str) -> float:
    """Read a battery's capacity, in A s: 220mAh, 2Ah."""
    return _read(text, _AMPERE_SECONDS, "capacity", "220mAh, 2Ah")


def clock(text: str) -> float:
    """Read a clock, in MHz: 64M, 64MHz, 48000000."""
    return _read(text, _HERTZ, "clock", "64M, 64MHz, 64000000") / 1e6


def volts(text: str) -> float:
    """Read a voltage, in V: 3V, 1.8, 3300mV."""
    return _read(text, _VOLTS, "voltage", "3V, 1.8V, 3300mV")


def time_or_energy(text: str) -> tuple[float, str]:
    """Read a time or an energy above zero, in s or J, and which of the two: 12.3ms, 450uJ."""
    value = _read(text, _MEASURED, "time or energy", "12.3ms, 1s, 450uJ, 2mJ")
    return value, "J" if text.strip()[-1] in "jJ" else "s"


def phase(text: str) -> tuple[float, float]:
    """Read a time and the current meanwhile, in s and A: 20ms@1.2mA."""
    first, at, second = text.partition("@")
    if not at:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time with its current; write TIME@CURRENT, as 20ms@1.2mA"
        )
    return duration(first), current(second)


def _read(text: str, units: dict[str, float], what: str, allowed: str) -> float:
    found = _NUMBER.fullmatch(text)
    value = math.nan
    if found is not None and found[2].lower() in units:
        number = re.sub("[_,]", "", found[1])
        value = float(number) * units[found[2].lower()]
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no {what} above zero; write {allowed}")
    return value
