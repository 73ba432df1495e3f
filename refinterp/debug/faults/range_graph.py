"""Who writes and reads the tensors whose ranges were observed, and which of them share one."""

from __future__ import annotations

import math
from collections.abc import Mapping

from refinterp.debug.faults.tensor_ranges import CLIPPED_STEPS, ObservedRange
from refinterp.debug.reference.fixed_outputs import fixed_output
from refinterp.debug.reference.shadow import is_code
from refinterp.errors import UnsupportedError
from refinterp.graph.model import OPTIONAL
from refinterp.graph.operators import facts
from refinterp.numerics.activation import real_bounds
from refinterp.run.program import Program, Step


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
        """Tensor → the first of those that have their codes, and so their grid, from each other."""
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
        """The share of the ranges downstream of a tensor that reals exceed, of those they can."""
        found, queue, done = [], [tensor], {tensor}
        while queue:
            for step in self.readers.get(queue.pop(), ()):
                for y in set(step.outputs) - done:
                    done.add(y)
                    queue.append(y)
                    free = y in self.ranges and not (self.fixed(y) or self.passes_on(y))
                    if free and not bounded_above(step.fused_activation):
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


def bounded_above(activation: str | int) -> bool:
    """Whether a fused activation cuts large reals off; False for one that is no clamp."""
    try:
        return real_bounds(activation)[1] < math.inf
    except UnsupportedError:
        return False


def _computes(name: str) -> bool:
    """Whether an operator computes: the same grids do not mean that it passes codes on."""
    known = facts(name)
    return known.filter_axis is not None or known.conversion or known.adds or known.multiplies
