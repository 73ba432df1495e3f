"""The model behind latency estimates: kinds of work, weighed, and scaled by core and runtime.

    log cycles = log(sum over kinds of exp(base + slopes) * amount) + effects

Slopes (a number for each kind) and effects are sums over what a place is: any, its style (how a
runtime's kernels are written), core, core and style, family, runtime, chip, chip and runtime. A
term that was not measured is zero. `refinterp/cost/latency.json` holds the figures; `python -m
conformance.cost.fit` makes them from published measurements.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

FILE: Final = "latency.json"

Effects = Mapping[str, float]
Kinds = NDArray[np.float64]


class RuntimeFacts(NamedTuple):
    """What is known of a runtime.

    name: as it is typed. title: as its maker writes it. family: without its version. style: how its
    kernels are written. drops_dead: whether it leaves dead channels out, as its figures show.
    """

    name: str
    title: str
    family: str
    style: str
    drops_dead: bool = False


class RunPlace(NamedTuple):
    """Where a model runs, as far as the model of latency tells places apart; "" for unknown."""

    core: str
    chip: str
    runtime: str
    family: str
    style: str


class Spreads(NamedTuple):
    """Standard deviations of logarithms, before anything is measured.

    effect: of a term's effect (of a core's and a style's: `wide`). slope: of a term's slope. noise:
    of a measurement.
    """

    effect: float
    wide: float
    slope: float
    noise: float


class TimedWork(NamedTuple):
    """Work that was timed in a place. amounts: (kinds,). cycles: their logarithm."""

    amounts: Kinds
    cycles: float


@dataclass(frozen=True, slots=True, eq=False)
class LatencyModel:
    """Fitted figures.

    base: logarithm of the cycles that an amount of each kind takes, relative (kinds,).
    slopes: name of a term → what it adds to that (kinds,).
    effects: name of a term → what it adds to the sum, as `terms` names them.
    spreads: how much these vary.
    bands: level → style → the factor up and down that holds 90 percent of what was held back.
    runtimes: by name.
    seen: (chip, runtime) that were measured.
    core_runtimes: (core, runtime) that were.
    cores, styles: that were measured at all.
    """

    base: Kinds
    slopes: Mapping[str, Kinds]
    effects: Effects
    spreads: Spreads
    bands: Mapping[str, Mapping[str, float]]
    runtimes: Mapping[str, RuntimeFacts]
    seen: frozenset[tuple[str, str]]
    core_runtimes: frozenset[tuple[str, str]]
    cores: frozenset[str]
    styles: frozenset[str]

    def log_weights(self, place: RunPlace) -> Kinds:
        """Logarithm of the weight of each kind of work in a place: (kinds,)."""
        own = [self.slopes[term] for term in terms(place) if term in self.slopes]
        return self.base + sum(own, np.zeros_like(self.base))

    def log_cycles(self, place: RunPlace, amounts: Kinds, given: Sequence[TimedWork] = ()) -> float:
        """Natural logarithm of the cycles that amounts of work (kinds,) take.

        given: what was timed there beside (`_moved`).
        """
        weights, scale = self._moved(place, given)
        return shape(weights, amounts) + scale

    def log_cycles_by_operator(
        self, place: RunPlace, work: Mapping[str, Kinds], given: Sequence[TimedWork],
        timed: Mapping[str, Sequence[TimedWork]],
    ) -> float:  # fmt: skip
        """The same of work by operator's name, where other models' operators were timed by name.

        An operator that was takes as many times what is expected of it as those did.
        """
        weights, scale = self._moved(place, given)
        total = 0.0
        for name, amounts in work.items():
            off = [one.cycles - shape(weights, one.amounts) for one in timed.get(name, ())]
            total += math.exp(shape(weights, amounts) + (float(np.mean(off)) if off else scale))
        return math.log(max(total, 1.0))

    def _moved(self, place: RunPlace, given: Sequence[TimedWork]) -> tuple[Kinds, float]:
        """Logarithms of a place's weights (kinds,), and its effects' sum.

        given: what was timed there; it moves the place's own slopes and effect, as far as their
        spread and the noise allow (the mean of a Gaussian process, linear at these weights).
        """
        weights, scale = self.log_weights(place), self.scale(place)
        if not given:
            return weights, scale
        slope, effect = self._left_open(place)
        shares = np.array([_shares(weights, one.amounts) for one in given], np.float64)
        off = [one.cycles - shape(weights, one.amounts) - scale for one in given]
        noise = self.spreads.noise**2 * np.eye(len(given), dtype=np.float64)
        known = effect + slope * (shares @ shares.T) + noise
        moved = np.linalg.solve(known, np.array(off, np.float64))
        return weights + slope * (moved @ shares), scale + effect * float(moved.sum())

    def _left_open(self, place: RunPlace) -> tuple[float, float]:
        """Variances of a place's slopes and of its effect: of terms that nothing was known of."""
        level, own = self.level(place), self.spreads
        count = {"known": 1, "board": 2, "runtime": 4}[level]  # of effects: family, runtime, chip
        sloped = {"known": 1, "board": 1, "runtime": 3}[level]  # a chip has no slope
        wide = 0.0 if place.core in self.cores else own.wide**2
        return sloped * own.slope**2, count * own.effect**2 + wide

    def scale(self, place: RunPlace) -> float:
        """All effects of a place."""
        return sum(self.effects.get(term, 0.0) for term in terms(place))

    def level(self, place: RunPlace) -> str:
        """How near what was measured comes to a place.

        known: chip and runtime were measured together; board: the runtime was, on other chips with
        this core; runtime: neither.
        """
        if (place.chip, place.runtime) in self.seen:
            return "known"
        return "board" if (place.core, place.runtime) in self.core_runtimes else "runtime"


def shape(log_weights: Kinds, amounts: Kinds) -> float:
    """Natural logarithm of the weighed amounts (kinds,)."""
    return math.log(max(float(np.exp(log_weights) @ amounts), 1e-9))


def _shares(log_weights: Kinds, amounts: Kinds) -> Kinds:
    """The part of the weighed sum that each kind has: how it answers to that kind's weight."""
    parts = np.exp(log_weights) * amounts
    return parts / max(float(parts.sum()), 1e-9)


def terms(place: RunPlace) -> Iterator[str]:
    """Name the terms that a place has."""
    yield "all"
    yield f"style {place.style}"
    yield f"core {place.core}"
    yield f"core {place.core}, style {place.style}"
    yield f"family {place.family}"
    yield f"runtime {place.runtime}"
    yield f"chip {place.chip}"
    yield f"chip {place.chip}, runtime {place.runtime}"


@cache
def latency_model() -> LatencyModel:
    """Return the figures that come with the package."""
    text = resources.files("refinterp.cost").joinpath(FILE).read_text("utf-8")
    return read_latency_model(json.loads(text))


def read_latency_model(found: Mapping[str, Any]) -> LatencyModel:
    """Take the figures from a document."""
    measured: Sequence[Mapping[str, str]] = found["measured"]
    kinds = found["kinds"]
    return LatencyModel(
        np.array([found["base"][kind] for kind in kinds], np.float64),
        {
            term: np.array([own.get(kind, 0.0) for kind in kinds], np.float64)
            for term, own in found["slopes"].items()
        },
        found["effects"],
        Spreads(**found["spreads"]),
        found["bands"],
        {one["name"]: RuntimeFacts(**one) for one in found["runtimes"]},
        frozenset((one["chip"], one["runtime"]) for one in measured),
        frozenset((one["core"], one["runtime"]) for one in measured),
        frozenset(one["core"] for one in measured),
        frozenset(one["style"] for one in measured),
    )
