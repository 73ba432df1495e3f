"""How long an inference takes on a device: an estimate with its band, or what is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from refinterp.boards.hardware import plain
from refinterp.cost.latency_model import (
    LatencyModel,
    RunPlace,
    RuntimeFacts,
    TimedWork,
    latency_model,
    shape,
)
from refinterp.cost.quantity import Quantity
from refinterp.cost.work import (
    OperatorWork,
    amounts,
    drops_channels,
    int8_share,
    operator_work,
)
from refinterp.errors import UsageError
from refinterp.graph.model import Model

LEAST_INT8: Final = 0.9
"""The part of a model's products that must be int8 for an estimate: no other was measured."""
_VECTORS: Final = ("cortex-m55", "cortex-m85")  # cores for which CMSIS-NN has other kernels (MVE)


@dataclass(frozen=True, slots=True)
class NoEstimate:
    """There is no estimate. why: what is not known, and what gives it."""

    why: str

    def __str__(self) -> str:
        return f"no estimate: {self.why}"


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What was measured of one model on the device that is meant.

    model: what ran. seconds: an inference. by_operator: operator's name → seconds of all of them in
    one inference; empty where only the total is known.
    """

    model: Model
    seconds: float
    by_operator: Mapping[str, float] = field(default_factory=dict)


def runtime_names() -> tuple[str, ...]:
    """The runtimes that an estimate can be made for, as they are typed."""
    found = latency_model().runtimes.values()
    names = [one.name for one in found]
    names += [one.family for one in found] + [one.style for one in found]
    return tuple(sorted(dict.fromkeys(names)))


def usual_runtime(core: str) -> str:
    """The runtime that people mean who name none: TFLM with the kernels its core usually has."""
    if core.startswith("esp32"):
        return "esp-nn"
    return "tflm" if core.startswith("cortex-m") else "tflm-reference"


def runtime_facts(name: str) -> RuntimeFacts:
    """Return what is known of a runtime, a family of them or a style; UsageError for others."""
    found = latency_model().runtimes
    if name in found:
        return found[name]
    for field_name in ("family", "style"):
        same = [one for one in found.values() if getattr(one, field_name) == name]
        if same:
            family = name if field_name == "family" else ""
            titles = ", ".join(one.title for one in same)
            return RuntimeFacts("", f"{name} ({titles})", family, same[0].style, False)
    listed = ", ".join(runtime_names())
    raise UsageError(f"{name!r} is no runtime whose times were published; there are {listed}")


def place_of(core: str, runtime: RuntimeFacts, chip: str = "") -> RunPlace:
    """Return where a model runs. core: its canonical name. chip: as its maker writes it, or ""."""
    found = latency_model()
    style = "mve" if runtime.style == "cmsis-nn" and core in _VECTORS else runtime.style
    wanted = plain(chip)
    known = sorted({seen for seen, _ in found.seen}, key=len, reverse=True)
    same = next((one for one in known if wanted and wanted.startswith(plain(one))), chip)
    return RunPlace(core, same, runtime.name, runtime.family, style)


def estimate_latency(
    model: Model,
    *,
    core: str,
    clock_mhz: float | None,
    runtime: str | None = None,
    chip: str = "",
    observed: Sequence[Observation] = (),
) -> Quantity | NoEstimate:
    """Estimate the seconds that one inference of a model takes.

    core: its canonical name (`refinterp boards`). runtime: None for the core's usual one. chip:
    where known, so that figures of this very chip count. observed: what was measured on the device
    of other models. Raises UsageError for a runtime of another name.
    """
    found = latency_model()
    facts = runtime_facts(runtime or usual_runtime(core))
    share = int8_share(model)
    if share < LEAST_INT8:
        return NoEstimate(
            f"{100 * (1 - share):.0f} % of the products are not int8, and only int8 models' times "
            "were published; --measured MODEL=12.3ms says it"
        )
    if not clock_mhz or not math.isfinite(clock_mhz) or clock_mhz <= 0:
        return NoEstimate("the clock is not known; --clock 64M says it")
    if core not in found.cores and not observed:
        listed = ", ".join(sorted(found.cores))
        return NoEstimate(
            f"no time of any model on {core} was published (there are some on {listed}); "
            "--measured MODEL=12.3ms of one model on it gives the others"
        )
    place = place_of(core, facts, chip)
    if place.style not in found.styles:
        return NoEstimate(f"no time of a runtime such as {facts.title} was published")
    level = found.level(place)
    work = operator_work(model, dead=not facts.drops_dead)
    cycles, how = _log_cycles(found, place, work, facts, observed, clock_mhz)
    named = level
    if observed:
        named = "measured" if core in found.cores else "measured, core or style unseen"
    band = _band(found, named, place.style)
    seconds = math.exp(cycles) / (clock_mhz * 1e6)
    low = seconds / band
    why = f"{facts.title} on {place.core} at {clock_mhz:g} MHz; {how or _WORDS[level]}"
    if not facts.name and drops_channels(model):  # it may or may not leave dead channels out
        alive = operator_work(model, dead=False)
        weights = found.log_weights(place)
        low *= math.exp(shape(weights, amounts(alive)) - shape(weights, amounts(work)))
        why += "; less if the runtime drops the model's dead channels"
    return Quantity(seconds, low, seconds * band, "s", "estimate", why)


_WORDS: Final = {
    "known": "other models were measured there",
    "board": "this runtime was measured on other chips with this core",
    "runtime": "this runtime was not measured on this core",
}


def _band(found: LatencyModel, level: str, style: str) -> float:
    own = found.bands[level]
    return own.get(style, own["any"])


def _log_cycles(
    found: LatencyModel, place: RunPlace, work: Sequence[OperatorWork], facts: RuntimeFacts,
    observed: Sequence[Observation], clock_mhz: float,
) -> tuple[float, str]:  # fmt: skip
    """The logarithm of the cycles, and how observations came into it."""
    given = []
    timed: dict[str, list[TimedWork]] = {}
    for one in observed:
        own = operator_work(one.model, dead=not facts.drops_dead)
        given.append(TimedWork(amounts(own), math.log(one.seconds * clock_mhz * 1e6)))
        parts = _by_name(own)
        for name, seconds in one.by_operator.items():
            if name in parts and seconds > 0:
                cycles = math.log(seconds * clock_mhz * 1e6)
                timed.setdefault(name, []).append(TimedWork(parts[name], cycles))
    count = len(observed)
    how = f"scaled by {count} measured model{'s' if count > 1 else ''}" if count else ""
    if not timed:
        return found.log_cycles(place, amounts(work), given), how
    how += f", {len(timed)} operators of which by their own times"
    return found.log_cycles_by_operator(place, _by_name(work), given, timed), how


def _by_name(work: Sequence[OperatorWork]) -> dict[str, NDArray[np.float64]]:
    names = dict.fromkeys(one.name for one in work)
    return {name: amounts([one for one in work if one.name == name]) for name in names}
