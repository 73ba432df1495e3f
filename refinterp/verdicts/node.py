"""An operator as a runtime sees it when it prepares it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from refinterp.errors import ModelError
from refinterp.graph.flexbuffer import read_map
from refinterp.graph.model import OPTIONAL, Model, Operator, Shape, Subgraph
from refinterp.verdicts.checks import listed, refuse
from refinterp.verdicts.operand import Operand


@dataclass(slots=True)
class KnownTensors:
    """Shapes and types of a subgraph's tensors, by index, where they are not the file's.

    filled: those that get values in a run, once somebody has asked for them.
    """

    shapes: dict[int, Shape] = field(default_factory=dict)
    dtypes: dict[int, str] = field(default_factory=dict)
    filled: frozenset[int] | None = None

    def filled_of(self, graph: Subgraph) -> frozenset[int]:
        """The subgraph's inputs and what its operators write."""
        if self.filled is None:
            written = (tensor for operator in graph.operators for tensor in operator.outputs)
            self.filled = frozenset((*graph.inputs, *written))
        return self.filled

    def follow(self, node: Node) -> None:
        """Give an operator's result the shape and type of its first input."""
        x = node.inputs[0] if node.inputs else None
        if x is not None and node.operator.outputs:
            self.shapes[node.operator.outputs[0]] = x.shape
            self.dtypes[node.operator.outputs[0]] = x.dtype


class Node:
    """One operator. known: of tensors, where that differs from the file."""

    def __init__(
        self,
        model: Model,
        subgraph: int,
        index: int,
        known: KnownTensors | None = None,
    ) -> None:
        self.model = model
        self.subgraph = subgraph
        self.index = index
        self.graph: Subgraph = model.subgraphs[subgraph]
        self.operator: Operator = self.graph.operators[index]
        self.name = self.operator.name
        self.version = self.operator.code.version if self.operator.code else 1
        self.custom = self.operator.code is not None and self.operator.code.builtin == "CUSTOM"
        self._known = known or KnownTensors()
        self.inputs = self._operands(self.operator.inputs, "input")
        self.outputs = self._operands(self.operator.outputs, "output")

    def _operands(self, indices: Sequence[int], side: str) -> tuple[Operand | None, ...]:
        found: list[Operand | None] = []
        for position, index in enumerate(indices):
            if not OPTIONAL < index < len(self.graph.tensors):
                found.append(None)
                continue
            tensor = self.graph.tensors[index]
            shape = self._known.shapes.get(index, tensor.shape)
            dtype = self._known.dtypes.get(index, str(tensor.dtype))
            found.append(Operand(self.model, tensor, (side, position), shape, dtype))
        return tuple(found)

    @cached_property
    def intermediates(self) -> tuple[Operand | None, ...]:
        """Tensors that only the operator's definition names."""
        return self._operands(self.operator.intermediates, "intermediate")

    @property
    def options(self) -> Mapping[str, Any]:
        """The fields of the operator's options; a custom operator's map."""
        return self._map if self.custom else self.operator.options or self.operator.options_2

    @cached_property
    def _map(self) -> Mapping[str, Any]:
        try:
            return read_map(self.operator.custom_options.tobytes())
        except ModelError:
            return {}

    def option(self, name: str, default: Any = None) -> Any:
        """One option."""
        return self.options.get(name, default)

    def valueless(self) -> Operand | None:
        """The first input with elements that has no value, and gets none in a run."""
        filled = self._known.filled_of(self.graph)
        for index, x in zip(self.operator.inputs, self.inputs, strict=True):
            if index not in filled and x is not None and x.empty and x.size > 0:
                return x
        return None

    def has(self, position: int) -> bool:
        """Whether there is an input at a position, and it is not left out."""
        return position < len(self.inputs) and self.inputs[position] is not None

    def x(self, position: int = 0, *, aborts: bool = False) -> Operand:
        """An input that must be there; aborts: the runtime does not look, and falls over it."""
        operand = self.inputs[position] if position < len(self.inputs) else None
        if operand is None:
            refuse("operands", f"input {position} is left out, and needed", aborts=aborts)
        return operand

    def y(self, position: int = 0, *, aborts: bool = False) -> Operand:
        """An output that must be there."""
        operand = self.outputs[position] if position < len(self.outputs) else None
        if operand is None:
            refuse("operands", f"output {position} is left out, and needed", aborts=aborts)
        return operand

    # Checks

    def counts(self, inputs: int | Collection[int], outputs: int | Collection[int] = 1) -> None:
        """So many inputs (left-out ones count) and outputs."""
        for what, found, allowed in (
            ("inputs", len(self.inputs), inputs),
            ("outputs", len(self.outputs), outputs),
        ):
            numbers = (allowed,) if isinstance(allowed, int) else allowed
            if found not in numbers:
                refuse("operands", f"it has {found} {what}; allowed: {listed(numbers)}")
