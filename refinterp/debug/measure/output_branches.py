"""What a model's output is put together from, along one of its axes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from refinterp.debug.reference.shadow import is_code
from refinterp.graph.model import OPTIONAL, Shape
from refinterp.graph.operands import Permuted
from refinterp.graph.operators import facts
from refinterp.graph.spec import TensorSpec
from refinterp.run.program import Program, Step


@dataclass(frozen=True, slots=True)
class Branch:
    """Indices first … stop - 1 along an axis of an output, written together.

    name: of the tensor that holds them, None where that is the output. step: of the grid they were
    made on, 0.0 where none is known. alike: whether their operator makes values of one kind, as
    probabilities are.
    """

    first: int
    stop: int
    name: str | None
    step: float
    alike: bool


class Branches:
    """The branches of tensors, told by the concatenations that lead to them."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._specs: Sequence[TensorSpec] = program.specs
        self._writers: Mapping[int, Step] = {t: s for s in program.steps for t in s.outputs}

    def of(self, tensor: int, axis: int) -> list[Branch]:
        """The branches along an axis, in order; one where no concatenation is along it."""
        specs = self._specs
        source, at = self._source(tensor, axis)
        step = self._writers.get(source)
        if step is not None and _side_by_side(step, specs):
            joined = self._program.graph.operators[step.operator].options.get("axis", 0)
            if joined % len(specs[source].shape) == at:
                found: list[Branch] = []
                for x in step.inputs:
                    start = found[-1].stop if found else 0
                    found += [
                        replace(
                            one,
                            first=start + one.first,
                            stop=start + one.stop,
                            name=one.name or specs[x].name,
                        )
                        for one in self.of(x, at)
                    ]
                return found
        made, _ = self._source(tensor, axis, coded=True)
        maker = self._writers.get(made)
        alike = maker is not None and bool(facts(maker.name).fixed)
        spec = specs[made]
        step_size = spec.step if is_code(spec) and spec.scale.size == 1 else 0.0
        return [Branch(0, specs[tensor].shape[axis], None, step_size, alike)]

    def of_channels(self, tensor: int, axis: int) -> bool:
        """Whether an axis was the last one where the values were computed."""
        source, at = self._source(tensor, axis)
        return at == len(self._specs[source].shape) - 1

    def _source(self, tensor: int, axis: int, *, coded: bool = False) -> tuple[int, int]:
        """The tensor whose values these are, and its axis that this one is.

        That is before they were transposed, reshaped, rescaled or converted; coded: not further
        than to the first tensor of codes there is.
        """
        while True:
            step = self._writers.get(tensor)
            if step is None or not step.inputs or step.inputs[0] == OPTIONAL:
                return tensor, axis
            before = step.inputs[0]
            at = self._axis_before(step, before, tensor, axis)
            if at is None:
                return tensor, axis
            if coded and is_code(self._specs[tensor]) and not is_code(self._specs[before]):
                return tensor, axis
            tensor, axis = before, at

    def _axis_before(self, step: Step, before: int, after: int, axis: int) -> int | None:
        """The axis of an operator's input that became this one, None where none did as it is."""
        if facts(step.name).operands is Permuted:
            order = self._specs[step.inputs[1]].data
            return None if order is None else int(order.reshape(-1)[axis])
        if facts(step.name).reshapes or facts(step.name).conversion:
            return _same_axis(self._specs[before].shape, self._specs[after].shape, axis)
        return None


def _same_axis(before: Shape, after: Shape, axis: int) -> int | None:
    """The axis of a shape that has the extent and the stride of another shape's axis."""
    behind = math.prod(after[axis + 1 :])
    for at in reversed(range(len(before))):
        if before[at] == after[axis] and math.prod(before[at + 1 :]) == behind:
            return at
    return None


def _side_by_side(step: Step, specs: Sequence[TensorSpec]) -> bool:
    """Whether a result is its operands along an axis that they have, too."""
    rank = len(specs[step.outputs[0]].shape)
    return facts(step.name).joins and all(len(specs[i].shape) == rank for i in step.inputs)
