"""What data showed of a model's tensors, and how the tensors hang together.

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
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.measure.neighbours import Reading
from refinterp.debug.measure.ranges import CodeFigures, RealFigures
from refinterp.debug.reference.fixed_outputs import fixed_output
from refinterp.debug.reference.shadow import is_code
from refinterp.graph.model import OPTIONAL, STORAGE
from refinterp.graph.operators import facts
from refinterp.graph.spec import TensorSpec
from refinterp.run.prepare import Program, Step

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
    smoother: Reading | None = None

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
        """The median channel's share of its reach from real zero that its values vary over."""
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


class RangeGraph:
    """Who writes and reads what, and which tensors share their codes' meaning."""

    def __init__(self, program: Program, ranges: Mapping[int, ObservedRange]) -> None:
        self.steps = program.steps
        self.specs = program.specs
        self.ranges = {t: one for t, one in ranges.items() if one.usable}
        self.inputs = program.graph.inputs
        self.writer = {t: s for s in self.steps for t in s.outputs}
        self.readers: dict[int, list[Step]] = {}
        for step in self.steps:
            for tensor in dict.fromkeys(step.inputs):
                self.readers.setdefault(tensor, []).append(step)
        self.root = self._roots()

    def _roots(self) -> dict[int, int]:
        """Tensor → the first of those it is tied to by operators that pass codes on."""
        root: dict[int, int] = {}

        def find(tensor: int) -> int:
            while root.get(tensor, tensor) != tensor:
                tensor = root[tensor]
            return tensor

        for step in self.steps:
            if _computes(step.name):
                continue
            for y in step.outputs:
                for x in step.inputs:
                    if x != OPTIONAL and self.specs[x].data is None and self._same(x, y):
                        a, b = sorted((find(x), find(y)))
                        root[b] = a
        return {t: find(t) for t in range(len(self.specs))}

    def _same(self, x: int, y: int) -> bool:
        a, b = self.specs[x], self.specs[y]
        alike = is_code(a) and is_code(b) and a.dtype == b.dtype and a.scale.size == b.scale.size
        return alike and a.scale.size == 1 and a.step == b.step and a.zero == b.zero

    def group(self, tensor: int) -> list[ObservedRange]:
        """All that was seen of tensors that share a tensor's grid."""
        root = self.root[tensor]
        return [one for t, one in self.ranges.items() if self.root[t] == root]

    def passes_on(self, tensor: int) -> bool:
        """Whether a tensor only repeats codes that were written before."""
        step = self.writer.get(tensor)
        if step is None or _computes(step.name):
            return False
        return any(
            x != OPTIONAL and self.specs[x].data is None and self._same(x, tensor)
            for x in step.inputs
        )

    def input_tensors(self) -> list[int]:
        """Quantized tensors that hold the model's data: inputs, or what QUANTIZE makes of them."""
        found = []
        for tensor in self.inputs:
            if is_code(self.specs[tensor]):
                found.append(tensor)
                continue
            found += [
                s.outputs[0] for s in self.readers.get(tensor, ()) if facts(s.name).conversion
            ]
        return [t for t in found if t in self.ranges]

    def computing_readers(self, tensor: int) -> list[ObservedRange]:
        """The first results that are computed from a tensor, each with a range of its own."""
        found, queue, done = [], [tensor], set()
        while queue:
            one = queue.pop()
            for step in self.readers.get(one, ()):
                for y in step.outputs:
                    if y in done:
                        continue
                    done.add(y)
                    if self.root[y] == self.root[tensor]:
                        queue.append(y)
                    elif y in self.ranges and not self.fixed(y):
                        found.append(self.ranges[y])
        return found

    def exceeded(self, tensor: int) -> float:
        """The share of ranges downstream of a tensor, of those that can be, that reals exceed."""
        found, queue, done = [], [tensor], {tensor}
        while queue:
            for step in self.readers.get(queue.pop(), ()):
                for y in set(step.outputs) - done:
                    done.add(y)
                    queue.append(y)
                    if y in self.ranges and not (self.fixed(y) or self.passes_on(y)):
                        clamp = getattr(step.options, "fused_activation_function", "NONE")
                        if clamp not in ("RELU6", "RELU_N1_TO_1"):
                            found.append(self.ranges[y].excess >= CLIPPED_STEPS)
        return sum(found) / len(found) if found else 0.0

    def fixed(self, tensor: int) -> bool:
        """Whether an operator's definition, not calibration, gives a tensor its range."""
        return self._defined(tensor) is not None

    def as_defined(self, tensor: int) -> bool:
        """Whether an operator's definition gives a tensor its range, and the tensor has it."""
        wanted, spec = self._defined(tensor), self.specs[tensor]
        if wanted is None or spec.scale.size != 1:
            return False
        return abs(spec.step - wanted[0]) <= 1e-3 * wanted[0] and spec.zero == wanted[1]

    def _defined(self, tensor: int) -> tuple[float, int] | None:
        step = self.writer.get(tensor)
        if step is None or not step.inputs or step.inputs[0] == OPTIONAL:
            return None
        return fixed_output(step.name, self.specs[step.inputs[0]], self.specs[tensor])


def _computes(name: str) -> bool:
    """Whether an operator's codes are others than those that it reads, whatever the grids are."""
    known = facts(name)
    return known.filter_axis is not None or known.conversion or known.adds or known.multiplies


def enough_values(elements: int, unused: float) -> bool:
    """Whether as many values justify calling a range with so many unused bits too wide."""
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
    """A share in percent; few of many do not look like none."""
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
