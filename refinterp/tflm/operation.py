"""An operator as its TFLM kernel sees it while memory is set up: tensors, options, and requests."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from refinterp.arena.residents import TensorId
from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.constants import constant, has_constant
from refinterp.graph.model import OPTIONAL, Model, Operator, Shape, Tensor
from refinterp.tflm.targets import Profile
from refinterp.tflm.types import ELEMENT_BYTES


class MemoryRequests(Protocol):
    """Where requests go: the allocator that serves them in their order."""

    def persistent(self, size: int, what: str, *, unread: int | None = None) -> None:
        """AllocatePersistentBuffer: from the tail, at a multiple of 16.

        unread: bytes at the end of the latest temporary tensor that the kernel does not look at
        afterwards, where they are not those that every kernel leaves alone.
        """
        ...

    def scratch(self, size: int, what: str) -> None:
        """RequestScratchBufferInArena: to be planned with the tensors."""
        ...

    def temporary_tensor(self, subgraph: int, tensor: int) -> None:
        """AllocateTempTfLiteTensor: above the head, until the operator is prepared."""
        ...


@dataclass
class State:
    """What operators change for those after them.

    shapes: of tensors whose dimensions a kernel has rewritten, by (subgraph, tensor).
    resources: VAR_HANDLE outputs that hold a resource id, by (subgraph, tensor).
    variables: resource ids that have got their buffer.
    names: resource variables by (container, name), in order of their ids.
    doubtful: operators, by (subgraph, index), whose bytes TFLM's sources leave open.
    """

    shapes: dict[TensorId, Shape] = field(default_factory=dict)
    resources: dict[TensorId, int] = field(default_factory=dict)
    variables: set[int] = field(default_factory=set)
    names: list[str] = field(default_factory=list)
    doubtful: set[tuple[int, int]] = field(default_factory=set)


@dataclass(frozen=True, slots=True, eq=False)
class TflmOperand:
    """A tensor among an operator's inputs or outputs."""

    model: Model
    tensor: Tensor
    id: TensorId
    shape: Shape

    @property
    def dtype(self) -> str:
        """Its type, by the schema's name in lower case."""
        return str(self.tensor.dtype)

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        """Bytes TFLM counts for an element."""
        return ELEMENT_BYTES[self.dtype]

    @property
    def scales(self) -> int:
        """Scales it has; 0 where TFLM sees no quantization (scale or zero point missing)."""
        q = self.tensor.quantization
        return 0 if q is None or not q.zero_point.size else int(q.scale.size)

    @property
    def scale(self) -> float:
        """Its first scale, 0.0 without any: `params.scale`."""
        q = self.tensor.quantization
        return float(q.scale[0]) if q is not None and self.scales else 0.0

    @property
    def zero_points(self) -> int:
        """Zero points it has."""
        q = self.tensor.quantization
        return 0 if q is None else int(q.zero_point.size)

    @property
    def zero_point(self) -> int:
        """Its first zero point, 0 without any: `params.zero_point`."""
        q = self.tensor.quantization
        return int(q.zero_point[0]) if q is not None and self.scales else 0

    @property
    def constant(self) -> bool:
        """Whether the file holds its value."""
        return has_constant(self.model, self.tensor)

    def value(self) -> NDArray[Any] | None:
        """Return its value when the file holds it."""
        return constant(self.model, self.tensor)

    def __str__(self) -> str:
        return f"tensor {self.id[1]} ({self.tensor.name!r}, {self.dtype})"


