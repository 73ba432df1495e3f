"""An operator with the values it saw: what a definition computes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.explain.steps import Index, Number
from refinterp.graph.model import OPTIONAL, Model, Options
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.flavours import Rules, rules
from refinterp.kernels.registry import find
from refinterp.run.executor import Executor
from refinterp.run.observe import EVERYTHING, Keeper
from refinterp.run.program import Program

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class ExplainedOperand:
    """A tensor as the file describes it, and its value; values is None when nothing ran."""

    tensor: int
    spec: TensorSpec
    values: Array | None = None

    @property
    def shape(self) -> Index:
        """Sizes, without any sample axis."""
        return self.spec.shape

    @property
    def dtype(self) -> str:
        """The schema's type name."""
        return self.spec.dtype

    @property
    def zero(self) -> int:
        """The zero point; 0 where there is none or one per channel."""
        return self.spec.zero

    @property
    def scale(self) -> float:
        """The only scale, as the float32 it is stored as."""
        return self.spec.step

    @property
    def quantized(self) -> bool:
        """Whether codes stand for reals."""
        return self.spec.quantized

    def channel_scale(self, channel: int) -> float:
        """The scale of one channel, or the only one."""
        return float(self.spec.scale[channel if self.spec.scale.size > 1 else 0])

    def __getitem__(self, index: Index) -> Number:
        """One element, as a Python number."""
        if self.values is None:
            raise ModelError(f"tensor {self.tensor} ({self.spec.name!r}) has no value")
        value: Number = self.values[index].item()
        return value

    def code(self, index: Index) -> int:
        """One element of an integer tensor."""
        return int(self[index])


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operator of a model: operands, options by schema name, and a flavour's rules for it.

    subgraph: its index in the model.
    operator: its index in the subgraph.
    name: the operator's, or a custom operator's own.
    key: the dtype key of the kernel registry, or None when there is no kernel.
    options: fields of both unions by schema name.
    flavour: whose results are explained.
    rule: what it decides otherwise than others.
    inputs: operands in order, None for one that is left out.
    outputs: results in order.
    """

    subgraph: int
    operator: int
    name: str
    key: str | None
    options: Options
    flavour: str
    rule: Rules
    inputs: tuple[ExplainedOperand | None, ...]
    outputs: tuple[ExplainedOperand, ...]

    @classmethod
    def of(
        cls,
        model: Model,
        subgraph: int,
        operator: int,
        specs: Sequence[TensorSpec],
        flavour: str,
        inputs: Sequence[Array | None] | None = None,
        outputs: Sequence[Array] | None = None,
    ) -> Operation:
        """Gather an operator; inputs and outputs: its operands' values, if it ran."""
        entry = model.subgraphs[subgraph].operators[operator]
        given = [None] * len(entry.inputs) if inputs is None else inputs
        made: Sequence[Array | None] = [None] * len(entry.outputs) if outputs is None else outputs
        operands = [None if i == OPTIONAL else specs[i] for i in entry.inputs]
        found = find(entry.name, operands)
        return cls(
            subgraph,
            operator,
            entry.name,
            found.dtype if found else None,
            entry.options,
            flavour,
            rules(flavour, entry.name),
            tuple(
                None if i == OPTIONAL else ExplainedOperand(i, specs[i], value)
                for i, value in zip(entry.inputs, given, strict=True)
            ),
            tuple(
                ExplainedOperand(i, specs[i], value)
                for i, value in zip(entry.outputs, made, strict=True)
            ),
        )

    @property
    def output(self) -> ExplainedOperand:
        """The first output."""
        return self.outputs[0]

    def optional(self, position: int) -> ExplainedOperand | None:
        """An input that may be left out."""
        return self.inputs[position] if position < len(self.inputs) else None

    def input(self, position: int) -> ExplainedOperand:
        """An input that must be there; raises ModelError when it is not."""
        found = self.optional(position)
        if found is None:
            raise ModelError(f"{self.name} has no input {position}")
        return found


def record(program: Program, sample: Sequence[Array], operator: int) -> Operation:
    """Run one sample and return an operator as it ran.

    sample: one array per input of the program, in its dtype. operator: index in the subgraph.
    """
    executor = Executor(program)
    for tensor, values in zip(program.graph.inputs, sample, strict=True):
        executor.input(tensor)[0] = values
    kept = Keeper({operator}, reads=EVERYTHING)
    executor.invoke([kept])
    known = {tensor: array[0, ...] for tensor, array in kept.tensors.items()}
    entry = program.graph.operators[operator]
    return Operation.of(
        program.model,
        program.subgraph,
        operator,
        program.specs,
        program.flavour,
        [known.get(i) for i in entry.inputs],
        [known[i] for i in entry.outputs],
    )
