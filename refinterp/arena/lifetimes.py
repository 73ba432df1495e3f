"""From a model to what its arena holds: which tensors need bytes, how many, and for how long.

Rule      Time is counted in scopes. Scope 0 is the moment the inputs are set, operator i of the
          main subgraph runs at scope i + 1, until an operator that calls subgraphs shifts the
          count: each call opens one scope for the callee's inputs and one for each of its
          operators, so a callee is planned in the scope of its caller. A tensor lives from the
          first scope that makes it (an input, an output of an operator) to the last that reads or
          writes it; outputs of a subgraph live until it ends. A subgraph called twice extends the
          lives of its tensors over both calls.
Planned   every tensor of every subgraph, in order, unless the file gives it its value, it has no
          bytes, or it is a variable; then scratch buffers in order of request. A tensor nobody
          uses is planned all the same, at (-1, -1): TFLM finds bytes for it too.
Source    TFLM `micro_allocation_info.cc` (`AllocationInfoBuilder`), `micro_allocator.cc`
          (`AllocateVariables`, `CreatePlan`), `memory_helpers.cc` (`TfLiteTypeSizeOf`; 90b983c2b)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from refinterp.arena.residents import (
    NEVER,
    Kind,
    Lifetimes,
    Resident,
    Scope,
    Scratch,
    TensorId,
)
from refinterp.errors import ModelError, UnsupportedError, UsageError
from refinterp.graph.constants import has_constant
from refinterp.graph.model import OPTIONAL, STORAGE, Model, Operator, Shape, Subgraph, Tensor
from refinterp.graph.operators import facts
from refinterp.graph.room import require_room

_MAX_DEPTH: Final = 100  # calls within calls; TFLM's stack would long have ended
_MAX_SCOPES: Final = 1 << 18  # subgraphs that call each other twice double with every level


def lifetimes(
    model: Model,
    *,
    shapes: Mapping[TensorId, Shape] | None = None,
    scratch: Sequence[Scratch] = (),
    offsets: Mapping[TensorId, int] | None = None,
    entry: int = 0,
) -> Lifetimes:
    """Return what the model's arena must hold, and when, as TFLM counts it.

    shapes: shapes that take the place of the file's, where tensors have been resized.
    scratch: what operators ask for besides, in order of request.
    offsets: places planned beforehand (`offline.offline_offsets`); a variable with one is planned.
    entry: the subgraph that is run in place of the main one, as a signature may ask; what it does
    not reach is then left out, while for the main one TFLM finds a place for everything.

    Raises ModelError (an index out of range, subgraphs that call each other in a circle, a negative
    dimension), UnsupportedError (a type whose elements have no fixed size; calls nested too deep)
    and UsageError (scratch for an operator the model does not have).
    """
    if not model.subgraphs:
        raise ModelError("the model has no subgraphs, so there is nothing to plan")
    for index, subgraph in enumerate(model.subgraphs):
        _check_indices(index, subgraph)
    walk = _ScopeWalk(model)
    walk.run(entry)
    reached = {scope.subgraph for scope in walk.scopes}
    planned: list[Resident] = []
    variables: list[Resident] = []
    for index, number, tensor, size in _needing_bytes(model, shapes or {}):
        if entry and index not in reached:
            continue
        place = (offsets or {}).get((index, number))
        kept = tensor.is_variable and place is None
        first, last = walk.tensors.get((index, number), (NEVER, NEVER))
        resident = Resident(
            subgraph=index,
            tensor=number,
            operator=walk.producers.get((index, number)),
            name=tensor.name,
            kind=_kind(model, entry, index, number),
            size=size,
            first_use=0 if kept else first,
            last_use=walk.now if kept else last,
            offset=place,
        )
        (variables if kept else planned).append(resident)
    planned.extend(_scratch(model, walk, request) for request in scratch)
    return Lifetimes(tuple(planned), tuple(variables), tuple(walk.scopes))


def tensor_bytes(tensor: Tensor, shape: Shape) -> int:
    """Return the bytes a tensor of this shape takes in the arena; int4 takes a byte an element.

    Raises ModelError for a negative dimension and for sizes beyond `graph.room`,
    UnsupportedError for a type without a fixed size.
    """
    if min(shape, default=0) < 0:
        raise ModelError(
            f"tensor {tensor.name!r} has shape {list(shape)}: a size that is still unknown cannot "
            "be planned; resize the model's inputs first"
        )
    if tensor.dtype not in STORAGE and tensor.dtype != "bfloat16":
        raise UnsupportedError(
            f"tensor {tensor.name!r} is of type {tensor.dtype}, whose elements have no fixed size "
            f"in an arena; plannable types are bfloat16, {', '.join(STORAGE)}"
        )
    one = 2 if tensor.dtype == "bfloat16" else STORAGE[str(tensor.dtype)].itemsize
    require_room(tensor.name, str(tensor.dtype), shape, one * math.prod(shape))
    return one * math.prod(shape)


class _ScopeWalk:
    """Visits the operators in the order they run, counting scopes and noting first and last use."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.scopes: list[Scope] = []
        self.tensors: dict[TensorId, tuple[int, int]] = {}
        self.operators: dict[tuple[int, int], tuple[int, int]] = {}
        self.producers: dict[TensorId, int] = {}
        self.now = -1
        self._calling: list[int] = []

    def run(self, index: int) -> None:
        """Visit a subgraph and whatever it calls."""
        self._guard(index)
        self._calling.append(index)
        subgraph = self.model.subgraphs[index]
        self._enter(Scope(index, None, "inputs"))
        self._make(index, subgraph.inputs)
        for number, operator in enumerate(subgraph.operators):
            self._operator(index, number, operator)
        self._make(index, subgraph.outputs)
        self._calling.pop()

    def _operator(self, index: int, number: int, operator: Operator) -> None:
        name = operator.name
        self._enter(Scope(index, number, name))
        begin = self.now
        self._make(index, operator.outputs)
        for tensor in operator.outputs:
            self.producers.setdefault((index, tensor), number)
        for option in facts(name).calls:
            self.run(self._callee(index, number, operator, option))
        for tensor in operator.inputs:
            if tensor != OPTIONAL:
                first, _ = self.tensors.get((index, tensor), (NEVER, NEVER))
                self.tensors[index, tensor] = (first, self.now)
        self._make(index, operator.outputs)
        first, _ = self.operators.get((index, number), (begin, begin))
        self.operators[index, number] = (first, self.now)

    def _enter(self, scope: Scope) -> None:
        self.scopes.append(scope)
        self.now += 1

    def _make(self, index: int, tensors: Iterable[int]) -> None:
        """Note that these tensors exist now: from now on, or again."""
        now = self.now
        for tensor in tensors:
            first, _ = self.tensors.get((index, tensor), (NEVER, NEVER))
            self.tensors[index, tensor] = (now if first == NEVER else first, now)

    def _callee(self, index: int, number: int, operator: Operator, option: str) -> int:
        callee = int({**operator.options, **operator.options_2}.get(option, 0))
        if not 0 <= callee < len(self.model.subgraphs):
            raise ModelError(
                f"subgraphs[{index}].operators[{number}] ({operator.name}): {option} is {callee}, "
                f"but the model has {len(self.model.subgraphs)} subgraphs"
            )
        return callee

    def _guard(self, index: int) -> None:
        if index in self._calling:
            circle = " -> ".join(str(i) for i in (*self._calling, index))
            raise ModelError(f"subgraphs call each other in a circle ({circle}): no run would end")
        if len(self._calling) >= _MAX_DEPTH or len(self.scopes) > _MAX_SCOPES:
            raise UnsupportedError(
                f"calls of subgraphs nest {len(self._calling)} deep and take {len(self.scopes)} "
                f"scopes so far; at most {_MAX_DEPTH} levels and {_MAX_SCOPES} scopes are planned"
            )


