"""A model that takes its optimal plan with it, so that TFLM's own planner runs it in less memory.

Every tensor gets its offset in the file (`offline`). Scratch buffers cannot: TFLM's greedy planner
puts them into the gaps. So the rewritten model is planned once more, greedily, as TFLM will do it,
and what counts is the result. Where an operator's several scratch buffers miss the gaps meant for
them, they are planned as one, which greedy cannot get wrong: into a gap that holds them all it
puts them one behind the other, and below it they only leave more room.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from refinterp.arena.lifetimes import Scratch, TensorId, lifetimes
from refinterp.arena.offline import with_offsets, without_offsets
from refinterp.arena.optimal import TIME_LIMIT, optimal
from refinterp.arena.problem import ALIGNMENT
from refinterp.arena.reorder import Order, reorder
from refinterp.arena.tensor_plan import TensorPlan, plan_model
from refinterp.graph.model import Model


@dataclass(frozen=True, slots=True)
class Optimized:
    """A model, how TFLM plans it, and how the one it was made from.

    model: with its plan in the metadata; the very model that was given when nothing is gained.
    before, after: plans of TFLM's greedy planner, which keeps offsets that the file has.
    lower_bound_bytes: of the head, in the order of operators that `model` has.
    scratch: what operators ask for, under their indices in `model`.
    orders: for each subgraph the operators' former indices, or None when they kept their order.
    seconds: what the search took.
    """

    model: Model
    before: TensorPlan
    after: TensorPlan
    lower_bound_bytes: int
    scratch: tuple[Scratch, ...]
    orders: tuple[Order, ...] | None
    seconds: float

    @property
    def gain_bytes(self) -> int:
        """Bytes the head has become smaller by."""
        return self.before.head_bytes - self.after.head_bytes

    @property
    def gap_bytes(self) -> int:
        """Bytes between the head and the bound; 0 means that no plan in this order is smaller."""
        return self.after.head_bytes - self.lower_bound_bytes

    @property
    def proven(self) -> bool:
        """Whether no plan of the operators in this order is smaller."""
        return self.gap_bytes == 0


def optimize_model(
    model: Model,
    *,
    scratch: Sequence[Scratch] = (),
    reorder_operators: bool = False,
    time_limit: float = TIME_LIMIT,
    seed: int = 0,
) -> Optimized:
    """Return the model with the best plan found written into it.

    scratch: what operators ask for besides, in order of request. reorder_operators: also look for
    an order of the operators that needs less. time_limit: seconds, for each plan searched for.
    Offsets the file has already are not kept: they are what is to be improved.

    Raises what `plan_model` and, when asked to, `reorder` raise.
    """
    begin = time.monotonic()
    before = plan_model(model, scratch=scratch)
    plain = without_offsets(model)
    found = [_planned(plain, tuple(scratch), before, None, time_limit, seed)]
    if reorder_operators:
        moved = reorder(plain, scratch=scratch)
        if moved.changed:
            requests = moved.scratch(scratch)
            found.append(_planned(moved.model, requests, before, moved.orders, time_limit, seed))
    best = min(found, key=lambda result: result.after.head_bytes)
    if best.gain_bytes <= 0:
        bound = found[0].lower_bound_bytes
        best = Optimized(model, before, before, bound, tuple(scratch), None, 0.0)
    return dataclasses.replace(best, seconds=time.monotonic() - begin)


def _planned(
    model: Model,
    scratch: tuple[Scratch, ...],
    before: TensorPlan,
    orders: tuple[Order, ...] | None,
    time_limit: float,
    seed: int,
) -> Optimized:
    """Return the model, which fixes no offsets yet, with its best plan."""
    offsets, promised, bound = _search(model, scratch, time_limit, seed)
    written, after = _written(model, offsets, scratch)
    if after.head_bytes > promised:
        offsets, _, _ = _search(model, _together(scratch), time_limit, seed)
        again, other = _written(model, offsets, scratch)
        if other.head_bytes < after.head_bytes:
            written, after = again, other
    return Optimized(written, before, after, bound, scratch, orders, 0.0)


def _search(
    model: Model, scratch: Sequence[Scratch], time_limit: float, seed: int
) -> tuple[Mapping[TensorId, int], int, int]:
    """Return the tensors' offsets, the head they promise, and the bound."""
    held = lifetimes(model, scratch=scratch)
    result = optimal(held.problem(), time_limit=time_limit, seed=seed)
    offsets = {
        (resident.subgraph, resident.tensor): offset
        for resident, offset in zip(held.planned, result.plan.offsets, strict=True)
        if resident.tensor is not None
    }
    return offsets, result.plan.extent, result.lower_bound


def _written(
    model: Model, offsets: Mapping[TensorId, int], scratch: Sequence[Scratch]
) -> tuple[Model, TensorPlan]:
    written = with_offsets(model, offsets)
    return written, plan_model(written, scratch=scratch)


def _together(scratch: Sequence[Scratch]) -> tuple[Scratch, ...]:
    """Return one request for each operator, as large as all of its own."""
    sums: dict[tuple[int, int], int] = {}
    for request in scratch:
        key = request.subgraph, request.operator
        sums[key] = sums.get(key, 0) + request.size + -request.size % ALIGNMENT
    return tuple(Scratch(subgraph, operator, size) for (subgraph, operator), size in sums.items())
