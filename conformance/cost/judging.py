"""Cross-validation of the latency model: every error is of a measurement that was held back.

setting: what the fits are made with; no figure of it is taken from measurements (`fitting.GRID`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from conformance.cost.fitting import MIDDLE, Setting, fit, reachable
from conformance.cost.measurements import (
    TASKS,
    MeasuredTime,
    drops,
    measurements,
    operator_amounts,
    profile,
    task_work,
)
from refinterp.cost.latency_model import LatencyModel, TimedWork, shape

FEWEST: Final = 20
"""Errors of a style that its own band is taken from; of fewer the widest band allowed is taken."""
_SAME: Final = {"STM32U585": "STM32U575"}
"""Chips that differ in what no model uses (here in cryptography) are held back together."""


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A measurement that was held back, and the logarithm of measured over estimated.

    slack: logarithm of how much further down the band goes, where it is not known whether the
    runtime leaves out dead channels. strange: whether the fit did not see its core, or its style.
    """

    row: MeasuredTime
    error: float
    slack: float = 0.0
    strange: bool = False

    @property
    def relative(self) -> float:
        """The estimate's error as a share of what was measured."""
        return abs(math.expm1(-self.error))

    @property
    def factor(self) -> float:
        """The band that would have held it."""
        return math.exp(max(self.error, -self.error - self.slack))


Key = Callable[[MeasuredTime], Any]
Fold = tuple[MeasuredTime, ...]


def row_out(setting: Setting = MIDDLE) -> list[Held]:
    """Each measurement alone is held back; its model may have been measured elsewhere."""
    rows = [row for row in measurements() if _alone(row)]
    return [
        one
        for row in rows
        for one in _hold([row], [r for r in measurements() if r is not row], setting)
    ]


def model_out(setting: Setting = MIDDLE) -> list[Held]:
    """All measurements of a model are held back: it was seen nowhere, its chip and runtime were."""
    found = []
    for task in TASKS:
        rest = [row for row in measurements() if row.task != task]
        held = [row for row in measurements() if row.task == task and _alone(row)]
        found += _hold(held, rest, setting)
    return found


def group_out(key: Key, setting: Setting = MIDDLE, *, model: bool = False) -> list[Held]:
    """All of a group (a runtime, a chip) are held back; model: and their model everywhere."""
    found = []
    for group in sorted({key(row) for row in measurements()}):
        for task in TASKS if model else ("",):
            rest = [r for r in measurements() if key(r) != group and r.task != task]
            held = [r for r in measurements() if key(r) == group and task in ("", r.task)]
            found += _hold([row for row in held if reachable(row, rest)], rest, setting)
    return found


def chip(row: MeasuredTime) -> str:
    """A measurement's chip."""
    return _SAME.get(row.place.chip, row.place.chip)


def family(row: MeasuredTime) -> str:
    """A measurement's runtime, all its versions."""
    return row.place.family


def version(row: MeasuredTime) -> str:
    """A measurement's runtime, this version of it."""
    return row.place.runtime


def observed_out(count: int, setting: Setting = MIDDLE) -> list[Held]:
    """A chip and a model are held back, but `count` other models' totals on the chip are given."""
    found = []
    for row, rest, others in _on_unseen_chips():
        if not reachable(row, rest):
            continue
        fitted = fitted_on(rest, setting)
        for given in itertools.combinations(others, count):
            found.append(_held(row, fitted, [_total(one) for one in given]))
    return found


def profile_out(setting: Setting = MIDDLE, *, totals: bool = False) -> list[Held]:
    """The same with one other model's time by operator, on the chips that have such.

    totals: its total alone instead, for comparison.
    """
    found = []
    for row, rest, others in _on_unseen_chips():
        fitted = fitted_on(rest, setting)
        for one in others:
            times = profile(one)
            if times:
                found.append(_held(row, fitted, [_total(one)], {} if totals else _by_operator(one)))
    return found


def _total(row: MeasuredTime) -> TimedWork:
    return TimedWork(row.amounts, math.log(row.cycles))


def _by_operator(row: MeasuredTime) -> dict[str, list[TimedWork]]:
    """A measured model's times by operator's name."""
    work = operator_amounts(row.task)
    return {
        name: [TimedWork(work[name], math.log(cycles))] for name, cycles in profile(row).items()
    }


def _on_unseen_chips() -> Iterator[tuple[MeasuredTime, Fold, list[MeasuredTime]]]:
    """Rows, what is left without their chip and their model, and other rows of their place."""
    for row in measurements():
        rest = tuple(r for r in measurements() if chip(r) != chip(row) and r.task != row.task)
        others = [r for r in measurements() if r.place == row.place and r is not row]
        if others:
            yield row, rest, others


def _alone(row: MeasuredTime) -> bool:
    """Whether other models were measured in its place, which make it known."""
    return sum(other.place == row.place for other in measurements()) > 1


@cache
def fitted_on(rows: Fold, setting: Setting) -> LatencyModel:
    """The fit on a fold's rows."""
    return fit(rows, setting)


def _hold(
    held: Sequence[MeasuredTime], rest: Sequence[MeasuredTime], setting: Setting
) -> Iterator[Held]:
    if held:
        fitted = fitted_on(tuple(rest), setting)
        yield from (_held(row, fitted) for row in held)


def _held(
    row: MeasuredTime, fitted: LatencyModel, given: Sequence[TimedWork] = (),
    timed: Mapping[str, Sequence[TimedWork]] | None = None,
) -> Held:  # fmt: skip
    """The error of one; nobody knows of a runtime that was not seen that it drops channels."""
    amounts, slack = row.amounts, 0.0
    if drops(row.place) and all(row.place.runtime != runtime for _, runtime in fitted.seen):
        amounts = task_work(row.task)
        weights = fitted.log_weights(row.place)
        slack = shape(weights, amounts) - shape(weights, row.amounts)
    cycles = (
        fitted.log_cycles_by_operator(row.place, operator_amounts(row.task), given, timed) if timed
        else fitted.log_cycles(row.place, amounts, given)
    )  # fmt: skip
    strange = row.place.core not in fitted.cores or row.place.style not in fitted.styles
    return Held(row, math.log(row.cycles) - cycles, slack, strange)


def factor_of(errors: Sequence[Held], share: float) -> float:
    """The factor up and down that holds this share of errors."""
    ordered = sorted(one.factor for one in errors)
    return ordered[math.ceil(len(ordered) * share) - 1]


def band(errors: Sequence[Held], widest: float) -> dict[str, float]:
    """The band of each style, "any" for styles without: no wider than what is allowed.

    It holds every error: five models are too few to leave the widest out.
    """
    found = {"any": widest}
    for style in sorted({one.row.place.style for one in errors}):
        own = [one for one in errors if one.row.place.style == style]
        found[style] = min(factor_of(own, 1.0), widest) if len(own) >= FEWEST else widest
    return found


def covered(errors: Sequence[Held], basis: Sequence[Held], widest: float) -> float:
    """The share of errors inside a band that was made of others, without their model."""
    inside = 0
    for task in TASKS:
        own = band([one for one in basis if one.row.task != task], widest)
        for one in errors:
            if one.row.task == task:
                inside += one.factor <= own.get(one.row.place.style, own["any"])
    return inside / len(errors)
