"""The errors of one tensor over any number of samples, and the figures they come to.

Sums are exact: figures are equal bit for bit however the samples are batched, ordered, or divided
among workers whose sums are merged. What the figures mean is said in `errors`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.measure.errors import SampleErrors
from refinterp.debug.measure.exact import ExactSum, ExactSums


@dataclass(frozen=True, slots=True)
class ErrorFigures:
    """What the sums of all samples come to; figures as in the docstring of `errors`.

    samples, elements: how many there were.
    rmse_over_scale: None for a tensor without a scale.
    sqnr_db: of the reference over the error.
    cosine: of the angle between the codes' reals and the references; nan if either is all zero.
    max_abs_error: the largest size of an error.
    mean_error, mean_squared_error: over all elements.
    clipped_fraction: clipped per element.
    mean_stddev: the mean over samples of each sample's own standard deviation of the error.
    mean_max_abs_error: the mean over samples of each sample's largest error. Both are as
        TensorFlow's QuantizationDebugger reports them.
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
    """The sums of any number of samples of one tensor; add samples to it, merge others into it.

    samples, elements, clipped: how many there were.
    max_abs_error: the largest so far.
    error, squared_error, squared_steps, squared_reference, cross: as of `SampleErrors`, summed.
    stddev, largest: sums of each sample's standard deviation of the error, and of its largest
        error.
    channels: sums of e, e^2 and r^2 by channel, (3 * channels,); None where there is one channel.
    """

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
