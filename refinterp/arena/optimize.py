"""A model that takes its optimal plan with it, so that TFLM's own planner runs it in less memory.

Every tensor gets its offset in the file (`offline`). Scratch buffers cannot: TFLM's greedy planner
puts them into the gaps. So the rewritten model is planned once more, greedily, as TFLM will do it,
and what counts is the result. Where an operator's several scratch buffers miss the gaps meant for
them, they are planned as one, which greedy cannot get wrong: into a gap that holds them all it
puts them one behind the other, and below it they only leave more room. The few tensors that must
be left to greedy as well (`unfit_to_fix`) are judged by the result like scratch.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from refinterp.arena.lifetimes import lifetimes
from refinterp.arena.offline import unfit_to_fix, with_offsets, without_offsets
from refinterp.arena.optimal import TIME_LIMIT, optimal
from refinterp.arena.problem import ALIGNMENT
from refinterp.arena.reorder import Order, reorder
from refinterp.arena.residents import Scratch, TensorId
from refinterp.arena.tensor_plan import TensorPlan, plan_model
from refinterp.graph.model import Model, Shape


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
    shapes: Mapping[TensorId, Shape] | None = None,
    scratch: Sequence[Scratch] = (),
    reorder_operators: bool = False,
    time_limit: float = TIME_LIMIT,
    seed: int = 0,
) -> Optimized:
    """Return the model with the best plan found written into it.

    shapes: of tensors whose shape is not the file's, by (subgraph, tensor). scratch: what operators
    ask for besides, in order of request. reorder_operators: also look for an order of the operators
    that needs less. time_limit: seconds, for each plan searched for.
    Offsets the file has already are not kept: they are what is to be improved.

    Raises what `plan_model` and, when asked to, `reorder` raise.
    """
    begin = time.monotonic()
    before = plan_model(model, shapes=shapes, scratch=scratch)
    plain = without_offsets(model)
    search = _OrderSearch(before, shapes, time_limit, seed)
    found = [search.planned(plain, tuple(scratch), None)]
    if reorder_operators:
        moved = reorder(plain, shapes=shapes, scratch=scratch)
        if moved.changed:
            found.append(search.planned(moved.model, moved.scratch(scratch), moved.orders))
    best = min(found, key=lambda result: result.after.head_bytes)
    if best.gain_bytes <= 0:
        bound = found[0].lower_bound_bytes
        best = Optimized(model, before, before, bound, tuple(scratch), None, 0.0)
    return dataclasses.replace(best, seconds=time.monotonic() - begin)


@dataclass(frozen=True, slots=True)
class _Written:
    """A model with offsets, and TFLM's plan of it. tensors_end: where the last tensor ends.

    Of equally large plans the one whose tensors end lowest is the best: kernels that ask for less
    scratch then need less.
    """

    model: Model
    after: TensorPlan
    tensors_end: int


@dataclass(frozen=True, slots=True)
class _OrderSearch:
    """What all plans of one model have in common."""

    before: TensorPlan
    shapes: Mapping[TensorId, Shape] | None
    time_limit: float
    seed: int

    def planned(
        self, model: Model, scratch: tuple[Scratch, ...], orders: tuple[Order, ...] | None
    ) -> Optimized:
        """Return the model, which fixes no offsets yet, with the best plan found."""
        offsets, promised, bound = self._offsets(model, scratch)
        plans = [self._written(model, offsets, scratch)]
        if scratch:
            offsets, _, _ = self._offsets(model, ())
            plans.append(self._written(model, offsets, scratch))
        if min(plan.after.head_bytes for plan in plans) > promised:
            offsets, _, _ = self._offsets(model, _together(scratch))
            plans.append(self._written(model, offsets, scratch))
        best = min(plans, key=lambda plan: (plan.after.head_bytes, plan.tensors_end))
        return Optimized(best.model, self.before, best.after, bound, scratch, orders, 0.0)

    def _offsets(
        self, model: Model, scratch: Sequence[Scratch]
    ) -> tuple[dict[TensorId, int], int, int]:
        """Return the tensors' offsets, the head they promise, and the bound."""
        held = lifetimes(model, shapes=self.shapes, scratch=scratch)
        result = optimal(held.problem(), time_limit=self.time_limit, seed=self.seed)
        offsets = {
            (resident.subgraph, resident.tensor): offset
            for resident, offset in zip(held.planned, result.plan.offsets, strict=True)
            if resident.tensor is not None
        }
        for tensor in unfit_to_fix(model):
            offsets.pop(tensor, None)
        return offsets, result.plan.extent, result.lower_bound

    def _written(
        self, model: Model, offsets: Mapping[TensorId, int], scratch: Sequence[Scratch]
    ) -> _Written:
        written = with_offsets(model, offsets)
        after = plan_model(written, shapes=self.shapes, scratch=scratch)
        ends = (b.offset + b.size for b in after.buffers if b.tensor is not None)
        return _Written(written, after, max(ends, default=0))


def _together(scratch: Sequence[Scratch]) -> tuple[Scratch, ...]:
    """Return one request for each operator, as large as all of its own."""
    sums: dict[tuple[int, int], int] = {}
    for request in scratch:
        key = request.subgraph, request.operator
        sums[key] = sums.get(key, 0) + request.size + -request.size % ALIGNMENT
    return tuple(Scratch(subgraph, operator, size) for (subgraph, operator), size in sums.items())