def _needing_bytes(
    model: Model, shapes: Mapping[TensorId, Shape]
) -> Iterable[tuple[int, int, Tensor, int]]:
    """Yield (subgraph, tensor index, tensor, bytes) of what the file does not hold already."""
    for index, subgraph in enumerate(model.subgraphs):
        for number, tensor in enumerate(subgraph.tensors):
            if has_constant(model, tensor) and not tensor.is_variable:
                continue
            size = tensor_bytes(tensor, shapes.get((index, number), tensor.shape))
            if size:
                yield index, number, tensor, size


def _kind(model: Model, entry: int, index: int, number: int) -> Kind:
    if model.subgraphs[index].tensors[number].is_variable:
        return "variable"
    if index == entry and number in model.subgraphs[entry].inputs:
        return "input"
    if index == entry and number in model.subgraphs[entry].outputs:
        return "output"
    return "activation"


def _scratch(model: Model, walk: _ScopeWalk, request: Scratch) -> Resident:
    subgraph, operator = request.subgraph, request.operator
    if not (
        0 <= subgraph < len(model.subgraphs)
        and 0 <= operator < len(model.subgraphs[subgraph].operators)
    ):
        raise UsageError(f"scratch for subgraphs[{subgraph}].operators[{operator}]: no such one")
    name = f"{model.subgraphs[subgraph].operators[operator].name} scratch"
    first, last = walk.operators.get((subgraph, operator), (NEVER, NEVER))
    return Resident(subgraph, None, operator, name, "scratch", request.size, first, last)


def _check_indices(index: int, subgraph: Subgraph) -> None:
    """Raise ModelError when the subgraph names a tensor it does not have."""
    count = len(subgraph.tensors)
    _check_tensors(index, count, "inputs", subgraph.inputs, 0)
    _check_tensors(index, count, "outputs", subgraph.outputs, 0)
    for number, operator in enumerate(subgraph.operators):
        _check_tensors(index, count, "inputs", operator.inputs, OPTIONAL, number)
        _check_tensors(index, count, "outputs", operator.outputs, 0, number)


def _check_tensors(
    index: int, count: int, what: str, tensors: Shape, lowest: int, operator: int | None = None
) -> None:
    for position, tensor in enumerate(tensors):
        if not lowest <= tensor < count:
            of = "" if operator is None else f"operators[{operator}]."
            raise ModelError(
                f"subgraphs[{index}].{of}{what}[{position}] is tensor {tensor}, but the subgraph "
                f"has {count} tensors, 0 to {count - 1}"
            )
