"""A model's memory plan, with everything a report, an executor or a checker wants to know of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import numpy as np

from refinterp.arena.greedy import greedy
from refinterp.arena.judge import live_bytes
from refinterp.arena.lifetimes import lifetimes
from refinterp.arena.linear import linear
from refinterp.arena.offline import offline_offsets, refuse_clashes
from refinterp.arena.optimal import TIME_LIMIT, optimal
from refinterp.arena.problem import ALIGNMENT, Plan, Problem
from refinterp.arena.residents import Kind, Resident, Scope, Scratch, TensorId
from refinterp.errors import UsageError
from refinterp.graph.compiled import own_memory
from refinterp.graph.model import Model, Shape

OPTIMAL: Final = "optimal"

PLANNERS: Final[Mapping[str, Callable[[Problem], Plan]]] = MappingProxyType(
    {
        "greedy": greedy,
        "linear": linear,
        "offline": greedy,
        OPTIMAL: lambda problem: optimal(problem).plan,
    }
)
"""`greedy` is what TFLM does: it keeps the offsets a file fixes and places the rest around them.
`offline` is the same, but wants the file to fix some; `linear` does not look at them; `optimal`
keeps them and finds the smallest plan it can."""


@dataclass(frozen=True, slots=True)
class PlannedBuffer:
    """A buffer and where it lies.

    subgraph: the index of the one that it is of.
    tensor: its index there, None for scratch.
    name: the tensor's, or the operator's with the word scratch.
    operator: the one that makes it or asked for it, or None.
    offset: bytes from the start of the arena.
    size: bytes it takes, rounded up to the alignment.
    requested_bytes: bytes its elements need.
    first_use, last_use: scopes, inclusive.
    kind: input and output are those of the subgraph that is run.
    inside: whether it is part of another buffer, the memory of a compiled operator that reads or
        writes it, and so is not counted beside it.
    """

    subgraph: int
    tensor: int | None
    name: str
    operator: int | None
    offset: int
    size: int
    requested_bytes: int
    first_use: int
    last_use: int
    kind: Kind
    inside: bool = False


@dataclass(frozen=True, slots=True)
class TensorPlan:
    """Where every tensor of a model lies, and how good that is.

    planner: a key of `PLANNERS`.
    buffers: what shares the head, in TFLM's order.
    variables: what keeps its bytes between runs, laid out behind the head, nothing shared.
    scopes: what happens at each scope.
    head_bytes: the plan's extent.
    total_bytes: with the variables.
    lower_bound_bytes: what no plan goes below: the most that are live in one scope, or more where
        the `optimal` planner has proven it.
    peak_scope: the first scope where most bytes are live.
    peak_owners: indices into buffers of what is live there, largest first.
    """

    planner: str
    buffers: tuple[PlannedBuffer, ...]
    variables: tuple[PlannedBuffer, ...]
    scopes: tuple[Scope, ...]
    head_bytes: int
    total_bytes: int
    lower_bound_bytes: int
    peak_scope: int
    peak_owners: tuple[int, ...]

    @property
    def waste_bytes(self) -> int:
        """Bytes the plan takes beyond the lower bound; 0 means no plan can be smaller."""
        return self.head_bytes - self.lower_bound_bytes

    @property
    def proven(self) -> bool:
        """Whether no plan can be smaller."""
        return self.waste_bytes == 0

    @property
    def peak_bytes(self) -> int:
        """Bytes live at the peak, each buffer rounded up to the alignment."""
        return sum(self.buffers[owner].size for owner in self.peak_owners)

    def tensors(self) -> dict[TensorId, PlannedBuffer]:
        """Return the place of every tensor that has one, by (subgraph, tensor)."""
        return {
            (buffer.subgraph, buffer.tensor): buffer
            for buffer in (*self.buffers, *self.variables)
            if buffer.tensor is not None
        }


def plan_model(
    model: Model,
    planner: str = "greedy",
    *,
    shapes: Mapping[TensorId, Shape] | None = None,
    scratch: Sequence[Scratch] = (),
    time_limit: float = TIME_LIMIT,
) -> TensorPlan:
    """Plan the memory of a model.

    planner: a key of `PLANNERS`. shapes: where tensors have been resized, by (subgraph, tensor).
    scratch: what operators ask for besides, in order of request.
    time_limit: seconds that the `optimal` planner may take.

    Raises UsageError for a planner that does not exist, or `offline` where the file fixes nothing;
    ModelError and UnsupportedError as `lifetimes` and `offline_offsets` do, and ModelError when
    fixed offsets put two live tensors on the same bytes.
    """
    if planner not in PLANNERS:
        raise UsageError(f"planner is {planner!r}; there are {', '.join(PLANNERS)}")
    offsets = None if planner == "linear" else offline_offsets(model)
    if planner == "offline" and offsets is None:
        raise UsageError(
            "planner is 'offline', but the model has no OfflineMemoryAllocation metadata; "
            "use greedy or linear"
        )
    held = lifetimes(model, shapes=shapes, scratch=scratch, offsets=offsets)
    problem = held.problem()
    apart = {(n, i) for n, graph in enumerate(model.subgraphs) for i in own_memory(graph)}
    inside = _inside(held.planned, problem, apart)
    begin, live = live_bytes(_without(problem, inside))
    bound = int(live.max(initial=0))
    if planner == OPTIMAL:
        result = optimal(problem, time_limit=time_limit)
        plan, bound = result.plan, result.lower_bound
    else:
        plan = PLANNERS[planner](problem)
    if offsets:
        refuse_clashes(held.planned, plan, len(held.scopes), apart=apart)
    sizes = problem.sizes().tolist()
    buffers = tuple(
        replace(placed, inside=i in inside)
        for i, placed in enumerate(map(_place, held.planned, plan.offsets, sizes))
    )
    peak = begin + int(np.argmax(live)) if live.size else 0
    owners = [
        i for i, b in enumerate(buffers) if b.first_use <= peak <= b.last_use and not b.inside
    ]
    variables, total = _stack(held.variables, plan.extent)
    return TensorPlan(
        planner=planner,
        buffers=buffers,
        variables=variables,
        scopes=held.scopes,
        head_bytes=plan.extent,
        total_bytes=total,
        lower_bound_bytes=bound,
        peak_scope=peak,
        peak_owners=tuple(sorted(owners, key=lambda i: -sizes[i])),
    )


def _inside(
    planned: Sequence[Resident], problem: Problem, apart: Collection[TensorId]
) -> frozenset[int]:
    """Return what was put, beforehand, into the memory of a compiled operator; by index.

    Of two such memories on the same bytes the second is inside the first.
    """
    sizes = problem.sizes().tolist()
    holders = [
        (i, r.offset, r.offset + sizes[i], r)
        for i, r in enumerate(planned)
        if r.offset is not None and (r.subgraph, r.tensor) in apart
    ]
    found = set()
    for i, r in enumerate(planned):
        for number, start, end, holder in holders:
            later = number < i or (r.subgraph, r.tensor) not in apart
            if r.offset is None or not later:
                continue
            together = r.first_use <= holder.last_use and holder.first_use <= r.last_use
            if together and start <= r.offset and r.offset + r.size <= end:
                found.add(i)
    return frozenset(found)


def _without(problem: Problem, left_out: Collection[int]) -> Problem:
    """The problem with buffers that take no bytes; what is not there keeps its index."""
    if not left_out:
        return problem
    buffers = [
        replace(buffer, size=0) if i in left_out else buffer
        for i, buffer in enumerate(problem.buffers)
    ]
    return replace(problem, buffers=tuple(buffers))


def _stack(variables: Sequence[Resident], at: int) -> tuple[tuple[PlannedBuffer, ...], int]:
    """Lay buffers out one behind the other from this offset on; return them and the end."""
    at += -at % ALIGNMENT
    placed: list[PlannedBuffer] = []
    for resident in variables:
        size = resident.size + -resident.size % ALIGNMENT
        placed.append(_place(resident, at, size))
        at += size
    return tuple(placed), at


def _place(resident: Resident, offset: int, size: int) -> PlannedBuffer:
    return PlannedBuffer(
        subgraph=resident.subgraph,
        tensor=resident.tensor,
        name=resident.name,
        operator=resident.operator,
        offset=offset,
        size=size,
        requested_bytes=resident.size,
        first_use=resident.first_use,
        last_use=resident.last_use,
        kind=resident.kind,
    )
