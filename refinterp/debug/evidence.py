"""Faults that data shows: ranges that do not fit it, inputs fed wrongly, channels that stand still.

What counts is where the *reference's* reals lie on a tensor's grid: those of the float run do not
depend on what the quantized run has lost before, so a fault shows at its own tensor only.

Thresholds are in bits of an 8-bit grid, 6 dB each: a range is too wide when 1.5 bits of it are not
used, which its rounding noise then costs; it clips when what is cut off costs as much, that is when
the noise of cutting and rounding together is 8 times that of rounding to 256 levels, 1/12 step^2.
Tensors that share their scale and zero point through operators that only pass codes on share their
range: it is too wide only if it is for all of them together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.contract import BITS_APART, KEPT_BITS, fixed_output
from refinterp.debug.fault import Fault
from refinterp.debug.products import CHANNEL_AXIS, Product
from refinterp.debug.ranges import CodeFigures, RealFigures
from refinterp.debug.shadow import CONVERSIONS, is_code
from refinterp.graph.model import OPTIONAL, STORAGE
from refinterp.graph.spec import TensorSpec
from refinterp.run.prepare import Program, Step

WIDE_BITS: Final = 1.5
CLIPPED_STEPS: Final = math.sqrt(7 / 12)  # of 256: cutting + rounding = 8 * rounding
_FEWEST: Final = 64  # elements that must have been seen before a range is called too wide by that
_FEW: Final = 16  # fewer than that tell nothing; up to there twice the bits must be unused
_BEYOND: Final = 1.5  # times the range: data, not calibration, is off where the rest agrees
_FAR: Final = 64.0  # times the range, which no calibration is off by
_MOST: Final = 0.5  # of the ranges downstream
_COLLAPSED: Final = 0.25  # of a channel's reach that its values vary over, the rest being offset
_CONSTANT: Final = 0.1  # the same, where hardly anything but the offset is left
_GROSS_BITS: Final = 4.0  # unused bits of an input that no calibration leaves: a factor of 16
_NEGATIVE: Final = 0.05  # share of data below an input range that starts at 0
_COMPUTING: Final = frozenset({*CHANNEL_AXIS, "ADD", "SUB", "MUL", *CONVERSIONS})
_LOCAL_STEPS: Final = 2.0  # what the operator itself must lose on a channel to have stopped it
_ALIVE_STEPS: Final = 16.0  # 4 bits: what a channel's reference moves over if it says something


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What data showed of one tensor. local_steps: each channel's local error in steps, or None."""

    tensor: int
    spec: TensorSpec
    reals: RealFigures
    codes: CodeFigures
    elements: int
    local_steps: NDArray[np.float64] | None = None

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
    def variation(self) -> float:
        """The median channel's share of its reach from real zero that its values vary over."""
        low, high = self.reals.channel_lowest, self.reals.channel_highest
        reach = np.maximum(high, 0) - np.minimum(low, 0)
        used = reach > 0
        return float(np.median((high - low)[used] / reach[used])) if used.any() else 0.0

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


def data_faults(
    program: Program,
    seen: Mapping[int, Seen],
    dead: Mapping[int, frozenset[int]],
    operators: Sequence[Product],
    *,
    right_data: bool,
) -> list[Fault]:
    """Return the faults that data shows.

    seen: what it showed, by tensor of the program's subgraph. dead: operator → channels that stand
    still for every input. right_data: whether labels have shown that the data is what the
    reference expects.
    """
    graph = _Graph(program, seen)
    faults = [*_inputs(graph, right_data), *_joins(graph)]
    blamed = {f.tensor for f in faults}
    faults += _ranges(graph, blamed)
    faults += _still(operators, seen, dead)
    faults += _overwhelming(operators, seen)
    return faults


