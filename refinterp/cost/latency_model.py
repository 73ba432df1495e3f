"""The model behind latency estimates: kinds of work, weighed by style, scaled by core and runtime.

    log cycles = log(sum over kinds of weight * amount) + all + style + core + core and style
               + family + runtime + chip + chip and runtime

The weights belong to a runtime's *style* (how its kernels are written), every other term is zero
where nothing was measured. `refinterp/cost/latency.json` holds the figures; `python -m
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


@dataclass(frozen=True, slots=True, eq=False)
class LatencyModel:
    """Fitted figures.

    weights: style → cycles an amount of each kind takes, relative (kinds,). effects: name of a term
    → its value, as `terms` names them. bands: level → style → the factor up and down that holds 90
    percent of what was held back. runtimes: by name. seen: (chip, runtime) that were measured.
    core_runtimes: (core, runtime) that were. cores: that were measured at all.
    """

    weights: Mapping[str, NDArray[np.float64]]
    effects: Effects
    bands: Mapping[str, Mapping[str, float]]
    runtimes: Mapping[str, RuntimeFacts]
    seen: frozenset[tuple[str, str]]
    core_runtimes: frozenset[tuple[str, str]]
    cores: frozenset[str]

    def log_cycles(self, place: RunPlace, amounts: NDArray[np.float64]) -> float:
        """Natural logarithm of the cycles that amounts of work (kinds,) take."""
        return shape(self.weights[place.style], amounts) + self.scale(place)

    def scale(self, place: RunPlace) -> float:
        """All terms but the work's."""
        return sum(self.effects.get(term, 0.0) for term in terms(place))

    def level(self, place: RunPlace) -> str:
        """How near what was measured comes to a place.

        known: chip and runtime were measured together; board: the runtime was, on other chips with
        this core; runtime: neither.
        """
        if (place.chip, place.runtime) in self.seen:
            return "known"
        return "board" if (place.core, place.runtime) in self.core_runtimes else "runtime"


def shape(weights: NDArray[np.float64], amounts: NDArray[np.float64]) -> float:
    """Natural logarithm of the weighed amounts (kinds,)."""
    return math.log(max(float(weights @ amounts), 1e-9))


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
    return LatencyModel(
        {
            style: np.array([weights[kind] for kind in found["kinds"]], np.float64)
            for style, weights in found["weights"].items()
        },
        found["effects"],
        found["bands"],
        {one["name"]: RuntimeFacts(**one) for one in found["runtimes"]},
        frozenset((one["chip"], one["runtime"]) for one in measured),
        frozenset((one["core"], one["runtime"]) for one in measured),
        frozenset(one["core"] for one in measured),
    )
