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
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.measure.exact import ExactSum, ExactSums
from refinterp.graph.model import STORAGE
from refinterp.graph.spec import TensorSpec

_BLOCK: Final = 1 << 16  # two float64 blocks of it just fit a second-level cache of 1 MiB
_MOST_CHANNELS: Final = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The reals a tensor's codes stand for, element by element in flat order.

    scale, zero_point: one number, or float64 (elements,) where channels have their own. low, high:
    the smallest and largest code of the type.
    """

    scale: float | NDArray[np.float64]
    zero_point: float | NDArray[np.float64]
    low: int
    high: int

    @classmethod
    def of(cls, spec: TensorSpec) -> Grid | None:
        """The grid of a tensor, or None when its elements are reals themselves."""
        dtype = STORAGE[spec.dtype]
        if not spec.quantized or dtype.kind not in "iu":
            return None
        limits = np.iinfo(dtype)
        low, high = int(limits.min), int(limits.max)
        if spec.scale.size == 1:
            return cls(float(spec.scale[0]), float(spec.zero), low, high)
        along = [1] * len(spec.shape)
        along[spec.quantized_dimension] = -1

        def spread(values: NDArray[Any]) -> NDArray[np.float64]:
            channels = values.astype(np.float64).reshape(along)
            return np.broadcast_to(channels, spec.shape).reshape(-1)

        return cls(spread(spec.scale), spread(spec.zero_point), low, high)


def channel_count(spec: TensorSpec) -> int:
    """How many channels a tensor's elements are kept apart by: its last axis, or 1 for none.

    Vectors, very long last axes, and scales along another axis are not divided.
    """
    shape = spec.shape
    if len(shape) < 2 or not 0 < shape[-1] <= _MOST_CHANNELS:
        return 1
    if spec.scale.size > 1 and spec.quantized_dimension != len(shape) - 1:
        return 1
    return shape[-1]


@dataclass(frozen=True, slots=True, eq=False)
class SampleErrors:
    """The sums of one sample; names as in the module's docstring.

    spread: sum((e - mean(e))^2). squared_steps: sum((e / scale)^2), nan without a scale.
    cross: sum(e * r). channels: sums of e, e^2 and r^2, (3, channels).
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


_WIDTH: Final = 128  # columns that make a reduction along rows fast