class _Graph:
    """Who writes and reads what, and which tensors share their codes' meaning."""

    def __init__(self, program: Program, seen: Mapping[int, Seen]) -> None:
        self.steps = program.steps
        self.specs = program.specs
        self.seen = {t: one for t, one in seen.items() if one.usable}
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
            if step.name in _COMPUTING:
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

    def group(self, tensor: int) -> list[Seen]:
        """All that was seen of tensors that share a tensor's grid."""
        root = self.root[tensor]
        return [one for t, one in self.seen.items() if self.root[t] == root]

    def passes_on(self, tensor: int) -> bool:
        """Whether a tensor only repeats codes that were written before."""
        step = self.writer.get(tensor)
        if step is None or step.name in _COMPUTING:
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
            found += [s.outputs[0] for s in self.readers.get(tensor, ()) if s.name == "QUANTIZE"]
        return [t for t in found if t in self.seen]

    def computing_readers(self, tensor: int) -> list[Seen]:
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
                    elif y in self.seen and not self.fixed(y):
                        found.append(self.seen[y])
        return found

    def exceeded(self, tensor: int) -> float:
        """The share of ranges downstream of a tensor, of those that can be, that reals exceed."""
        found, queue, done = [], [tensor], {tensor}
        while queue:
            for step in self.readers.get(queue.pop(), ()):
                for y in set(step.outputs) - done:
                    done.add(y)
                    queue.append(y)
                    if y in self.seen and not (self.fixed(y) or self.passes_on(y)):
                        clamp = getattr(step.options, "fused_activation_function", "NONE")
                        if clamp not in ("RELU6", "RELU_N1_TO_1"):
                            found.append(self.seen[y].excess >= CLIPPED_STEPS)
        return sum(found) / len(found) if found else 0.0

    def fixed(self, tensor: int) -> bool:
        """Whether an operator's definition, not calibration, gives a tensor its range."""
        step = self.writer.get(tensor)
        if step is None or not step.inputs:
            return False
        x = step.inputs[0]
        return fixed_output(step.name, self.specs[x], self.specs[tensor]) is not None


# The input


def _inputs(graph: _Graph, right_data: bool) -> Iterator[Fault]:
    for tensor in graph.input_tensors():
        seen = graph.seen[tensor]
        verdict = _input(seen, graph.computing_readers(tensor), graph.exceeded(tensor), right_data)
        if verdict is None:
            continue
        id_, text = verdict
        writer = graph.writer.get(tensor)
        places = [writer] if writer is not None else graph.readers.get(tensor, [])
        for step in places:
            yield Fault(id_, "error", step.operator, tensor, f"input {seen}; {text}", measured=True)


def _input(
    seen: Seen, readers: Sequence[Seen], exceeded: float, right_data: bool
) -> tuple[str, str] | None:
    """What is wrong with an input, and how it shows.

    An input whose own grid is wrong is quantized badly, but the float run knows nothing of it;
    data that is fed wrongly moves all that the float run computes from it. exceeded: the share of
    the ranges downstream that the float run exceeds.
    """
    unused = seen.unused_bits
    later = float(np.median([r.unused_bits for r in readers])) if readers else 0.0
    low, high = seen.ends
    figures = seen.reals
    clipped = seen.excess >= CLIPPED_STEPS
    cut = figures.below_fraction + figures.above_fraction
    if clipped and not right_data:
        if seen.spec.zero == low and figures.below_fraction >= _NEGATIVE:
            return (
                "input_scaling",
                f"{figures.below_fraction:.1%} of the data is negative, which this range has no "
                "code for",
            )
        span = seen.place(figures.highest) - seen.place(figures.lowest)
        if span <= seen.levels * 1.05:
            off = max(low - seen.place(figures.lowest), seen.place(figures.highest) - high)
            return (
                "input_scaling",
                f"the data would fit, but lies {off:.0f} steps beside the range ({cut:.1%} of it "
                "is cut): the zero point is another's",
            )
        moved = seen.beyond >= _BEYOND and exceeded >= _MOST
        if moved or seen.beyond >= _FAR:
            return (
                "input_scaling",
                f"the data goes {seen.beyond:.3g} times as far as the range ({cut:.1%} of it is "
                "cut)"
                + f", and {exceeded:.0%} of the ranges of what is computed from it are exceeded"
                * moved,
            )
    if clipped:
        return "range_clipped", _clipped_text(seen)
    if _enough(seen.elements, unused):
        conventional = _conventional(seen)
        variation = min((r.variation for r in readers), default=1.0)
        strange = later >= 1.0 or any(r.excess >= CLIPPED_STEPS for r in readers)
        gross = unused >= _GROSS_BITS
        moved = (
            exceeded >= _MOST
            or (strange and (conventional or gross or variation < _COLLAPSED))
            or (gross and variation < _CONSTANT)
        )
        if moved and not right_data:
            return (
                "input_scaling",
                f"the data takes 1/{2**unused:.3g} of the range ({unused:.1f} of "
                f"{math.log2(seen.levels + 1):.0f} bits unused), and what is computed from it does "
                f"not fit its ranges either: {max(later, 0.0):.1f} bits of them are unused"
                + (f"; {exceeded:.0%} of all ranges are exceeded" if exceeded else ""),
            )
        return "range_too_wide", _wide_text(seen, unused)
    if _half_used(seen) and not right_data:
        return (
            "input_scaling",
            "the range is -1..1, but the data never goes below 0: it looks scaled to 0..1",
        )
    return None


