"""Where a tensor's codes and its reference reals lie on the quantization grid: counts and limits.

Codes are counted one by one. Reals r take the place t = r / scale + zero point on the grid, and
are counted in at most 256 equal bins over its codes, code c covering c - 1/2 ≤ t < c + 1/2, and in
two more for what lies below and above. All are integers, extremes, or exact sums: samples may come
in any order and in parts that are merged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.measure.exact import ExactSum
from refinterp.debug.measure.grid import Grid, folded
from refinterp.graph.model import STORAGE

_BLOCK: Final = 1 << 16
_BINS: Final = 256
_COUNTED: Final = 1 << 16  # types with more codes than this are not counted code by code

Array = NDArray[Any]
Counts = NDArray[np.int64]


def extremes(values: Array, channels: int) -> tuple[Array, Array]:
    """Smallest and largest of flat values, channels last: two arrays (channels,)."""
    if channels == 1:
        return values.min(keepdims=True), values.max(keepdims=True)
    rows = folded(values, channels)
    assert rows is not None
    low, high = rows.min(axis=0), rows.max(axis=0)
    return low.reshape(-1, channels).min(axis=0), high.reshape(-1, channels).max(axis=0)


@dataclass(slots=True)
class CountsAndExtremes:
    """Counts, and the extremes of each channel (channels,): None before the first element."""

    counts: Counts | None = field(default=None, kw_only=True)
    smallest: Array | None = field(default=None, kw_only=True)
    largest: Array | None = field(default=None, kw_only=True)

    def extend(self, smallest: Array, largest: Array) -> None:
        """Take the extremes of more elements into account."""
        if self.smallest is None or self.largest is None:
            self.smallest, self.largest = smallest.copy(), largest.copy()
        else:
            np.minimum(self.smallest, smallest, out=self.smallest)
            np.maximum(self.largest, largest, out=self.largest)

    def merge_counts(self, other: CountsAndExtremes) -> None:
        """Take the counts and extremes of other samples into account."""
        if other.counts is not None:
            self.counts = other.counts + (0 if self.counts is None else self.counts)
        if other.smallest is not None and other.largest is not None:
            self.extend(other.smallest, other.largest)


@dataclass(slots=True)
class TensorCodeSums(CountsAndExtremes):
    """Codes of any number of samples: counts by code, and the extremes of each channel."""

    low: int
    high: int
    channels: int

    def add(self, codes: Array) -> None:
        """Take one sample into account."""
        flat = codes.reshape(-1)
        if not flat.size:
            return
        if self.high - self.low < _COUNTED:
            if self.counts is None:
                self.counts = np.zeros(self.high - self.low + 1, np.int64)
            self.counts += _count_codes(flat, self.low, self.counts.size)
        self.extend(*extremes(flat, self.channels))

    def merge(self, other: TensorCodeSums) -> None:
        """Take all samples of another into account."""
        self.merge_counts(other)

    def figures(self) -> CodeFigures | None:
        """Return the figures, None before the first element."""
        if self.smallest is None or self.largest is None:
            return None
        low_fraction = high_fraction = entropy = math.nan
        histogram: tuple[int, ...] = ()
        if self.counts is not None:
            total = int(self.counts.sum())
            share = self.counts[self.counts > 0] / total
            entropy = max(0.0, -math.fsum((share * np.log2(share)).tolist()))
            low_fraction = int(self.counts[0]) / total
            high_fraction = int(self.counts[-1]) / total
            bins = min(_BINS, self.counts.size)
            histogram = tuple(self.counts.reshape(bins, -1).sum(axis=1).tolist())
        return CodeFigures(
            lowest=int(self.smallest.min()),
            highest=int(self.largest.max()),
            low_fraction=low_fraction,
            high_fraction=high_fraction,
            entropy_bits=entropy,
            histogram=histogram,
            channel_lowest=self.smallest.astype(np.int64),
            channel_highest=self.largest.astype(np.int64),
        )


def _count_codes(flat: Array, low: int, bins: int) -> Counts:
    total = np.zeros(bins, np.int64)
    for start in range(0, flat.size, _BLOCK):
        part = flat[start : start + _BLOCK]
        if low < 0:  # wraps: code - low as an unsigned number
            part = part.view(f"u{part.itemsize}") + part.dtype.type(low).view(f"u{part.itemsize}")
        total += np.bincount(part.astype(np.intp, copy=False), minlength=bins)
    return total


@dataclass(frozen=True, slots=True, eq=False)
class CodeFigures:
    """Codes that occur.

    lowest, highest: over all channels.
    low_fraction, high_fraction: elements at the type's smallest and largest code, whatever put them
        there; nan for types of more than 16 bits.
    entropy_bits: of the codes; nan for types of more than 16 bits.
    histogram: counts over the type's codes in at most 256 equal bins, () for types of more than 16
        bits.
    channel_lowest, channel_highest: of each channel, (channels,).
    """

    lowest: int
    highest: int
    low_fraction: float
    high_fraction: float
    entropy_bits: float
    histogram: tuple[int, ...]
    channel_lowest: NDArray[np.int64]
    channel_highest: NDArray[np.int64]


@dataclass(slots=True)
class RealSums(CountsAndExtremes):
    """Reference reals of any number of samples, placed on a quantized tensor's grid.

    excess: sum of squared distances, in steps, of what lies beyond the grid from its end.
    """

    grid: Grid
    channels: int
    elements: int = 0
    excess: ExactSum = field(default_factory=ExactSum)

    def add(self, reals: Array) -> None:
        """Take one sample into account."""
        flat = reals.reshape(-1)
        if not flat.size:
            return
        self.elements += flat.size
        smallest, largest = extremes(flat, self.channels)
        self.extend(smallest, largest)
        if not (np.isfinite(smallest).all() and np.isfinite(largest).all()):
            return  # their extremes tell; a place on the grid they have not
        if not np.all(self.grid.scale > 0):
            return  # no grid
        if self.counts is None:
            self.counts = np.zeros(min(_BINS, self.grid.high - self.grid.low + 1) + 2, np.int64)
        bins = self.counts.size - 2
        codes = self.grid.high - self.grid.low
        per_bin = np.float32((codes + 1) / bins)
        inside = self._inside(smallest, largest)
        excess = 0.0
        with np.errstate(all="ignore"):
            for start in range(0, flat.size, _BLOCK):
                t = self._places(flat[start : start + _BLOCK], start)
                if not inside:
                    beyond = t.astype(np.float64)
                    beyond -= np.clip(beyond, 0, codes)
                    excess += float(np.einsum("i,i->", beyond, beyond))
                t += np.float32(0.5)
                if per_bin != 1:
                    t /= per_bin
                t += np.float32(1)
                if not inside:
                    np.clip(t, 0, np.float32(bins + 1), out=t)
                self.counts += np.bincount(t.astype(np.intp), minlength=bins + 2)
        self.excess.add(excess)

    def _places(self, reals: Array, start: int) -> Array:
        """Where reals lie, in codes from the grid's low end; start: of them in flat order."""
        t = reals.astype(np.float32)
        scale, zero = _part(self.grid, start, start + t.size)
        t /= scale
        t += zero - self.grid.low
        return t

    def _inside(self, smallest: Array, largest: Array) -> bool:
        """Whether the extremes show that all reals lie on the grid; they do not where channels
        have scales of their own.
        """
        if isinstance(self.grid.scale, np.ndarray) or not self.grid.scale > 0:
            return False
        with np.errstate(all="ignore"):
            low, high = self._places(np.stack((smallest.min(), largest.max())), 0)
        return bool(low >= 0 and high <= self.grid.high - self.grid.low)

    def merge(self, other: RealSums) -> None:
        """Take all samples of another into account."""
        self.elements += other.elements
        self.excess.merge(other.excess)
        self.merge_counts(other)

    def figures(self) -> RealFigures | None:
        """Return the figures, None before the first element."""
        if self.smallest is None or self.largest is None:
            return None
        counts = np.zeros(3, np.int64) if self.counts is None else self.counts
        return RealFigures(
            lowest=float(self.smallest.min()),
            highest=float(self.largest.max()),
            below_fraction=int(counts[0]) / self.elements,
            above_fraction=int(counts[-1]) / self.elements,
            excess_steps=math.sqrt(self.excess.value / self.elements),
            histogram=tuple(counts[1:-1].tolist()),
            channel_lowest=self.smallest.astype(np.float64),
            channel_highest=self.largest.astype(np.float64),
        )


