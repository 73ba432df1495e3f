"""What another range of an activation would lose, against the range the model has.

The reals are the float run's. Ranges are tried on all of them: the smallest and largest value, the
percentiles 99.9 and 99.99 of both ends, and the range of least mean squared error. Three passes
over the samples: extremes, histograms of fixed cells between them, and each range's exact errors.
Outputs whose scale the operator fixes (SOFTMAX and others) are left out, and so are operators that
only move values, whose range is their input's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.measure.error_sums import sqnr_db
from refinterp.debug.measure.exact import ExactSum
from refinterp.debug.study.variants import Variants
from refinterp.graph.model import STORAGE
from refinterp.graph.operators import facts
from refinterp.graph.spec import TensorSpec
from refinterp.run.program import Step

Array = NDArray[Any]
_CELLS: Final = 4096
_TAILS: Final = (("percentile 99.99", 1e-4), ("percentile 99.9", 1e-3))
_FRACTIONS: Final = 32  # of each end of the range, tried for the least error


@dataclass(frozen=True, slots=True)
class TriedRange:
    """One range of a tensor and what it loses. rmse: of the reals; sqnr_db: of these too.

    clipped: the share of values that lie beyond its ends by more than half a step.
    """

    method: str
    scale: float
    zero_point: int
    rmse: float
    sqnr_db: float
    clipped: float


@dataclass(frozen=True, slots=True)
class TensorRanges:
    """The ranges of one tensor: the one the model has, and others, best first."""

    operator: int
    op_name: str
    tensor: int
    name: str
    own: TriedRange
    others: tuple[TriedRange, ...]

    @property
    def gain_db(self) -> float:
        """What the best of the others gains."""
        best = self.others[0].sqnr_db
        return best - self.own.sqnr_db if best > self.own.sqnr_db else 0.0


def better_ranges(
    variants: Variants, stopping: Callable[[], bool] | None = None
) -> tuple[TensorRanges, ...]:
    """Try the ranges of all layers that have a partner in the float model; best gain first.

    stopping: once it says yes between passes, nothing is returned.
    """
    found = _candidates(variants)
    extremes: dict[int, tuple[float, float]] = {}
    histograms: dict[int, Array] = {}
    sums: dict[tuple[int, str], _Errors] = {}
    grids: dict[int, dict[str, tuple[float, int]]] = {}
    followers: dict[int, list[int]] = {}
    for tensor in found:
        followers.setdefault(variants.setup.pairing.tensors[tensor], []).append(tensor)

    def measure_extremes(tensor: int, reals: Array) -> None:
        low, high = extremes.get(tensor, (0.0, 0.0))
        extremes[tensor] = min(low, float(reals.min())), max(high, float(reals.max()))

    def count(tensor: int, reals: Array) -> None:
        low, high = extremes[tensor]
        counts, _ = np.histogram(reals, _CELLS, (low, high) if high > low else (low, low + 1))
        histograms[tensor] = histograms.get(tensor, 0) + counts

    def try_ranges(tensor: int, reals: Array) -> None:
        for method, (scale, zero) in grids[tensor].items():
            sums.setdefault((tensor, method), _Errors()).add(
                reals, scale, zero, variants.program.specs[tensor]
            )

    for each in (measure_extremes, count, try_ranges):
        if stopping is not None and stopping():
            return ()
        variants.trials.float_run([_Watch(followers, each)])
        if each is count:
            for tensor in histograms:
                spec = variants.program.specs[tensor]
                grids[tensor] = _grids(spec, *extremes[tensor], histograms[tensor])
    results = [
        TensorRanges(
            step.operator,
            step.name,
            tensor,
            variants.program.specs[tensor].name,
            *_figures(tensor, grids[tensor], sums),
        )
        for tensor, step in found.items()
        if tensor in grids
    ]
    return tuple(sorted(results, key=lambda one: (-one.gain_db, one.tensor)))


def _candidates(variants: Variants) -> dict[int, Step]:
    program = variants.program
    return {
        tensor: step
        for step in variants.steps
        for tensor in step.outputs
        if tensor in variants.setup.grids
        and tensor in variants.setup.pairing.tensors
        and program.specs[tensor].scale.size == 1
        and not facts(step.name).fixed
    }


@dataclass(frozen=True, slots=True)
class _Watch:
    """An observer of the float run. followers: float tensor → tensors that hold the same reals."""

    followers: Mapping[int, Sequence[int]]
    look: Callable[[int, Array], None]

    def __call__(
        self, moment: str, step: Step, inputs: Sequence[Array | None], outputs: Sequence[Array]
    ) -> None:
        """Look at what an operator has just written."""
        if moment == "after":
            for tensor, array in zip(step.outputs, outputs, strict=True):
                for follower in self.followers.get(tensor, ()):
                    reals = array[np.isfinite(array)]
                    if reals.size:
                        self.look(follower, reals)


class _Errors:
    """The errors of one range over samples."""

    def __init__(self) -> None:
        self.count, self.clipped = 0, 0
        self.error, self.power = ExactSum(), ExactSum()

    def add(self, reals: Array, scale: float, zero: int, spec: TensorSpec) -> None:
        values = reals.astype(np.float64)
        limits = np.iinfo(STORAGE[spec.dtype])
        with np.errstate(all="ignore"):
            exact = values / scale + zero
            codes = np.clip(np.rint(exact), limits.min, limits.max)
            errors = scale * (codes - zero) - values
        self.count += values.size
        self.clipped += int(np.sum((exact < limits.min - 0.5) | (exact > limits.max + 0.5)))
        self.error.add(float(np.sum(errors**2)))
        self.power.add(float(np.sum(values**2)))


def _figures(
    tensor: int, grids: Mapping[str, tuple[float, int]], sums: Mapping[tuple[int, str], _Errors]
) -> tuple[TriedRange, tuple[TriedRange, ...]]:
    ranges = []
    for method, (scale, zero) in grids.items():
        found = sums[tensor, method]
        ranges.append(
            TriedRange(
                method,
                scale,
                zero,
                float(np.sqrt(found.error.value / found.count)),
                sqnr_db(found.power.value, found.error.value),
                found.clipped / found.count,
            )
        )
    own, *others = ranges
    return own, tuple(sorted(others, key=lambda one: one.rmse))


def _grids(
    spec: TensorSpec, low: float, high: float, counts: Array
) -> dict[str, tuple[float, int]]:
    """Scale and zero point of the model's range and of those to try."""
    edges = np.linspace(low, high if high > low else low + 1, _CELLS + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    total = counts.sum()
    below = np.cumsum(counts, dtype=counts.dtype)
    grids = {"model": (spec.step, spec.zero), "min/max": grid_of(spec, low, high)}
    for name, tail in _TAILS:
        first = int(np.searchsorted(below, tail / 2 * total, "right"))
        last = int(np.searchsorted(below, (1 - tail / 2) * total, "left"))
        grids[name] = grid_of(spec, float(edges[first]), float(edges[min(last, _CELLS - 1) + 1]))
    best = None
    used = np.flatnonzero(counts)
    for lower in _ends(low):
        for upper in _ends(high):
            scale, zero = grid_of(spec, lower, upper)
            limits = np.iinfo(STORAGE[spec.dtype])
            codes = np.clip(np.rint(centres[used] / scale + zero), limits.min, limits.max)
            error = float(counts[used] @ (scale * (codes - zero) - centres[used]) ** 2)
            if best is None or error < best[0]:
                best = error, (scale, zero)
    assert best is not None
    grids["least squares"] = best[1]
    return grids


def _ends(end: float) -> Array:
    if end == 0:
        return np.zeros(1)
    return end * np.arange(_FRACTIONS // 4, _FRACTIONS + 1, dtype=np.int64) / _FRACTIONS


def grid_of(spec: TensorSpec, low: float, high: float) -> tuple[float, int]:
    """The scale and zero point of a range, which is widened to hold 0; 16 bits are symmetric."""
    limits = np.iinfo(STORAGE[spec.dtype])
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return 1.0, 0
    if spec.dtype == "int16":
        return float(np.float32(max(-low, high) / int(limits.max))), 0
    scale = float(np.float32((high - low) / (int(limits.max) - int(limits.min))))
    if scale == 0.0:
        return 1.0, 0
    zero = int(np.clip(np.rint(int(limits.min) - low / scale), limits.min, limits.max))
    return scale, zero
