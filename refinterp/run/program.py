"""What a model is prepared into: steps with their kernels, by subgraph, and every tensor's spec."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from refinterp.graph.model import STORAGE, Model, Subgraph
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import Entry


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One operator, ready to run; what is not prepared yet keeps what it will be prepared from.

    operator: its index in its subgraph.
    name: the operator's, or a custom operator's own.
    kernel: None when shapes that are known only during a run decide how it is prepared.
    inputs: tensor indices of the subgraph, -1 for one that is left out.
    outputs: likewise.
    subgraph: its index in the model.
    entry: the row of the kernel registry that its operands' types lead to.
    options: as the entry's kernel reads them, defaults filled in.
    rule: what the flavour decides otherwise than others.
    """

    operator: int
    name: str
    kernel: Kernel | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraph: int
    entry: Entry
    options: Any
    rule: Rules

    @property
    def fused_activation(self) -> str | int:
        """The activation its operator has fused: a name, a number of no name, or NONE."""
        found: str | int = getattr(self.options, "fused_activation_function", "NONE")
        return found

    def with_kernel(self, kernel: Kernel) -> Step:
        """The step with its kernel."""
        # Spelled out: preparing makes one for every operator, and `replace` takes twice as long.
        # No field has a default, so that one which is missing here is an error of types.
        return Step(
            self.operator,
            self.name,
            kernel,
            self.inputs,
            self.outputs,
            self.subgraph,
            self.entry,
            self.options,
            self.rule,
        )


@dataclass(frozen=True, slots=True, eq=False)
class PreparedGraph:
    """One subgraph: specs[i] describes tensor i, with its shape resolved.

    Constants of the file carry their data in the spec; values that merely follow from shapes do
    not: they are computed in the arena like everything else. unknown: tensors whose shape is known
    only during a run; their specs have the file's shape.
    """

    subgraph: int
    specs: tuple[TensorSpec, ...]
    steps: tuple[Step, ...]
    unknown: frozenset[int]

    @property
    def batchable(self) -> bool:
        """Whether samples can run side by side.

        Not with control flow, with shapes that depend on data, or where an operator sets a
        variable, of which there is one for all samples, and each is to find what it set itself.
        """
        return not self.unknown and not any(
            step.entry.kernel.controls or any(self.specs[i].is_variable for i in step.outputs)
            for step in self.steps
        )


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A subgraph prepared for a flavour, together with the subgraphs it calls."""

    model: Model
    subgraph: int
    flavour: str
    plain: bool
    graphs: Mapping[int, PreparedGraph]

    @property
    def graph(self) -> Subgraph:
        """The subgraph that is run, as the file has it."""
        return self.model.subgraphs[self.subgraph]

    @property
    def specs(self) -> tuple[TensorSpec, ...]:
        """The specs of the subgraph that is run."""
        return self.graphs[self.subgraph].specs

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the subgraph that is run."""
        return self.graphs[self.subgraph].steps

    @property
    def batchable(self) -> bool:
        """Whether several samples can run at once; never where a variable is an input."""
        return all(graph.batchable for graph in self.graphs.values()) and not any(
            self.specs[i].is_variable for i in self.graph.inputs
        )


def nbytes(spec: TensorSpec) -> int:
    """Bytes of one sample of a tensor in the arena."""
    return math.prod(spec.shape) * STORAGE[spec.dtype].itemsize