@dataclass(frozen=True, slots=True, eq=False)
class RealFigures:
    """Reference reals that occur.

    lowest, highest: over all channels.
    below_fraction, above_fraction: elements that the grid's ends would cut, by more than half a
        step.
    excess_steps: root mean square over all elements of the part that lies beyond the grid, in
        steps.
    histogram: counts over the grid in at most 256 equal bins.
    channel_lowest, channel_highest: of each channel, (channels,).
    """

    lowest: float
    highest: float
    below_fraction: float
    above_fraction: float
    excess_steps: float
    histogram: tuple[int, ...]
    channel_lowest: NDArray[np.float64]
    channel_highest: NDArray[np.float64]


def _part(grid: Grid, start: int, stop: int) -> tuple[Any, Any]:
    scale, zero = grid.scale, grid.zero_point
    return (
        scale[start:stop].astype(np.float32)
        if isinstance(scale, np.ndarray)
        else np.float32(scale),
        zero[start:stop].astype(np.float32) if isinstance(zero, np.ndarray) else np.float32(zero),
    )


def code_sums(dtype: str, channels: int) -> TensorCodeSums:
    """Start counting codes of a type."""
    limits = np.iinfo(STORAGE[dtype])
    return TensorCodeSums(int(limits.min), int(limits.max), channels)
