"""How far codes are from the reals they stand for: sums per tensor, streaming and mergeable.

A tensor's codes q (int8 or another integer type) are compared with reference reals r (float32):

error             e = scale * (q - zero point) - r, in float64
rmse_over_scale   sqrt(mean((e / scale)^2)); with a scale per channel, each channel's own. Rounding
                  alone gives 1 / sqrt(12) = 0.289
sqnr_db           10 * log10(sum(r^2) / sum(e^2)); inf without error, -inf if only r is zero
max_abs_error     max(|e|), mean_error: mean(e), mean_squared_error: mean(e^2)
clipped           elements whose code is the type's smallest or largest while r lies beyond that
                  code by more than half a step: the range has cut them. Codes that an activation
                  clamps (zeros of a RELU at the smallest code) are not among them: r ends there too

All means and sums are over all elements of all samples. One sample's sums are taken over blocks of
fixed size; over samples they are exact. So figures are equal bit for bit however the samples are
batched, ordered, or divided among workers whose sums are merged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.measure.grid import Grid, squares_by_channel, sums_by_channel

_BLOCK: Final = 1 << 16  # two float64 blocks of it just fit a second-level cache of 1 MiB


@dataclass(frozen=True, slots=True, eq=False)
class SampleErrors:
    """The sums of one sample; e, r and clipped as in the module's docstring.

    elements: how many there are.
    error: sum(e).
    spread: sum((e - mean(e))^2).
    squared_error: sum(e^2).
    squared_steps: sum((e / scale)^2), nan without a scale.
    squared_reference: sum(r^2).
    cross: sum(e * r).
    max_abs_error: max(|e|).
    clipped: how many elements the range has cut.
    channels: sums of e, e^2 and r^2, (3, channels).
    """

    elements: int
    error: float
    spread: float
    squared_error: float
    squared_steps: float
    squared_reference: float
    cross: float
    max_abs_error: float
    clipped: int
    channels: NDArray[np.float64]


def sample_errors(
    values: NDArray[Any], reference: NDArray[Any], grid: Grid | None, channels: int = 1
) -> SampleErrors:
    """Compare one sample: values and reference hold the same number of elements.

    values: codes, or reals when there is no grid. channels: the size of the last axis by which
    sums are kept apart. The result depends on nothing else.
    """
    values, reference = values.reshape(-1), reference.reshape(-1)
    size = values.size
    sums: list[NDArray[np.float64]] = []
    blocks: list[tuple[int, float, float, float, float]] = []
    largest = 0.0
    clipped = 0
    block = channels * max(1, _BLOCK // channels)
    errors = np.empty(min(size, block), np.float64)
    reals = np.empty_like(errors)
    with np.errstate(all="ignore"):
        for start in range(0, size, block):
            stop = min(start + block, size)
            e, r = errors[: stop - start], reals[: stop - start]
            r[...] = reference[start:stop]
            scale: float | NDArray[np.float64] | None = None
            if grid is None:
                e[...] = values[start:stop]
            else:
                scale, zero = _part(grid.scale, start, stop), _part(grid.zero_point, start, stop)
                clipped += _clipped(values[start:stop], reference[start:stop], grid, scale, zero)
                e[...] = values[start:stop]  # faster than a subtraction that converts
                e -= zero
                e *= scale
            e -= r
            largest = float(np.maximum(largest, np.maximum(e.max(), 0.0 - e.min())))
            steps = _squared(e / scale) if isinstance(scale, np.ndarray) else 0.0
            power = squares_by_channel(r, channels)
            total = sums_by_channel(e, channels)
            cross = float(np.einsum("i,i->", e, r))
            count = e.size // channels
            mean = float(total.sum()) / e.size
            e -= mean
            spread = squares_by_channel(e, channels)
            squared = np.maximum(spread + mean * (2 * total - count * mean), 0.0)
            sums.append(np.array((total, squared, power), np.float64))
            blocks.append((e.size, mean, float(spread.sum()), cross, steps))
        return _total(size, channels, sums, blocks, grid, largest, clipped)


def _total(
    size: int,
    channels: int,
    sums: list[NDArray[np.float64]],
    blocks: list[tuple[int, float, float, float, float]],
    grid: Grid | None,
    largest: float,
    clipped: int,
) -> SampleErrors:
    """Join the blocks' sums: each has its own mean, which the spread about the whole's adds."""
    if len(sums) == 1:
        by_channel = sums[0]
    else:
        by_channel = np.sum(sums, axis=0) if sums else np.zeros((3, channels))
    error = _fsum([n * m for n, m, *_ in blocks])
    mean = error / size if size else 0.0
    spread = _fsum([s + n * (m - mean) ** 2 for n, m, s, *_ in blocks])
    squared = _fsum([s + n * m * m for n, m, s, *_ in blocks])
    if grid is None:
        steps = math.nan
    elif isinstance(grid.scale, float):
        steps = float(np.float64(squared) / np.float64(grid.scale) ** 2)
    else:
        steps = _fsum([part for *_, part in blocks])
    power = float(by_channel[2].sum())
    cross = _fsum([part for *_, part, _ in blocks])
    return SampleErrors(
        size, error, spread, squared, steps, power, cross, largest, clipped, by_channel
    )


def _fsum(terms: list[float]) -> float:
    """The sum rounded once, or what float addition makes of terms that are not finite."""
    return math.fsum(terms) if all(map(math.isfinite, terms)) else sum(terms)


def _part(values: Any, start: int, stop: int) -> Any:
    return values[start:stop] if isinstance(values, np.ndarray) else values


def _squared(values: NDArray[np.float64]) -> float:
    np.multiply(values, values, out=values)
    return float(values.sum())


def _clipped(codes: NDArray[Any], reals: NDArray[Any], grid: Grid, scale: Any, zero: Any) -> int:
    low, high = (grid.low - zero - 0.5) * scale, (grid.high - zero + 0.5) * scale
    count = 0
    if not float(reals.min()) >= np.max(low):  # nan, too
        count += int(np.count_nonzero((reals.astype(np.float64) < low) & (codes == grid.low)))
    if not float(reals.max()) <= np.min(high):
        count += int(np.count_nonzero((reals.astype(np.float64) > high) & (codes == grid.high)))
    return count
