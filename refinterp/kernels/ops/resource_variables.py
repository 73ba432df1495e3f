"""VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE: values that outlive an invocation, by name.

VAR_HANDLE       gives the number of the variable called (container, shared_name)
ASSIGN_VARIABLE  stores a copy of a value, shape and all
READ_VARIABLE    gives the stored value; one that was never assigned is an error at run time
Shapes    a read has the file's shape, and takes so many elements from the start of the value; a
          scalar, or no shape, means only a run tells
Source    LiteRT kernels/var_handle.cc, read_variable.cc, assign_variable.cc,
          experimental/resource (f67457790); tflite-micro micro_resource_variable.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF, TFLM. Resetting variables leaves these alone in LiteRT; in TFLM it
          fills each with bytes of its zero point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Assigned, Handle, Nothing, Operands
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, ControlKernel, Machine, NoOptions
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import Inputs, kernel


class _CallsNothing(ControlKernel):
    """Operators that keep resources but call no subgraph."""

    __slots__ = ()

    @staticmethod
    def calls(options: object, operands: Operands[TensorSpec]) -> Sequence[tuple[int, Inputs]]:
        """No subgraph."""
        return []


@dataclass(frozen=True, slots=True)
class VarHandleOptions:
    """Schema table VarHandleOptions; absent names are empty."""

    container: str | None = None
    shared_name: str | None = None


@kernel("VAR_HANDLE", "none", options=VarHandleOptions)
@dataclass(frozen=True, slots=True)
class VarHandle(_CallsNothing):
    """The variable's name."""

    container: str
    shared_name: str

    @staticmethod
    def control_shapes(
        operands: Nothing[TensorSpec],
        outputs: Sequence[TensorSpec],
        called: Sequence[Sequence[Shape | None]],
    ) -> Sequence[Shape | None]:
        """The file's shape, of one element."""
        return [spec.shape if spec.size == 1 else (1,) for spec in outputs]

    @classmethod
    def prepare(
        cls,
        operands: Nothing[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: VarHandleOptions,
        rule: Rules,
    ) -> VarHandle:
        """Keep the name."""
        return cls(options.container or "", options.shared_name or "")

    def control(self, operands: Nothing[Array], machine: Machine) -> Sequence[Array]:
        """Give the variable's number, the next free one for a new name."""
        number = machine.names.setdefault((self.container, self.shared_name), len(machine.names))
        return [np.array([number], np.int32)]


@kernel("ASSIGN_VARIABLE", "resource", "int32")
@dataclass(frozen=True, slots=True)
class AssignVariable(_CallsNothing):
    """zero: the byte a reset fills the variable with, or None where a reset leaves it alone."""

    zero: int | None

    @staticmethod
    def control_shapes(
        operands: Assigned[TensorSpec],
        outputs: Sequence[TensorSpec],
        called: Sequence[Sequence[Shape | None]],
    ) -> Sequence[Shape | None]:
        """There are no outputs."""
        return []

    @classmethod
    def prepare(
        cls,
        operands: Assigned[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> AssignVariable:
        """Take the zero point where the runtime resets to it."""
        return cls(operands.value.zero & 0xFF if rule.path == "reset" else None)

    def control(self, operands: Assigned[Array], machine: Machine) -> Sequence[Array]:
        """Store a copy."""
        handle, value = operands.handle, operands.value
        number = int(handle.reshape(-1)[0])
        machine.resources[number] = value.copy()
        if self.zero is not None:
            machine.reset_bytes[number] = self.zero
        return []


@kernel("READ_VARIABLE", "resource", "int32")
@dataclass(frozen=True, slots=True)
class ReadVariable(_CallsNothing):
    """A value as it was assigned. shape: the file's, None where there is none."""

    shape: Shape | None

    @staticmethod
    def control_shapes(
        operands: Handle[TensorSpec],
        outputs: Sequence[TensorSpec],
        called: Sequence[Sequence[Shape | None]],
    ) -> Sequence[Shape | None]:
        """The file's shape; none, which a scalar has too, means the assigned value's."""
        return [spec.shape or None for spec in outputs]

    @classmethod
    def prepare(
        cls,
        operands: Handle[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> ReadVariable:
        """Keep the shape."""
        return cls(outputs[0].shape or None)

    def control(self, operands: Handle[Array], machine: Machine) -> Sequence[Array]:
        """Give the stored value."""
        handle = operands.handle
        value = machine.resources.get(int(handle.reshape(-1)[0]))
        if value is None:
            raise ModelError(
                f"resource variable {int(handle.reshape(-1)[0])} is read before it is assigned"
            )
        if self.shape is None or value.shape == self.shape:
            return [value]
        count = math.prod(self.shape)
        if value.size < count:
            raise ModelError(
                f"resource variable {int(handle.reshape(-1)[0])} holds {list(value.shape)}; it is "
                f"read as {list(self.shape)}, which has more elements"
            )
        return [value.reshape(-1)[:count].reshape(self.shape)]
