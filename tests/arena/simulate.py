"""A run of a plan in tokens: does every tensor still hold its bytes when it is read?

Nothing is computed. Writing a tensor fills its bytes with a token of its own, reading one demands
that all of them are still there. This knows the order operators run in and what they read and
write, but neither lifetimes nor scopes.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from refinterp.arena.tensor_plan import TensorPlan
from refinterp.graph.model import Model
from refinterp.graph.operators import facts


class CorruptedError(Exception):
    """A tensor was read whose bytes something else had overwritten."""


def simulate(model: Model, plan: TensorPlan) -> None:
    """Run the model's plan in tokens; raise CorruptedError where it reads overwritten bytes."""
    _Simulation(model, plan).run(0)


class _Simulation:
    def __init__(self, model: Model, plan: TensorPlan) -> None:
        self.model = model
        self.places = plan.tensors()
        self.arena = np.zeros(plan.total_bytes, np.int64)
        self.tokens = {key: number + 1 for number, key in enumerate(self.places)}

    def run(self, index: int) -> None:
        subgraph = self.model.subgraphs[index]
        self.write(index, subgraph.inputs)
        for number, operator in enumerate(subgraph.operators):
            where = f"subgraph {index} operator {number}"
            callees = [operator.options[option] for option in facts(operator.name).calls]
            self.read(index, operator.inputs, where)
            if operator.name == "WHILE":
                self.write(index, operator.outputs)  # the loop's state lies in its outputs
            for callee in callees:
                self.run(callee)
                if operator.name == "WHILE":
                    self.read(index, operator.outputs, where)
                else:
                    self.read(index, operator.inputs, where)
            self.write(index, operator.outputs)
            self.read(index, operator.inputs, where)  # still being read while outputs are written
            self.read(index, operator.outputs, where)
        self.read(index, subgraph.outputs, f"the end of subgraph {index}")

    def write(self, index: int, tensors: Iterable[int]) -> None:
        for key in ((index, tensor) for tensor in tensors):
            if key in self.places:
                place = self.places[key]
                end = place.offset + place.requested_bytes
                self.arena[place.offset : end] = self.tokens[key]

    def read(self, index: int, tensors: Iterable[int], where: str) -> None:
        for key in ((index, tensor) for tensor in tensors):
            if key in self.places:
                place = self.places[key]
                held = self.arena[place.offset : place.offset + place.requested_bytes]
                if (held != self.tokens[key]).any():
                    raise CorruptedError(
                        f"{where} reads {place.name!r} of subgraph {index}, overwritten"
                    )