def folded(values: NDArray[Any], channels: int) -> NDArray[Any] | None:
    """View flat values, channels last, as rows of several pixels each; None if they do not fit."""
    width = channels * max(1, _WIDTH // channels)
    while width > channels and values.size % width:
        width -= channels
    return values.reshape(-1, width) if values.size else None


def sums_by_channel(values: NDArray[np.float64], channels: int) -> NDArray[np.float64]:
    """Sums over flat values, channels last: (channels,)."""
    if channels == 1:
        return np.asarray(values.sum(keepdims=True))
    rows = folded(values, channels)
    assert rows is not None
    total: NDArray[np.float64] = rows.sum(axis=0).reshape(-1, channels).sum(axis=0)
    return total


def squares_by_channel(values: NDArray[np.float64], channels: int) -> NDArray[np.float64]:
    """Sums of squares over flat values, channels last: (channels,)."""
    if channels == 1:
        return np.asarray(np.einsum("i,i->", values, values)).reshape(1)
    rows = folded(values, channels)
    assert rows is not None
    squares: NDArray[np.float64] = np.einsum("ij,ij->j", rows, rows)
    return np.asarray(squares.reshape(-1, channels).sum(axis=0))


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


@dataclass(frozen=True, slots=True)
class ErrorFigures:
    """What the sums of all samples come to; names as in the module's docstring.

    rmse_over_scale: None for a tensor without a scale. clipped_fraction: clipped per element.
    cosine: of the angle between the codes' reals and the references; nan if either is all zero.
    mean_stddev, mean_max_abs_error: the mean over samples of each sample's own standard deviation
    of the error, and of its largest error, as TensorFlow's QuantizationDebugger reports them.
    """

    samples: int
    elements: int
    rmse_over_scale: float | None
    sqnr_db: float
    cosine: float
    max_abs_error: float
    mean_error: float
    mean_squared_error: float
    clipped_fraction: float
    mean_stddev: float
    mean_max_abs_error: float


@dataclass(frozen=True, slots=True, eq=False)
class ChannelErrors:
    """Figures of each channel along the last axis, (channels,); names as in the docstring."""

    rmse_over_scale: NDArray[np.float64]
    sqnr_db: NDArray[np.float64]
    mean_error: NDArray[np.float64]


@dataclass(slots=True)
class ErrorSums:
    """The sums of any number of samples of one tensor; add samples to it, merge others into it."""

    samples: int = 0
    elements: int = 0
    clipped: int = 0
    max_abs_error: float = 0.0
    error: ExactSum = field(default_factory=ExactSum)
    squared_error: ExactSum = field(default_factory=ExactSum)
    squared_steps: ExactSum = field(default_factory=ExactSum)
    squared_reference: ExactSum = field(default_factory=ExactSum)
    cross: ExactSum = field(default_factory=ExactSum)
    stddev: ExactSum = field(default_factory=ExactSum)
    largest: ExactSum = field(default_factory=ExactSum)
    channels: ExactSums | None = None

    def add(self, sample: SampleErrors) -> None:
        """Take one more sample into account."""
        self.samples += 1
        self.elements += sample.elements
        self.clipped += sample.clipped
        self.max_abs_error = _larger(self.max_abs_error, sample.max_abs_error)
        self.error.add(sample.error)
        self.squared_error.add(sample.squared_error)
        self.squared_steps.add(sample.squared_steps)
        self.squared_reference.add(sample.squared_reference)
        self.cross.add(sample.cross)
        self.stddev.add(math.sqrt(sample.spread / sample.elements) if sample.elements else 0.0)
        self.largest.add(sample.max_abs_error)
        if sample.channels.shape[1] > 1:
            if self.channels is None:
                self.channels = ExactSums(sample.channels.size)
            self.channels.add(sample.channels.reshape(-1))

    def merge(self, other: ErrorSums) -> None:
        """Take all samples of another into account, as if they had been added here."""
        self.samples += other.samples
        self.elements += other.elements
        self.clipped += other.clipped
        self.max_abs_error = _larger(self.max_abs_error, other.max_abs_error)
        for mine, theirs in (
            (self.error, other.error),
            (self.squared_error, other.squared_error),
            (self.squared_steps, other.squared_steps),
            (self.squared_reference, other.squared_reference),
            (self.cross, other.cross),
            (self.stddev, other.stddev),
            (self.largest, other.largest),
        ):
            mine.merge(theirs)
        if other.channels is not None:
            if self.channels is None:
                self.channels = ExactSums(other.channels.count)
            self.channels.merge(other.channels)

    def channel_figures(self, scale: NDArray[np.float64] | float) -> ChannelErrors | None:
        """Return the figures of each channel, None where channels are not kept apart.

        scale: of the tensor, or of each channel.
        """
        if self.channels is None or not self.elements:
            return None
        error, squared, power = self.channels.values.reshape(3, -1)
        count = self.elements // error.size
        with np.errstate(all="ignore"):
            return ChannelErrors(
                rmse_over_scale=np.sqrt(squared / count) / scale,
                sqnr_db=np.where(squared == 0, np.inf, 10 * np.log10(power / squared)),
                mean_error=error / count,
            )

    def figures(self, *, scaled: bool = True) -> ErrorFigures:
        """Return the figures; scaled: whether the tensor has a scale to measure errors by."""
        count = self.elements or math.nan
        samples = self.samples or math.nan
        return ErrorFigures(
            samples=self.samples,
            elements=self.elements,
            rmse_over_scale=math.sqrt(self.squared_steps.value / count) if scaled else None,
            sqnr_db=sqnr_db(self.squared_reference.value, self.squared_error.value)
            if self.elements
            else math.nan,
            cosine=_cosine(
                self.squared_reference.value, self.squared_error.value, self.cross.value
            ),
            max_abs_error=self.max_abs_error,
            mean_error=self.error.value / count,
            mean_squared_error=self.squared_error.value / count,
            clipped_fraction=self.clipped / count,
            mean_stddev=self.stddev.value / samples,
            mean_max_abs_error=self.largest.value / samples,
        )


def _larger(a: float, b: float) -> float:
    return float(np.maximum(a, b))  # unlike max(), nan whichever side it is on


def _cosine(reference: float, error: float, cross: float) -> float:
    """Of the angle between r and v = r + e, from sums of r^2, e^2 and e * r."""
    own = reference + 2 * cross + error
    if not (reference > 0 and own > 0 and math.isfinite(reference) and math.isfinite(own)):
        return math.nan
    return max(-1.0, min(1.0, (reference + cross) / math.sqrt(reference) / math.sqrt(own)))


def sqnr_db(signal: float, noise: float) -> float:
    """10 * log10(signal / noise) of two sums of squares: inf without noise, else -inf at 0."""
    if noise == 0.0:
        return math.inf
    if signal == 0.0:
        return -math.inf
    ratio = signal / noise
    if math.isnan(ratio):
        return math.nan
    return 10.0 * math.log10(ratio) if ratio > 0.0 else -math.inf
