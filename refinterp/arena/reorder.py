"""Another order of the operators, with which fewer bytes are live at the worst moment.

Kept      Whatever one operator leaves for another: a tensor is read after it is written and before
          it is written again. A variable that an operator is given counts as read and written.
          Operators that may touch what no tensor shows (resources, tables, random numbers, custom
          operators, control flow) stay in their order among themselves.
Method    Dynamic programming over sets of operators that have run, kept to the most promising when
          there are too many; of orders of one set only the one with the lowest peak goes on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from refinterp.arena.lifetimes import lifetimes
from refinterp.arena.residents import Lifetimes, Scratch, TensorId
from refinterp.errors import UnsupportedError
from refinterp.graph.model import OPTIONAL, Model, Shape, Subgraph
from refinterp.graph.operators import facts

Order = tuple[int, ...]
"""Operators by their present index, in the order they are to run."""

CONTROL_DEPENDENCIES: Final = "model_control_dependencies"
"""Metadata that names operators by their index."""

_WIDTH: Final = 1024  # sets of operators that are followed at a time


@dataclass(frozen=True, slots=True)
class Reordered:
    """A model whose operators run in another order, and that order for each subgraph."""

    model: Model
    orders: tuple[Order, ...]

    @property
    def changed(self) -> bool:
        """Whether any operator moved."""
        return any(order != tuple(range(len(order))) for order in self.orders)

    def scratch(self, requests: Sequence[Scratch]) -> tuple[Scratch, ...]:
        """Return the same requests under the operators' new indices, in order of request."""
        places = [{old: new for new, old in enumerate(order)} for order in self.orders]
        moved = (
            dataclasses.replace(request, operator=places[request.subgraph][request.operator])
            for request in requests
        )
        return tuple(sorted(moved, key=lambda request: (request.subgraph, request.operator)))


def reorder(
    model: Model,
    *,
    shapes: Mapping[TensorId, Shape] | None = None,
    scratch: Sequence[Scratch] = (),
) -> Reordered:
    """Return the model with the operators of each subgraph in the order with the lowest peak found.

    Subgraphs for which no better order is found keep theirs. shapes: where they are not the file's;
    scratch: what operators ask for besides.

    Raises UnsupportedError for a model whose metadata refers to operators by their index, and what
    `lifetimes` raises.
    """
    if any(entry.name == CONTROL_DEPENDENCIES for entry in model.metadata):
        raise UnsupportedError(
            f"the model's metadata {CONTROL_DEPENDENCIES!r} names operators by their index; "
            "remove it, or optimize without reordering"
        )
    held = lifetimes(model, shapes=shapes, scratch=scratch)
    orders = tuple(_order(model, index, held) for index in range(len(model.subgraphs)))
    subgraphs = tuple(
        dataclasses.replace(graph, operators=tuple(graph.operators[i] for i in order))
        for graph, order in zip(model.subgraphs, orders, strict=True)
    )
    return Reordered(dataclasses.replace(model, subgraphs=subgraphs), orders)


def dependencies(subgraph: Subgraph) -> tuple[frozenset[int], ...]:
    """Return, for each operator, those that must have run before it."""
    before: list[set[int]] = []
    writers: dict[int, int] = {}
    readers: dict[int, list[int]] = {}
    unseen: int | None = None
    for number, operator in enumerate(subgraph.operators):
        must: set[int] = set()
        inputs = [tensor for tensor in operator.inputs if tensor != OPTIONAL]
        kept = [tensor for tensor in inputs if subgraph.tensors[tensor].is_variable]
        for tensor in inputs:
            if tensor in writers:
                must.add(writers[tensor])
        for tensor in (*operator.outputs, *kept):
            if tensor in writers:
                must.add(writers[tensor])
            must.update(readers.get(tensor, ()))
        if _unseen(operator.name):
            if unseen is not None:
                must.add(unseen)
            unseen = number
        for tensor in inputs:
            readers.setdefault(tensor, []).append(number)
        for tensor in (*operator.outputs, *kept):
            writers[tensor] = number
            readers[tensor] = []
        before.append(must - {number})
    return tuple(frozenset(must) for must in before)


