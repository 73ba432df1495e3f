"""IF, WHILE, CALL_ONCE: operators that run other subgraphs.

IF        the condition's branch is run on the remaining inputs
WHILE     the body is run on the values while the condition holds of them
CALL_ONCE the subgraph is run at the first invocation only
Shapes    outputs are those of the branch (of the body); where branches differ, or a body changes
          its shapes, only a run tells
Raises    ModelError, from prepare only: operand counts, a condition that is no single bool
Source    LiteRT kernels/if.cc, while.cc, call_once.cc (f67457790)
Exact to  what the called operators are exact to
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import STORAGE, Shape
from refinterp.graph.operands import Conditional, Nothing, Variadic
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, ControlKernel, Machine
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import Inputs, kernel


@dataclass(frozen=True, slots=True)
class IfOptions:
    """Schema table IfOptions."""

    then_subgraph_index: int = 0
    else_subgraph_index: int = 0


@kernel("IF", "bool", options=IfOptions)
@dataclass(frozen=True, slots=True)
class If(ControlKernel):
    """Two subgraphs, one of which is run."""

    then_subgraph: int
    else_subgraph: int

    @staticmethod
    def calls(
        options: IfOptions, operands: Conditional[TensorSpec]
    ) -> Sequence[tuple[int, Inputs]]:
        """Both branches, on everything but the condition."""
        return [
            (options.then_subgraph_index, operands.rest),
            (options.else_subgraph_index, operands.rest),
        ]

    @staticmethod
    def control_shapes(
        operands: Conditional[TensorSpec],
        outputs: Sequence[TensorSpec],
        called: Sequence[Sequence[Shape | None]],
    ) -> Sequence[Shape | None]:
        """The branches' shapes where they agree."""
        then_shapes, else_shapes = called
        if not len(then_shapes) == len(else_shapes) == len(outputs):
            raise ModelError(
                f"the branches have {len(then_shapes)} and {len(else_shapes)} outputs, the "
                f"operator {len(outputs)}"
            )
        if list(then_shapes) != list(else_shapes):
            return [None] * len(outputs)  # one that differs makes all of them dynamic, as in LiteRT
        return then_shapes

    @classmethod
    def prepare(
        cls,
        operands: Conditional[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: IfOptions,
        rule: Rules,
    ) -> If:
        """Check the condition."""
        condition = operands.condition
        if condition is None or condition.size != 1:
            raise ModelError(f"the condition must be one bool, its shape is {_shape(condition)}")
        return cls(options.then_subgraph_index, options.else_subgraph_index)

    def control(self, operands: Conditional[Array], machine: Machine) -> Sequence[Array]:
        """Run one branch."""
        branch = self.then_subgraph if operands.condition.reshape(()) else self.else_subgraph
        return machine.call(branch, operands.rest)


@dataclass(frozen=True, slots=True)
class WhileOptions:
    """Schema table WhileOptions."""

    cond_subgraph_index: int = 0
    body_subgraph_index: int = 0


@kernel("WHILE", *STORAGE, options=WhileOptions)
@dataclass(frozen=True, slots=True)
class While(ControlKernel):
    """A condition and a body over the same values."""

    condition: int
    body: int

    @staticmethod
    def calls(
        options: WhileOptions, operands: Variadic[TensorSpec]
    ) -> Sequence[tuple[int, Inputs]]:
        """The condition and the body, on the values."""
        return [(options.cond_subgraph_index, operands), (options.body_subgraph_index, operands)]

    @staticmethod
    def control_shapes(
        operands: Variadic[TensorSpec],
        outputs: Sequence[TensorSpec],
        called: Sequence[Sequence[Shape | None]],
    ) -> Sequence[Shape | None]:
        """The body's shapes where they stay what they were."""
        body = called[1]
        if len(body) != len(operands) or len(outputs) != len(operands):
            raise ModelError(
                f"{len(operands)} inputs, {len(outputs)} outputs and a body with {len(body)} "
                "outputs: all three must be the same number"
            )
        return [
            shape if spec is not None and shape == spec.shape else None
            for spec, shape in zip(operands, body, strict=True)
        ]

    @classmethod
    def prepare(
        cls,
        operands: Variadic[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: WhileOptions,
        rule: Rules,
    ) -> While:
        """Keep the subgraphs' indices."""
        if options.cond_subgraph_index == options.body_subgraph_index:
            raise ModelError(f"condition and body are both subgraph {options.cond_subgraph_index}")
        return cls(options.cond_subgraph_index, options.body_subgraph_index)

    def control(self, operands: Variadic[Array], machine: Machine) -> Sequence[Array]:
        """Run the body until the condition fails."""
        values: list[Any] = list(operands)
        while True:
            (going,) = machine.call(self.condition, values)
            if going.size != 1 or going.dtype != np.bool_:
                raise ModelError(
                    f"the condition of a WHILE gave {going.dtype} {list(going.shape)}; it must "
                    "give one bool"
                )
            if not going.reshape(()):
                return values
            values = [array.copy() for array in machine.call(self.body, values)]


@dataclass(frozen=True, slots=True)
class CallOnceOptions:
    """Schema table CallOnceOptions."""

    init_subgraph_index: int = 0


@kernel("CALL_ONCE", "none", options=CallOnceOptions)
@dataclass(frozen=True, slots=True)
class CallOnce(ControlKernel):
    """A subgraph without inputs and outputs that sets resources up."""

    subgraph: int

    @staticmethod
    def calls(
        options: CallOnceOptions, operands: Nothing[TensorSpec]
    ) -> Sequence[tuple[int, Inputs]]:
        """The initialization subgraph."""
        return [(options.init_subgraph_index, [])]

    @staticmethod
    def control_shapes(
        operands: Nothing[TensorSpec],
        outputs: Sequence[TensorSpec],
        called: Sequence[Sequence[Shape | None]],
    ) -> Sequence[Shape | None]:
        """There are no outputs."""
        return []

    @classmethod
    def prepare(
        cls,
        operands: Nothing[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: CallOnceOptions,
        rule: Rules,
    ) -> CallOnce:
        """Keep the subgraph's index."""
        return cls(options.init_subgraph_index)

    def control(self, operands: Nothing[Array], machine: Machine) -> Sequence[Array]:
        """Run the subgraph unless it has run."""
        if self.subgraph not in machine.initialized:
            machine.initialized.add(self.subgraph)
            machine.call(self.subgraph, [])
        return []


def _shape(spec: TensorSpec | None) -> object:
    return None if spec is None else list(spec.shape)
