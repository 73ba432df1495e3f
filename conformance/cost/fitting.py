"""The fit: a Gaussian process on the logarithm of cycles, in NumPy, without a random number.

Base, slopes and effects (`latency_model`) are normal, around `START` and zero. The logarithm of the
weighed sum is taken as linear in them where the fit stands, solved, and taken again, a few times.
No measurement decides how far they may go: the middle of `GRID` is taken, and the page says what
the rest of it would give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from conformance.cost.measurements import MeasuredTime, operator_times
from refinterp.cost.latency_model import LatencyModel, RunPlace, Spreads, terms

START: Final = np.log(np.array([1.0, 1.0, 1.0, 1.0, 10.0, 10.0, 1000.0, 1.0]))
"""Logarithm of the weights before anything is fitted, in the order of `work.KINDS`, by reckoning
and not by what measurements say: products and gathered bytes alike, ten operations to requantize or
touch a value, a thousand for an operator."""
NOISE: Final = 0.1  # of the logarithm of one measurement
OPERATOR: Final = 0.2  # of that of all operators of one name in a model
EFFECT: Final = 0.2  # of an effect, but
WIDE: Final = 1.0  # of those of cores and styles, and
_ALL: Final = 3.0  # of the one of all
_STEPS: Final = 6
_NEAR: Final = 1e-4
_SLOPED: Final = ("all", "style", "core", "family", "runtime", "chip, runtime")
_WIDE: Final = ("core", "style")


class Setting(NamedTuple):
    """Standard deviations. base: of a weight's logarithm around its start. slope: of slopes."""

    base: float
    slope: float


GRID: Final = tuple(Setting(base, slope) for base in (0.25, 0.5, 1.0) for slope in (0.1, 0.2, 0.4))
MIDDLE: Final = GRID[len(GRID) // 2]

Array = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """All rows as arrays. alike: sort of term → 1 where two rows share the term of that sort."""

    rows: tuple[MeasuredTime, ...]
    amounts: Array
    logs: Array
    noise: Array
    alike: Mapping[str, Array]
    at: Mapping[MeasuredTime, int]


@cache
def _table() -> _Table:
    rows = operator_times()
    names = [list(terms(row.place)) for row in rows]
    alike = {}
    for place, term in enumerate(names[0]):
        own = np.array([name[place] for name in names])
        alike[sort(term)] = (own[:, None] == own[None]).astype(np.float64)
    return _Table(
        rows,
        np.array([row.amounts for row in rows]),
        np.log([row.cycles for row in rows]),
        np.array([OPERATOR if row.operator else NOISE for row in rows]),
        alike,
        {row: place for place, row in enumerate(rows)},
    )


@cache
def _kernels(setting: Setting) -> tuple[Array, Array]:
    """Covariance of any two rows' effects, and what that of their slopes is multiplied with."""
    alike = _table().alike
    effects = sum((_effect(kind) ** 2 * alike[kind] for kind in alike), np.zeros(1))
    slopes = sum((_slope(kind, setting) ** 2 * alike[kind] for kind in _SLOPED), np.zeros(1))
    return effects, slopes


def _effect(kind: str) -> float:
    return _ALL if kind == "all" else WIDE if kind in _WIDE else EFFECT


def _slope(kind: str, setting: Setting) -> float:
    return setting.base if kind == "all" else setting.slope


@dataclass(frozen=True, slots=True, eq=False)
class _Solved:
    """shares (N, kinds), weighed (N,): what a term's slope and effect are sums of over its rows."""

    shares: Array
    weighed: Array


def _solve(which: Index, setting: Setting) -> _Solved:
    table = _table()
    effects, slopes = (kernel[np.ix_(which, which)] for kernel in _kernels(setting))
    amounts, logs = table.amounts[which], table.logs[which]
    noise = np.diag(table.noise[which] ** 2)
    weights = np.tile(START, (which.size, 1))
    shares = weighed = np.zeros(0)
    for _ in range(_STEPS):
        parts = np.exp(weights) * amounts
        total = parts.sum(axis=1)
        shares = parts / total[:, None]
        left = logs - np.log(total) + (shares * (weights - START)).sum(axis=1)
        weighed = np.linalg.solve(effects + slopes * (shares @ shares.T) + noise, left)
        step = START + slopes @ (shares * weighed[:, None]) - weights
        weights = weights + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < _NEAR:
            break
    return _Solved(shares, weighed)


def fit(rows: Sequence[MeasuredTime], setting: Setting = MIDDLE) -> LatencyModel:
    """Fit on rows of totals, and on the times by operator of those that have them."""
    which = _of(rows)
    solved = _solve(which, setting)
    slopes: dict[str, Array] = {}
    effects: dict[str, float] = {}
    own = [_table().rows[place] for place in which]
    for row, shares, weighed in zip(own, solved.shares, solved.weighed.tolist(), strict=True):
        for term in terms(row.place):
            kind = sort(term)
            effects[term] = effects.get(term, 0.0) + _effect(kind) ** 2 * weighed
            if kind in _SLOPED:
                more = _slope(kind, setting) ** 2 * weighed * shares
                slopes[term] = slopes.get(term, np.zeros(START.size)) + more
    held = places(rows)
    return LatencyModel(
        START + slopes.pop("all"), slopes, effects,
        Spreads(EFFECT, WIDE, setting.slope, NOISE), {}, {},
        frozenset((place.chip, place.runtime) for place in held),
        frozenset((place.core, place.runtime) for place in held),
        frozenset(place.core for place in held), frozenset(place.style for place in held),
    )  # fmt: skip


def _of(rows: Sequence[MeasuredTime]) -> Index:
    """Places in the table of rows, and of the times by operator of the same measurements."""
    at = _table().at
    totals = {(row.place, row.task) for row in rows}
    own = [at[row] for row in rows]
    own += [place for row, place in at.items() if row.operator and (row.place, row.task) in totals]
    return np.array(own, np.intp)


def sort(term: str) -> str:
    """A term's name without what it is of: "chip ESP32, runtime esp-nn" is of "chip, runtime"."""
    return ", ".join(part.split()[0] for part in term.split(", "))


def reachable(row: MeasuredTime, rows: Sequence[MeasuredTime]) -> bool:
    """Whether rows say anything of a row's core and of its style; else there is no estimate."""
    return any(one.place.core == row.place.core for one in rows) and any(
        one.place.style == row.place.style for one in rows
    )


def places(rows: Sequence[MeasuredTime]) -> list[RunPlace]:
    """The places of rows, each once."""
    return list(dict.fromkeys(row.place for row in rows))
