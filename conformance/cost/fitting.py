"""The fit: weights by style from the models of one place, scales from all places.

Two steps, both least squares on logarithms with a penalty (ridge), in NumPy:

1. Weights. The measurements of one chip and runtime differ in their models alone; how they differ
   decides the weights of their style. They are pulled towards `START`.
2. Scales. What is left is a sum of terms (`latency_model.terms`), each pulled to zero, the more
   the less it usually varies (`SPREAD`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from conformance.cost.measurements import MeasuredTime
from refinterp.cost.latency_model import RunPlace, shape, terms

START: Final = np.array([1.0, 1.0, 3.0, 2.0, 15.0, 10.0, 1000.0, 5.0])
"""Weights before anything is fitted, in the order of `work.KINDS`: round numbers, chosen in sight
of the measurements."""
PULL: Final = 0.5  # standard deviation of the logarithm of a weight around its start
NOISE: Final = 0.08  # of the logarithm of one measurement
SPREAD: Final = {
    "all": 4.0, "style": 1.0, "core": 0.3, "core, style": 0.05, "family": 0.04, "runtime": 0.03,
    "chip": 0.02, "chip, runtime": 0.01,
}  # fmt: skip
"""Variances of the terms."""
_STEPS: Final = 40
_STEP: Final = 0.5  # of a logarithm at once

Weights = Mapping[str, NDArray[np.float64]]


def fit_weights(rows: Sequence[MeasuredTime]) -> dict[str, NDArray[np.float64]]:
    """Return the weights of every style among the rows."""
    styles = sorted({row.place.style for row in rows})
    return {style: _weights([row for row in rows if row.place.style == style]) for style in styles}


def _weights(rows: Sequence[MeasuredTime]) -> NDArray[np.float64]:
    amounts = np.array([row.amounts for row in rows])
    logs = np.log([row.cycles for row in rows])
    groups: dict[tuple[str, str], int] = {}
    of = np.array(
        [groups.setdefault((r.place.chip, r.place.runtime), len(groups)) for r in rows], np.intp
    )
    counts = np.bincount(of)
    start = np.log(START)
    found = start.copy()
    for _ in range(_STEPS):
        parts = np.exp(found) * amounts
        total = parts.sum(axis=1)
        error = logs - np.log(total)
        error -= (np.bincount(of, error) / counts)[of]
        slope = -parts / total[:, None]
        means = np.zeros((len(groups), slope.shape[1]))
        np.add.at(means, of, slope)
        slope = slope - (means / counts[:, None])[of]
        left = slope.T @ slope / NOISE**2 + np.eye(start.size) / PULL**2
        right = -(slope.T @ error) / NOISE**2 - (found - start) / PULL**2
        step = np.clip(np.linalg.solve(left, right), -_STEP, _STEP)
        found = found + step
        if np.abs(step).max() < 1e-9:
            break
    return np.exp(found)


def fit_effects(rows: Sequence[MeasuredTime], weights: Weights) -> dict[str, float]:
    """Return the terms' values."""
    left_over = np.array(
        [math.log(row.cycles) - shape(weights[row.place.style], row.amounts) for row in rows]
    )
    names: dict[str, int] = {}
    places = [[names.setdefault(term, len(names)) for term in terms(row.place)] for row in rows]
    which = np.zeros((len(rows), len(names)))
    for at, own in enumerate(places):
        which[at, own] = 1
    penalty = np.diag([1 / SPREAD[_kind(name)] for name in names])
    values = np.linalg.solve(which.T @ which / NOISE**2 + penalty, which.T @ left_over / NOISE**2)
    return dict(zip(names, values.tolist(), strict=True))


def _kind(term: str) -> str:
    """A term's name without what it is of: "chip ESP32, runtime esp-nn" is of "chip, runtime"."""
    return ", ".join(part.split()[0] for part in term.split(", "))


def predicted(row: MeasuredTime, weights: Weights, effects: Mapping[str, float]) -> float:
    """The logarithm of the cycles a fit expects of a row."""
    own = weights.get(row.place.style, START)
    return shape(own, row.amounts) + sum(effects.get(term, 0.0) for term in terms(row.place))


def reachable(row: MeasuredTime, rows: Sequence[MeasuredTime]) -> bool:
    """Whether rows say anything of a row's core and of its style; else there is no estimate."""
    return any(one.place.core == row.place.core for one in rows) and any(
        one.place.style == row.place.style for one in rows
    )


def places(rows: Sequence[MeasuredTime]) -> list[RunPlace]:
    """The places of rows, each once."""
    return list(dict.fromkeys(row.place for row in rows))