def _unseen(name: str) -> bool:
    """Whether an operator depends on, or leaves, more than its tensors."""
    known = facts(name)
    return known.stateful or bool(known.calls)


def _order(model: Model, index: int, held: Lifetimes) -> Order:
    """Return the order of one subgraph's operators."""
    graph = model.subgraphs[index]
    present = tuple(range(len(graph.operators)))
    before = [_mask(must) for must in dependencies(graph)]
    memory = _Memory(index, graph, held)
    peak, live, done = memory.inputs, memory.start, 0
    for number in present:
        during, live = memory.step(done, live, number)
        peak = max(peak, during)
        done |= 1 << number
    states: dict[int, tuple[int, int, Order]] = {0: (memory.inputs, memory.start, ())}
    for _ in present:
        following: dict[int, tuple[int, int, Order]] = {}
        for done, (worst, live, order) in states.items():
            steps = [
                (number, *memory.step(done, live, number))
                for number in present
                if not done >> number & 1 and before[number] & ~done == 0
            ]
            # What raises neither the peak nor what stays live can only help by running at once.
            free = [step for step in steps if step[1] <= worst and step[2] <= live]
            for number, during, after in free[:1] or steps:
                reached = (max(worst, during), after, (*order, number))
                now = done | 1 << number
                if reached[0] < peak and (now not in following or reached < following[now]):
                    following[now] = reached
        if len(following) > _WIDTH:
            following = dict(sorted(following.items(), key=lambda item: item[1])[:_WIDTH])
        states = following
    return min(states.values())[2] if states and memory.inputs < peak else present


class _Memory:
    """What running one operator next does to the bytes live in a subgraph.

    inputs: bytes live when the inputs are set. start: of those, the ones somebody still needs.
    """

    def __init__(self, index: int, graph: Subgraph, held: Lifetimes) -> None:
        self._sizes: dict[int, int] = {}
        self._scratch = [0] * len(graph.operators)
        for resident, size in zip(held.planned, held.problem().sizes().tolist(), strict=True):
            if resident.subgraph == index and resident.tensor is not None:
                self._sizes[resident.tensor] = size
            elif resident.subgraph == index and resident.operator is not None:
                self._scratch[resident.operator] += size
        self._touched: list[frozenset[int]] = []
        self._users: dict[int, int] = {}
        self._writers: dict[int, int] = {}
        for number, operator in enumerate(graph.operators):
            touched = frozenset(operator.inputs + operator.outputs) & self._sizes.keys()
            self._touched.append(touched)
            for tensor in touched:
                self._users[tensor] = self._users.get(tensor, 0) | 1 << number
            for tensor in operator.outputs:
                self._writers[tensor] = self._writers.get(tensor, 0) | 1 << number
        self._given = frozenset(graph.inputs)
        self._kept = frozenset(graph.outputs)
        given = self._given & self._sizes.keys()
        idle = [t for t in given if not self._users.get(t) and t not in self._kept]
        self.inputs = sum(self._sizes[tensor] for tensor in given)
        self.start = self.inputs - sum(self._sizes[tensor] for tensor in idle)

    def step(self, done: int, live: int, number: int) -> tuple[int, int]:
        """Return the bytes live while the operator runs after those done, and afterwards."""
        now = done | 1 << number
        during, gone = live, 0
        for tensor in self._touched[number]:
            size = self._sizes[tensor]
            writers = self._writers.get(tensor, 0)
            if tensor not in self._given and writers and not writers & done:
                during += size  # the first to write a tensor gives it its bytes
            if tensor not in self._kept and not self._users[tensor] & ~now:
                gone += size
        return during + self._scratch[number], during - gone


def _mask(operators: Iterable[int]) -> int:
    mask = 0
    for operator in operators:
        mask |= 1 << operator
    return mask
