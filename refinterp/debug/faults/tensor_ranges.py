"""The ranges that data showed of a model's tensors.

What counts is where the *reference's* reals lie on a tensor's grid: those of the float run do not
depend on what the quantized run has lost before, so a fault shows at its own tensor only.

Tensors that share their scale and zero point through operators that only pass codes on share their
range: it is too wide only if it is for all of them together.

Thresholds are in bits of an 8-bit grid, 6 dB each: a range is too wide when 1.5 bits of it are not
used, which its rounding noise then costs; it clips when what is cut off costs as much, that is when
the noise of cutting and rounding together is 8 times that of rounding to 256 levels, 1/12 step^2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.measure.neighbours import Smoothness
from refinterp.debug.measure.ranges import CodeFigures, RealFigures
from refinterp.graph.model import STORAGE
from refinterp.graph.spec import TensorSpec

WIDE_BITS: Final = 1.5
CLIPPED_STEPS: Final = math.sqrt(7 / 12)  # of 256: cutting + rounding = 8 * rounding
FEWEST: Final = 64  # elements that must have been seen before a range is called too wide by that
FEW: Final = 16  # fewer than that tell nothing; up to there twice the bits must be unused


@dataclass(frozen=True, slots=True, eq=False)
class ObservedRange:
    """What data showed of one tensor. local_steps: each channel's local error in steps, or None.

    smoother: of an input, what its codes are, read as the other 8-bit type.
    """

    tensor: int
    spec: TensorSpec
    reals: RealFigures
    codes: CodeFigures
    elements: int
    local_steps: NDArray[np.float64] | None = None
    smoother: Smoothness | None = None

    def place(self, real: float) -> float:
        """Where a real lies on the grid, in codes."""
        return real / self.spec.step + self.spec.zero

    @property
    def ends(self) -> tuple[int, int]:
        """The type's smallest and largest code."""
        limits = np.iinfo(STORAGE[self.spec.dtype])
        return int(limits.min), int(limits.max)

    @property
    def levels(self) -> int:
        """Steps from the smallest code to the largest."""
        return self.ends[1] - self.ends[0]

    @property
    def needed(self) -> float:
        """Steps from the smallest real seen to the largest, real zero included.

        A zero point in the middle of a signed type is a scheme's choice: then both sides count.
        """
        low, high = self.place(self.reals.lowest), self.place(self.reals.highest)
        zero = self.spec.zero
        if zero == 0 and self.ends[0] < 0:
            return 2 * max(abs(low), abs(high))
        return max(high, zero) - min(low, zero)

    @property
    def unused_bits(self) -> float:
        """Bits of the grid that no real seen needs; negative where it is too narrow."""
        return math.log2(self.levels / self.needed) if self.needed > 0 else 0.0

    @property
    def span(self) -> float:
        """Steps from the smallest real seen to the largest: an offset from zero is no use."""
        return self.place(self.reals.highest) - self.place(self.reals.lowest)

    @property
    def narrow_bits(self) -> float:
        """Bits of the grid that what is seen does not vary over, however far from zero it is."""
        return math.log2(self.levels / self.span) if self.span > 0 else math.inf

    @property
    def excess(self) -> float:
        """The root mean square of what lies beyond the grid, in 1/255 of it."""
        return self.reals.excess_steps * 255 / self.levels

    @property
    def beyond(self) -> float:
        """How many times the range reaches the farthest real, on the side where it is worst."""
        low, high = self.ends
        zero = self.spec.zero
        reach = [1.0]
        for end, real in ((low, self.reals.lowest), (high, self.reals.highest)):
            if end != zero:
                reach.append((self.place(real) - zero) / (end - zero))
        return max(reach)

    @property
    def beyond_channels(self) -> frozenset[int]:
        """Channels whose reals lie beyond the grid by more than half a step."""
        low, high = self.ends
        least = self.reals.channel_lowest / self.spec.step + self.spec.zero
        most = self.reals.channel_highest / self.spec.step + self.spec.zero
        return frozenset(np.flatnonzero((least < low - 0.5) | (most > high + 0.5)).tolist())

    @property
    def variation(self) -> float:
        """The share of its reach from real zero that the median channel's values vary over."""
        low, high = self.reals.channel_lowest, self.reals.channel_highest
        reach = np.maximum(high, 0) - np.minimum(low, 0)
        used = reach > 0
        return float(np.median((high - low)[used] / reach[used])) if used.any() else 0.0

    @property
    def zero_fraction(self) -> float | None:
        """The share of reals that lie within half a step of 0; None for more than 256 codes."""
        if self.levels > 255 or not self.elements:
            return None
        return self.reals.histogram[self.spec.zero - self.ends[0]] / self.elements

    @property
    def usable(self) -> bool:
        """Whether the grid has one scale and the reals are numbers."""
        return (
            self.spec.scale.size == 1
            and self.spec.step > 0
            and math.isfinite(self.spec.step)
            and math.isfinite(self.reals.lowest)
            and math.isfinite(self.reals.highest)
        )

    def __str__(self) -> str:
        low, high = self.ends
        scale, zero = self.spec.step, self.spec.zero
        return (
            f"{self.spec.name!r}: reals {self.reals.lowest:.4g}..{self.reals.highest:.4g}, range "
            f"{(low - zero) * scale:.4g}..{(high - zero) * scale:.4g}"
        )


def enough_values(elements: int, unused: float) -> bool:
    """Whether so many values are enough to call a range too wide that has so many unused bits."""
    return elements >= FEW and unused >= WIDE_BITS * (1 if elements >= FEWEST else 2)


def clipped_text(observed: ObservedRange) -> str:
    """How much of what was seen the range cuts."""
    figures = observed.reals
    return (
        f"{_share(figures.above_fraction)} of the reals lie more than half a step above and "
        f"{_share(figures.below_fraction)} below, by {figures.excess_steps:.3g} steps root "
        "mean square over all elements (rounding: 0.29)"
    )


def _share(fraction: float) -> str:
    """A share in percent, in which a few of very many do not look like none."""
    if not fraction:
        return "none"
    return "<0.01%" if fraction < 0.0001 else f"{fraction:.2%}"


def wide_text(observed: ObservedRange, unused: float) -> str:
    """How much of the range nothing that was seen needs."""
    bits = math.log2(observed.levels + 1)
    return (
        f"the reals take {observed.needed:.3g} of {observed.levels} steps: {unused:.1f} of "
        f"{bits:.0f} bits ({6.02 * unused:.0f} dB) are not used"
    )
