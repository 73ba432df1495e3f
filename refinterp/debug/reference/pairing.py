"""Which float operator does what an operator of the quantized model does.

The graphs are walked in execution order, conversions (QUANTIZE, DEQUANTIZE) skipped. Two operators
can be a pair when they have the same name and outputs of the same shapes; among those that can, it
is one that reads the paired inputs ("structure"), else one whose output has the same name ("name"),
else the next in order ("order"). Operators that find no partner are listed, on either side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from refinterp.debug.reference.shadow import Shadow
from refinterp.graph.model import OPTIONAL
from refinterp.graph.operators import facts
from refinterp.run.program import Program, Step

How = Literal["structure", "name", "order", "shadow", "values"]
Side = Literal["quantized", "float"]


@dataclass(frozen=True, slots=True)
class Unpaired:
    """An operator without a partner. model: the side it is on; tensor: its first output or -1."""

    model: Side
    operator: int
    op_name: str
    tensor: int
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Pairing:
    """Partners, from indices of the quantized model to those of the float model.

    operators: operator → operator. tensors: tensor → the float tensor that holds the same reals;
    what a conversion writes has the partner of what it reads. how: operator → how it was found.
    """

    operators: Mapping[int, int]
    tensors: Mapping[int, int]
    how: Mapping[int, How]
    unpaired: tuple[Unpaired, ...]


def pair_shadow(shadow: Shadow) -> Pairing:
    """Pair a model with its shadow: by construction, nothing left over."""
    how: dict[int, How] = dict.fromkeys(shadow.operators, "shadow")
    return Pairing(shadow.operators, shadow.tensors, MappingProxyType(how), ())


def pair(quantized: Program, twin: Program, inputs: Mapping[int, int]) -> Pairing:
    """Pair two prepared models. inputs: graph input of the quantized one → of the float one."""
    return _Walk(quantized, twin, inputs).result()


class _Walk:
    """One walk over the quantized model, taking partners from the float model as it goes."""

    def __init__(self, quantized: Program, twin: Program, inputs: Mapping[int, int]) -> None:
        self.quantized, self.twin = quantized, twin
        self.origins = _origins(twin)
        self.tensors = dict(inputs)
        self.operators: dict[int, int] = {}
        self.how: dict[int, How] = {}
        self.free = {s.operator: s for s in twin.steps if not facts(s.name).conversion}
        self.reached = -1  # the float operator the walk by order has come to
        self.missing: list[Unpaired] = []
        for step in quantized.steps:
            self._step(step)

    def result(self) -> Pairing:
        left = [
            unpaired("float", self.twin, step, "no quantized operator does the same")
            for step in self.free.values()
        ]
        return Pairing(
            MappingProxyType(self.operators),
            MappingProxyType(self.tensors),
            MappingProxyType(self.how),
            (*self.missing, *left),
        )

    def _step(self, step: Step) -> None:
        if facts(step.name).conversion:
            source = self.tensors.get(step.inputs[0])
            if source is not None:
                self.tensors[step.outputs[0]] = source
            return
        shapes = _shapes(self.quantized, step.outputs)
        able = [
            other
            for other in self.free.values()
            if other.name == step.name and _shapes(self.twin, other.outputs) == shapes
        ]
        chosen = self._choose(step, able)
        if chosen is None:
            reason = (
                f"{len(able)} float operator(s) of this kind and shape left, none with these "
                "inputs, this name or this place"
                if able
                else "no float operator of this kind and output shape left"
            )
            self.missing.append(unpaired("quantized", self.quantized, step, reason))
            return
        partner, how = chosen
        del self.free[partner.operator]
        self.reached = max(self.reached, partner.operator)
        self.operators[step.operator] = partner.operator
        self.how[step.operator] = how
        self.tensors.update(zip(step.outputs, partner.outputs, strict=True))

    def _choose(self, step: Step, able: Sequence[Step]) -> tuple[Step, How] | None:
        """The best of those that can be the partner; equals in the order of execution."""
        same_name = [other for other in able if self._same_name(step, other)]
        linked = [other for other in able if self._linked(step, other)]
        both = [other for other in linked if other in same_name]
        if both or linked:
            return (both or linked)[0], "structure"
        if same_name:
            return same_name[0], "name"
        later = [other for other in able if other.operator > self.reached]
        return (later[0], "order") if later else None

    def _linked(self, step: Step, other: Step) -> bool:
        """Whether the two read tensors that are partners, and some at all."""
        partners = [self.tensors.get(i, OPTIONAL) for i in _computed(self.quantized, step)]
        sources = [self.origins.get(i, i) for i in other.inputs]
        reads = [i for i in sources if i != OPTIONAL and self.twin.specs[i].data is None]
        if facts(step.name).commutative:
            partners.sort()
            reads.sort()
        return bool(reads) and OPTIONAL not in partners and partners == reads

    def _same_name(self, step: Step, other: Step) -> bool:
        mine = self.quantized.specs[step.outputs[0]].name if step.outputs else ""
        return bool(mine) and _plain(mine) == _plain(self.twin.specs[other.outputs[0]].name)


def _plain(name: str) -> str:
    """A tensor's name without what converters append for the type."""
    return name.removesuffix("_int8").removesuffix("_int16")


def _computed(program: Program, step: Step) -> list[int]:
    """The operands that are not constants."""
    return [i for i in step.inputs if i != OPTIONAL and program.specs[i].data is None]


def _origins(program: Program) -> dict[int, int]:
    """Output of a conversion → its input, through chains of them."""
    origins: dict[int, int] = {}
    for step in program.steps:
        if facts(step.name).conversion:
            origins[step.outputs[0]] = origins.get(step.inputs[0], step.inputs[0])
    return origins


def _shapes(program: Program, tensors: Sequence[int]) -> list[tuple[int, ...]]:
    return [program.specs[i].shape for i in tensors]


def unpaired(side: Side, program: Program, step: Step, reason: str) -> Unpaired:
    """Describe an operator without a partner."""
    tensor = step.outputs[0] if step.outputs else OPTIONAL
    name = program.specs[tensor].name if step.outputs else ""
    return Unpaired(side, step.operator, step.name, tensor, name, reason)