@dataclass(frozen=True, slots=True, eq=False)
class TflmOperation:
    """An operator of a model in one profile, with the allocator it asks."""

    model: Model
    subgraph: int
    index: int
    operator: Operator
    profile: Profile
    memory: MemoryRequests
    state: State

    def get(self, ref: str) -> TflmOperand | None:
        """Return input `i0`, output `o0`, intermediate `m0`, …; None where it is left out."""
        operator = self.operator
        side = {"i": operator.inputs, "o": operator.outputs, "m": operator.intermediates}[ref[0]]
        number = int(ref[1:])
        if number >= len(side) or side[number] == OPTIONAL:
            return None
        index = side[number]
        tensors = self.model.subgraphs[self.subgraph].tensors
        if not 0 <= index < len(tensors):
            raise ModelError(
                f"{self.where}: {ref} is tensor {index}, but the subgraph has {len(tensors)}"
            )
        key = (self.subgraph, index)
        shape = self.state.shapes.get(key, tensors[index].shape)
        return TflmOperand(self.model, tensors[index], key, shape)

    def __getitem__(self, ref: str) -> TflmOperand:
        """Return an input or output that must be there; refuses the operator otherwise."""
        operand = self.get(ref)
        if operand is None:
            side = "input" if ref[0] == "i" else "output"
            self.refuse(f"{side} {ref[1:]} is missing")
        return operand

    @property
    def where(self) -> str:
        """The operator's place in words."""
        return f"subgraphs[{self.subgraph}].operators[{self.index}] ({self.operator.name})"

    def option(self, name: str, default: Any = 0) -> Any:
        """Return an option by its schema name."""
        return self.operator.options.get(name, default)

    def size(self, struct: str) -> int:
        """Return sizeof(struct)."""
        return self.profile.layout(struct).size

    @property
    def pointer(self) -> int:
        """sizeof(void*), which is sizeof(size_t) as well."""
        return self.profile.target.abi.pointer

    # what the kernel asks for

    def temps(self, refs: str) -> None:
        """Ask for temporary TfLiteTensors of these operands, skipping those left out."""
        for ref in refs.split():
            operand = self.get(ref)
            if operand is not None:
                self.memory.temporary_tensor(*operand.id)

    def keep(self, size: int, what: str, *, unread: int | None = None) -> None:
        """Ask for bytes that stay; unread: as for `MemoryRequests.persistent`."""
        self.memory.persistent(size, what, unread=unread)

    def keep_struct(self, struct: str, what: str = "", *, unread: int | None = None) -> None:
        """Ask for a struct that stays; unread: as for `MemoryRequests.persistent`."""
        self.memory.persistent(self.size(struct), what or struct, unread=unread)

    def scratch(self, size: int, what: str) -> None:
        """Ask for bytes while the operator runs."""
        self.memory.scratch(size, what)

    def doubt(self) -> None:
        """Mark what the kernel asks for from now on as read, not measured."""
        self.state.doubtful.add((self.subgraph, self.index))

    def rewrite(self, ref: str, shape: Shape) -> None:
        """Give an operand dimensions of its own, kept in the tail (CreateWritableTensorDims)."""
        operand = self[ref]
        self.keep(4 + 4 * operand.rank, f"dimensions of output {ref[1:]}")
        self.state.shapes[operand.id] = shape

    # what the kernel refuses

    def refuse(self, reason: str) -> NoReturn:
        """Raise UnsupportedError: TFLM would not set this operator up, or not run it."""
        raise UnsupportedError(f"{self.where}: TFLM refuses it: {reason}")

    def require(self, holds: bool, reason: Callable[[], str] | str) -> None:
        """Refuse the operator unless the condition holds."""
        if not holds:
            self.refuse(reason if isinstance(reason, str) else reason())

    @property
    def judged(self) -> bool:
        """Whether types and constants were held against a distribution's own checks before."""
        return self.profile.tflm.distribution

    def one_of(self, ref: str, types: str) -> None:
        """Refuse the operator unless an operand's type is one of these."""
        operand = self[ref]
        if self.judged:
            return
        if operand.dtype not in types.split():
            allowed = types.replace(" ", ", ")
            self.refuse(f"{_side(ref)} is {operand}; its kernel takes {allowed}")

    def same_type(self, ref: str, other: str) -> None:
        """Refuse the operator unless two operands have the same type."""
        a, b = self[ref], self[other]
        if a.dtype != b.dtype and not self.judged:
            self.refuse(f"{_side(ref)} is {a}, but {_side(other)} is {b}; their types must agree")

    def must_be_constant(self, ref: str) -> None:
        """Refuse the operator unless the file holds an operand's value."""
        if not self[ref].constant and not self.judged:
            self.refuse(f"{_side(ref)} is {self[ref]}, which the file gives no value")

    def map_values(self) -> list[Any]:
        """Return the values of a custom operator's options, a FlexBuffers map, in key order.

        Raises ModelError when the options are no such map.
        """
        return list(self.option_map().values())

    def option_map(self) -> dict[str, Any]:
        """Return a custom operator's options, a FlexBuffers map, in the order of its keys."""
        from flatbuffers import flexbuffers

        data = bytes(np.asarray(self.operator.custom_options))
        try:
            value = flexbuffers.Loads(data)
        except Exception as error:  # the package raises whatever it stumbles over
            raise ModelError(f"{self.where}: custom options are no FlexBuffers: {error}") from error
        if not isinstance(value, dict):
            raise ModelError(f"{self.where}: custom options are no FlexBuffers map")
        return {key: value[key] for key in sorted(value)}


def _side(ref: str) -> str:
    return f"{'input' if ref[0] == 'i' else 'output'} {ref[1:]}"
