"""Is a plan sound? An independent check that shares no code with the planners.

It works from the definition alone: two buffers that are live in a common scope must have no byte in
common. Lifetimes are compared as they are written, inclusive at both ends, and sizes as they were
asked for, so that a slip in a planner's rounding or in its half-open intervals cannot hide here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from refinterp.arena.problem import Plan, Problem

FaultKind = Literal["count", "negative", "misaligned", "moved", "extent", "overlap"]


@dataclass(frozen=True, slots=True)
class PlanFault:
    """One thing wrong with a plan.

    kind: `count` (not one offset for each buffer), `negative` (offset below 0), `misaligned`
    (offset no multiple of the alignment), `moved` (not at its fixed offset), `extent` (the plan
    says it takes fewer bytes than it does), `overlap` (two live buffers share bytes).
    buffers: indices into the problem's buffers; an overlap has two, lower index first.
    message: the same in words, with names and numbers.
    """

    kind: FaultKind
    buffers: tuple[int, ...]
    message: str


def judge(problem: Problem, plan: Plan) -> tuple[PlanFault, ...]:
    """Return everything wrong with the plan, overlaps last; a sound plan gives an empty tuple."""
    if len(plan.offsets) != len(problem.buffers):
        message = f"{len(plan.offsets)} offsets for {len(problem.buffers)} buffers"
        return (PlanFault("count", (), message),)
    faults: list[PlanFault] = []
    for i, (buffer, offset) in enumerate(zip(problem.buffers, plan.offsets, strict=True)):
        here = f"{_label(problem, i)} at offset {offset}"
        if offset < 0:
            faults.append(PlanFault("negative", (i,), f"{here}: offsets start at 0"))
        if offset % problem.alignment:
            rule = f"not a multiple of {problem.alignment}"
            faults.append(PlanFault("misaligned", (i,), f"{here}: {rule}"))
        if buffer.offset is not None and buffer.offset != offset:
            faults.append(PlanFault("moved", (i,), f"{here}: fixed beforehand at {buffer.offset}"))
        if offset + buffer.size > plan.extent:
            end = f"ends at {offset + buffer.size}, behind the plan's extent {plan.extent}"
            faults.append(PlanFault("extent", (i,), f"{here}: {end}"))
    for pair in clashes(problem, plan.offsets):
        faults.append(PlanFault("overlap", pair, describe(problem, plan, *pair)))
    return tuple(faults)


def clashes(problem: Problem, offsets: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return every pair of buffers that share a byte in a common scope, each lower index first."""
    first = np.array([buffer.first_use for buffer in problem.buffers], np.int64)
    last = np.array([buffer.last_use for buffer in problem.buffers], np.int64)
    begin = np.array(offsets, np.int64)
    end = begin + np.array([buffer.size for buffer in problem.buffers], np.int64)
    order = np.argsort(begin, kind="stable")
    order = order[end[order] > begin[order]]  # a buffer without bytes shares none
    first, last, begin, end = first[order], last[order], begin[order], end[order]
    beyond = np.searchsorted(begin, end, side="left")  # the first that begins at or behind our end
    pairs: list[tuple[int, int]] = []
    for at, until in enumerate(beyond.tolist()):
        ahead = slice(at + 1, until)
        meets = (first[ahead] <= last[at]) & (last[ahead] >= first[at])
        one = int(order[at])
        others = order[ahead][meets].tolist()
        pairs.extend((min(one, other), max(one, other)) for other in others)
    return sorted(pairs)


def live_bytes(problem: Problem) -> tuple[int, NDArray[np.int64]]:
    """Return (scope, bytes): the bytes live at scope, scope + 1, … up to the last one in use.

    Sizes are rounded up to the alignment. Without buffers: (0, an empty array).
    """
    if not problem.buffers:
        return 0, np.zeros(0, np.int64)
    begin = min(buffer.first_use for buffer in problem.buffers)
    end = max(buffer.last_use for buffer in problem.buffers)
    change = np.zeros(end - begin + 2, np.int64)
    for buffer in problem.buffers:
        rounded = buffer.size + -buffer.size % problem.alignment
        change[buffer.first_use - begin] += rounded
        change[buffer.last_use - begin + 1] -= rounded
    return begin, np.cumsum(change, dtype=np.int64)[:-1]


def lower_bound(problem: Problem) -> int:
    """Return the bytes no plan can do without: the most that are live in one scope."""
    return int(live_bytes(problem)[1].max(initial=0))


def describe(problem: Problem, plan: Plan, one: int, other: int) -> str:
    """Say in words which bytes two clashing buffers share, and when."""
    a, b = problem.buffers[one], problem.buffers[other]
    at, bt = plan.offsets[one], plan.offsets[other]
    first, last = max(a.first_use, b.first_use), min(a.last_use, b.last_use)
    when = f"scope {first}" if first == last else f"scopes {first} to {last}"
    shared = min(at + a.size, bt + b.size) - max(at, bt)
    return (
        f"{_label(problem, one)} at bytes {at}..{at + a.size} and {_label(problem, other)} at "
        f"bytes {bt}..{bt + b.size} share {shared} bytes while both are live at {when}"
    )


def _label(problem: Problem, index: int) -> str:
    name = problem.buffers[index].name
    return f"buffer {index} ({name})" if name else f"buffer {index}"