def _enough(elements: int, unused: float) -> bool:
    """Whether as many values justify calling a range with so many unused bits too wide."""
    return elements >= _FEW and unused >= WIDE_BITS * (1 if elements >= _FEWEST else 2)


def _conventional(seen: Seen) -> bool:
    """Whether range and data are two of the usual scalings: 0..255 and 0..1 or -1..1, and so on."""
    top = (seen.ends[1] - seen.spec.zero) * seen.spec.step
    largest = max(abs(seen.reals.lowest), abs(seen.reals.highest))
    usual = (1.0, 127.5, 255.0)
    return any(abs(top / one - 1) < 0.02 for one in usual) and any(
        0.5 < largest / one <= 1.02 for one in usual
    )


def _half_used(seen: Seen) -> bool:
    low, high = seen.ends
    scale = seen.spec.step * seen.levels / 2
    centred = abs(seen.spec.zero - (low + high) / 2) <= 1
    data = seen.reals
    return (
        seen.levels == 255
        and centred
        and abs(scale - 1) < 0.02
        and data.lowest >= 0
        and 0.5 < data.highest <= 1.0 + seen.spec.step
        and seen.elements >= _FEWEST
    )


# Ranges


def _clipped_text(seen: Seen) -> str:
    figures = seen.reals
    return (
        f"{figures.above_fraction:.2%} of the reals lie above and {figures.below_fraction:.2%} "
        f"below, by {figures.excess_steps:.3g} steps root mean square over all elements (rounding: "
        "0.29)"
    )


def _wide_text(seen: Seen, unused: float) -> str:
    bits = math.log2(seen.levels + 1)
    return (
        f"the reals take {seen.needed:.3g} of {seen.levels} steps: {unused:.1f} of {bits:.0f} bits "
        f"({6.02 * unused:.0f} dB) are not used"
    )


def _ranges(graph: _Graph, blamed: set[int]) -> Iterator[Fault]:
    """Ranges too wide for all that shares them, and ranges that cut."""
    done = {graph.root[t] for t in blamed}
    for tensor, seen in graph.seen.items():
        step = graph.writer.get(tensor)
        if step is None or graph.fixed(tensor) or tensor in blamed:
            continue
        if seen.excess >= CLIPPED_STEPS and not graph.passes_on(tensor):
            text = f"{seen}; {_clipped_text(seen)}"
            yield Fault("range_clipped", "error", step.operator, tensor, text, measured=True)
        root = graph.root[tensor]
        if root in done:
            continue
        done.add(root)
        group = graph.group(tensor)
        unused = min(one.unused_bits for one in group)
        if unused < WIDE_BITS or max(one.needed for one in group) <= 0:
            continue
        if not _enough(max(one.elements for one in group), unused):
            continue
        for one in group:
            writer = graph.writer.get(one.tensor)
            if writer is None or graph.passes_on(one.tensor):
                continue
            text = f"{one}; {_wide_text(one, one.unused_bits)}"
            yield Fault(
                "range_too_wide", "warning", writer.operator, one.tensor, text, measured=True
            )


