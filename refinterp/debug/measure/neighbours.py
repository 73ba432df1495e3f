"""How far neighbouring codes of an input are apart, as they are and read as the other 8-bit type.

Pictures, spectra and signals change little from one place to the next. Pixels 0..255 that are taken
for int8 codes byte by byte, without 128 being taken off, jump from 127 to -128 in the middle of
every slope; read as uint8 they are smooth again. The same holds for int8 codes taken for uint8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.measure.ranges import CodeFigures

_SMOOTHER: Final = 2.5  # times, when read as the other type
_PERHAPS: Final = 1.7  # slopes from end to end, as in pictures of full contrast, come to 2
_FEWEST: Final = 256  # pairs of neighbours
_MOST_AT_ENDS: Final = 0.1  # of the codes: more are black and white, whose edges are no slopes
_LEAST_INSIDE: Final = 0.4  # of the codes not near the ends either
_FLAT: Final = 0.25  # of the codes: at the ends they are 127 and 128 of the other type, a flat grey

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Smoothness:
    """How many times smoother codes are as the other type. certain: they have slopes that wrap.

    Codes near both ends only may be black and white as well, and what is not much smoother may be
    texture; what is computed from them then tells.
    """

    times: float
    certain: bool


@dataclass(slots=True)
class NeighbourSums:
    """Sums of |a - b| over neighbouring codes: of the type, and of the other type of 8 bits."""

    pairs: int = 0
    apart: int = 0
    apart_otherwise: int = 0

    def add(self, codes: Array) -> None:
        """Take one sample of 8-bit codes into account, (*shape)."""
        if codes.ndim < 2 or codes.dtype.itemsize != 1:
            return
        axes = (-1,) if codes.ndim == 2 else (-2,) if codes.ndim == 3 else (-2, -3)
        other = codes.view(np.uint8) ^ np.uint8(0x80)
        for axis in axes:
            if codes.shape[axis] < 2:
                continue
            own = np.abs(np.diff(codes.astype(np.int32), axis=axis))
            self.pairs += own.size
            self.apart += int(own.sum(dtype=np.int64))
            flipped = other.view(codes.dtype).astype(np.int32)
            self.apart_otherwise += int(np.abs(np.diff(flipped, axis=axis)).sum(dtype=np.int64))

    def merge(self, other: NeighbourSums) -> None:
        """Take another's samples into account."""
        self.pairs += other.pairs
        self.apart += other.apart
        self.apart_otherwise += other.apart_otherwise

    def reinterpreted(self, codes: CodeFigures) -> Smoothness | None:
        """What the codes are when they are read as the other type; None where that says nothing."""
        if self.pairs < _FEWEST or not self.apart_otherwise or len(codes.histogram) != 256:
            return None
        times = self.apart / self.apart_otherwise
        if times < _PERHAPS:
            return None
        total = sum(codes.histogram)
        inside = sum(codes.histogram[32:224])
        at_ends = codes.low_fraction + codes.high_fraction
        if at_ends > _FLAT:
            return None  # black and white, or data beyond the range
        slopes = at_ends <= _MOST_AT_ENDS and inside >= _LEAST_INSIDE * total
        return Smoothness(times, times >= _SMOOTHER and slopes)
