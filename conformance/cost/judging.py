"""Cross-validation of the latency model: every error is of a measurement that was held back."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from conformance.cost.fitting import START, fit_effects, fit_weights, predicted, reachable
from conformance.cost.measurements import (
    TASKS,
    MeasuredTime,
    measurements,
    model_file,
    on_device_rows,
    operator_amounts,
)
from refinterp.cost.latency_model import shape, terms

MODEL_SPREAD: Final = 0.2  # as refinterp/cost/latency.py weighs a measured model
PLACE_SPREAD: Final = 0.2
SHARE: Final = 0.97
"""What a band holds of the errors it is taken from; it has to hold 90 percent of others."""
FEWEST: Final = 20
"""Errors of a style that its own band is taken from; of fewer the widest band allowed is taken."""


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A measurement that was held back, and the logarithm of measured over estimated."""

    row: MeasuredTime
    error: float

    @property
    def relative(self) -> float:
        """The estimate's error as a share of what was measured."""
        return abs(math.expm1(-self.error))

    @property
    def factor(self) -> float:
        """The band that would have held it."""
        return math.exp(abs(self.error))


_PROFILED: Final = ("ESP32", "nRF52840")  # chips with times by operator
Key = Callable[[MeasuredTime], Any]


def row_out() -> list[Held]:
    """Each measurement alone is held back; its model may have been measured elsewhere."""
    rows = [row for row in measurements() if _alone(row)]
    return [
        one for row in rows for one in _hold([row], [r for r in measurements() if r is not row])
    ]


def model_out() -> list[Held]:
    """All measurements of a model are held back: it was seen nowhere, its chip and runtime were."""
    found = []
    for task in TASKS:
        rest = [row for row in measurements() if row.task != task]
        found += _hold([row for row in measurements() if row.task == task and _alone(row)], rest)
    return found


def group_out(key: Key, *, model: bool = False) -> list[Held]:
    """All of a group (a runtime, a chip) are held back; model: and their model everywhere."""
    found = []
    for group in sorted({key(row) for row in measurements()}):
        for task in TASKS if model else ("",):
            rest = [r for r in measurements() if key(r) != group and r.task != task]
            held = [r for r in measurements() if key(r) == group and task in ("", r.task)]
            found += _hold([row for row in held if reachable(row, rest)], rest)
    return found


def chip(row: MeasuredTime) -> str:
    """A measurement's chip."""
    return row.place.chip


def family(row: MeasuredTime) -> str:
    """A measurement's runtime, all its versions."""
    return row.place.family


def version(row: MeasuredTime) -> str:
    """A measurement's runtime, this version of it."""
    return row.place.runtime


def observed_out(count: int) -> list[Held]:
    """A chip and a model are held back, but `count` other models' totals on the chip are given."""
    found = []
    for group in sorted({chip(row) for row in measurements()}):
        for task in TASKS:
            rest = [r for r in measurements() if chip(r) != group and r.task != task]
            weights = fit_weights(rest)
            effects = fit_effects(rest, weights)
            held = [r for r in measurements() if chip(r) == group and r.task == task]
            for row in held:
                if not reachable(row, rest):
                    continue
                others = [r for r in measurements() if r.place == row.place and r.task != row.task]
                for given in itertools.combinations(others, count):
                    found.append(Held(row, _error_given(row, given, weights, effects)))
    return found


def _error_given(
    row: MeasuredTime, given: Sequence[MeasuredTime], weights: Mapping[str, Any],
    effects: Mapping[str, float],
) -> float:  # fmt: skip
    own = weights[row.place.style]
    logs = [math.log(one.cycles) - shape(own, one.amounts) for one in given]
    before = sum(effects.get(term, 0.0) for term in terms(row.place))
    weight = len(logs) / MODEL_SPREAD**2 + PLACE_SPREAD**-2
    scale = (sum(logs) / MODEL_SPREAD**2 + before * PLACE_SPREAD**-2) / weight
    return math.log(row.cycles) - shape(own, row.amounts) - scale


def profile_out() -> list[Held]:
    """A model is held back, and another's time by operator on the same chip is given."""
    weights_of: dict[str, Any] = {}
    found = []
    records = [r for r in on_device_rows() if r["record"] == "operator"]
    rows = [r for r in measurements() if r.place.chip in _PROFILED]
    for row in rows:
        if row.place.style == "reference":
            continue
        if row.task not in weights_of:
            rest = [r for r in measurements() if r.task != row.task and chip(r) != chip(row)]
            weights_of[row.task] = fit_weights(rest)
        own = weights_of[row.task].get(row.place.style)
        own = START if own is None else own
        for other in rows:
            if other is row or other.place != row.place:
                continue
            times = _times(records, other)
            total = math.log(other.cycles) - shape(own, other.amounts)
            cycles = 0.0
            for name, amount in operator_amounts(row.task).items():
                expected = float(own @ operator_amounts(other.task).get(name, np.zeros(len(own))))
                rate = times[name] / expected if name in times and expected else math.exp(total)
                cycles += rate * float(own @ amount)
            found.append(Held(row, math.log(row.cycles / cycles)))
    return found


def total_on_profiled_chips() -> float:
    """The median relative error there where one other model's total alone is given."""
    held = [one for one in observed_out(1) if chip(one.row) in _PROFILED]
    return round(float(np.median([one.relative for one in held])), 4)


def _times(records: Sequence[Mapping[str, Any]], row: MeasuredTime) -> dict[str, float]:
    """Cycles by operator of one measured model."""
    target = "esp32" if row.place.chip == "ESP32" else "nano33ble"
    return {
        r["op"]: r["us_per_inference"] * r["cpu_mhz"]
        for r in records
        if r["target"] == target and r["model"] == model_file(row.task)
    }


def _alone(row: MeasuredTime) -> bool:
    """Whether other models were measured in its place, which make it known."""
    return sum(other.place == row.place for other in measurements()) > 1


def _hold(held: Sequence[MeasuredTime], rest: Sequence[MeasuredTime]) -> Iterator[Held]:
    if not held:
        return
    weights = fit_weights(rest)
    effects = fit_effects(rest, weights)
    for row in held:
        yield Held(row, math.log(row.cycles) - predicted(row, weights, effects))


def factor_of(errors: Sequence[Held], share: float = SHARE) -> float:
    """The factor up and down that holds this share of errors, and of one more to come."""
    ordered = sorted(one.factor for one in errors)
    place = math.ceil((len(ordered) + 1) * share) - 1
    return ordered[min(place, len(ordered) - 1)]


def band(errors: Sequence[Held], widest: float) -> dict[str, float]:
    """The band of each style, "any" for styles without: no wider than what is allowed."""
    found = {"any": widest}
    for style in sorted({one.row.place.style for one in errors}):
        own = [one for one in errors if one.row.place.style == style]
        found[style] = min(factor_of(own), widest) if len(own) >= FEWEST else widest
    return found


def covered(errors: Sequence[Held], widest: float) -> float:
    """The share of errors that a band holds which was made without their model."""
    inside = 0
    for task in TASKS:
        own = band([one for one in errors if one.row.task != task], widest)
        for one in errors:
            if one.row.task == task:
                inside += one.factor <= own.get(one.row.place.style, own["any"])
    return inside / len(errors)