def _joins(graph: _Graph) -> Iterator[Fault]:
    """Concatenations one of whose branches is too small for the scale they share."""
    for step in graph.steps:
        if step.name not in ("CONCATENATION", "PACK"):
            continue
        branches = [graph.seen[x] for x in dict.fromkeys(step.inputs) if x in graph.seen]
        y = step.outputs[0]
        if len(branches) < 2 or any(graph.root[b.tensor] != graph.root[y] for b in branches):
            continue
        best = min(b.unused_bits for b in branches)
        for branch in branches:
            bits = math.log2(branch.levels + 1) - branch.unused_bits
            if branch.needed <= 0 or bits > KEPT_BITS or branch.unused_bits - best < BITS_APART:
                continue
            yield Fault(
                "concat_scale_mismatch",
                "warning",
                step.operator,
                branch.tensor,
                f"{step.name}: of the shared range the branch {branch}, {bits:.1f} bits, another "
                f"branch {math.log2(branch.levels + 1) - max(best, 0.0):.1f}",
                measured=True,
            )


# Channels


def _still(
    operators: Sequence[Product], seen: Mapping[int, Seen], dead: Mapping[int, frozenset[int]]
) -> Iterator[Fault]:
    """Channels whose code stands still while the reference's moves."""
    for one in operators:
        tensor = seen.get(one.y)
        if tensor is None or not tensor.usable:
            continue
        lowest, highest = tensor.codes.channel_lowest, tensor.codes.channel_highest
        if lowest.size != one.channels:
            continue
        span = (tensor.reals.channel_highest - tensor.reals.channel_lowest) / one.specs[one.y].step
        local = tensor.local_steps
        lost = np.inf if local is None or local.size != span.size else local
        fixed = dead.get(one.operator, frozenset())
        alive = np.full(one.channels, _ALIVE_STEPS)
        alive[sorted(fixed)] = _LOCAL_STEPS  # no code but one for all that the reference says
        still = np.flatnonzero((lowest == highest) & (span >= alive) & (lost >= _LOCAL_STEPS))
        if not still.size:
            continue
        always = fixed & set(still.tolist())
        if always:  # what no input moves, no fault further up keeps still
            still = np.array(sorted(always))
        worst = int(still[np.argmax(span[still])])
        yield Fault(
            "dead_channels",
            "error",
            one.operator,
            one.y,
            f"{one.name}: {still.size} of {one.channels} channels give one code for all data while "
            f"their reference moves: channel {worst} stays at {lowest[worst]}, its reference moves "
            f"over {span[worst]:.3g} steps{'; no input would move them' if always else ''}",
            frozenset(still.tolist()) | fixed,
            measured=not always,
        )


_OUTLIER_BITS: Final = 4.0
_FEW_STEPS: Final = 16.0  # 4 bits


def _overwhelming(operators: Sequence[Product], seen: Mapping[int, Seen]) -> Iterator[Fault]:
    """Channels whose weights are so large that their values leave the others few steps."""
    for one in operators:
        tensor = seen.get(one.y)
        if tensor is None or not tensor.usable or one.channels < 4:
            continue
        low, high = tensor.reals.channel_lowest, tensor.reals.channel_highest
        if low.size != one.channels:
            continue
        size = one.scales * np.abs(one.codes).max(axis=1)
        alive = (size > 0) & np.isfinite(size)
        if alive.sum() < 4:
            continue
        with np.errstate(all="ignore"):
            bits = np.log2(size / np.median(size[alive]))
        far = bits >= _OUTLIER_BITS
        if not far.any() or far.sum() > one.channels // 4:
            continue
        steps = (np.maximum(high, 0) - np.minimum(low, 0)) / one.specs[one.y].step
        rest = alive & ~far
        usual = float(np.median(steps[rest]))
        largest = float(steps[far].max())
        lost = usual <= _FEW_STEPS or largest > 2 * tensor.levels
        if largest < 2**BITS_APART * usual or not lost:
            continue
        worst = int(np.argmax(np.where(far, bits, -np.inf)))
        yield Fault(
            "weight_scale_spread",
            "error",
            one.operator,
            one.w,
            f"{one.name}: the weights of {int(far.sum())} of {one.channels} channels are 2^"
            f"{_OUTLIER_BITS:g} and more above the median, those of channel {worst} 2^"
            f"{bits[worst]:.1f}: its values take {largest:.3g} steps, the median channel's "
            f"{usual:.3g} of {tensor.levels}",
            frozenset(np.flatnonzero(far).tolist()),
            measured=True,
        )
