"""Where all lies in the one arena: tensors by the optimal plan, blocks in what it leaves free.

Results that are their operand's bytes share them, and element-wise results take the place of an
operand that nobody reads again, where the plan is smaller for it. Blocks of weights, and bytes that
windows are gathered into, are only needed during one operator: they lie in a gap between the
tensors that live then, or behind them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.arena.optimal import optimal
from refinterp.arena.problem import Buffer, Problem
from refinterp.errors import UnsupportedError
from refinterp.export.micropython.calls import CODES, Lowered, aligned
from refinterp.export.micropython.core import CoreGraph
from refinterp.export.micropython.kernel_text import LEFT
from refinterp.graph.model import STORAGE

_TIME = 5.0  # seconds that a plan may take, where it is not proven before
_ALIGNMENT = 4
_LARGEST = 1 << 28  # bytes; viper's constants and offsets have 30 bits


@dataclass(frozen=True, slots=True)
class Room:
    """Where an operator's block and patch lie. limit: bytes that a block may have."""

    block: int
    patch: int
    limit: int


@dataclass(frozen=True, slots=True, eq=False)
class MemoryPlan:
    """The arena of a module.

    offsets: of tensors. rooms: by operator, in order. plan_bytes: what tensors take. extra_bytes:
    what blocks and patches need beyond. variable_bytes: what stays from run to run. variables:
    (offset, bytes, first value of a byte). arena_bytes: all of it.
    """

    offsets: Mapping[int, int]
    rooms: tuple[Room, ...]
    plan_bytes: int
    extra_bytes: int
    variable_bytes: int
    variables: tuple[tuple[int, int, int], ...]
    arena_bytes: int


@dataclass(slots=True)
class _Share:
    """Bytes that one or several tensors have in common."""

    size: int
    first: int
    last: int


def planned(core: CoreGraph) -> MemoryPlan:
    """Plan a module's memory; raises UnsupportedError beyond what offsets can address."""
    best: tuple[int, dict[int, int], dict[int, _Share]] | None = None
    for in_place in (True, False):
        shares = _shares(core, in_place=in_place)
        own = list({id(share): share for share in shares.values()}.values())
        buffers = tuple(Buffer(share.size, share.first, share.last) for share in own)
        result = optimal(Problem(buffers, _ALIGNMENT), time_limit=_TIME)
        at = {id(share): place for share, place in zip(own, result.plan.offsets, strict=True)}
        found = {tensor: at[id(share)] for tensor, share in shares.items()}
        if best is None or result.plan.extent < best[0]:
            best = (result.plan.extent, found, shares)
        if result.proven:
            break
    extent, offsets, shares = best or (0, {}, {})
    end, rooms = _rooms(core.operators, offsets, shares, extent)
    variables, stop = _variables(core, end)
    for tensor, (offset, _, _) in variables.items():
        offsets[tensor] = offset
    if stop > _LARGEST:
        raise UnsupportedError(
            f"its arena would have {stop:,} bytes; at most {_LARGEST:,} are taken"
        )
    return MemoryPlan(
        offsets, rooms, extent, end - extent, stop - end, tuple(variables.values()), stop
    )


def _shares(core: CoreGraph, *, in_place: bool) -> dict[int, _Share]:
    """Which tensors share bytes, and from when to when those are used."""
    specs, end = core.program.specs, len(core.operators) + 1
    last: dict[int, int] = {}
    for scope, op in enumerate(core.operators, 1):
        last |= dict.fromkeys((*op.reads, *op.writes), scope)
    last |= dict.fromkeys(core.program.graph.outputs, end)
    found: dict[int, _Share] = {}
    for tensor in core.program.graph.inputs:
        found[tensor] = _Share(specs[tensor].size, 0, last.get(tensor, 0))
    for scope, op in enumerate(core.operators, 1):
        for tensor in op.writes:
            if specs[tensor].is_variable:
                continue
            shared = [
                found[x]
                for x in op.reads
                if x in found
                and specs[x].size == specs[tensor].size
                and (op.same or (in_place and op.in_place and found[x].last <= scope))
            ]
            if shared:
                found[tensor] = shared[0]
                shared[0].last = max(shared[0].last, last[tensor])
            else:
                found[tensor] = _Share(specs[tensor].size, scope, last[tensor])
    return found


def _rooms(
    operators: Sequence[Lowered],
    offsets: Mapping[int, int],
    shares: Mapping[int, _Share],
    extent: int,
) -> tuple[int, tuple[Room, ...]]:
    """Find each operator's room, and the end that the arena needs for it."""
    left = any(LEFT in op.features for op in operators)
    wholes = [aligned(op.whole + (op.left if left else 0)) for op in operators]
    live = [
        sorted(
            (offsets[t], offsets[t] + aligned(s.size))
            for t, s in shares.items()
            if s.first <= scope <= s.last
        )
        for scope in range(1, len(operators) + 1)
    ]
    end = extent
    for op, taken in zip(operators, live, strict=True):
        need = aligned(op.patch) + aligned(op.least + (op.left if left else 0))
        if need and max(stop - start for start, stop in _gaps(taken, end)) < need:
            end = max(end, max((stop for _, stop in taken), default=0) + need)
    used: list[int] = []
    rooms = []
    for op, taken, whole in zip(operators, live, wholes, strict=True):
        patch = aligned(op.patch)
        gaps = _gaps(taken, end)
        large = [gap for gap in gaps if gap[1] - gap[0] >= patch + whole]
        start, stop = max(gaps, key=lambda gap: gap[1] - gap[0])
        block = start + patch
        if large:
            start, stop = large[-1]
            again = [b for b in used for low, high in large if low + patch <= b <= high - whole]
            block = again[0] if again else stop - whole
        if op.whole and block not in used:
            used.append(block)
        rooms.append(Room(block, block - patch, stop - block))
    return end, tuple(rooms)


def _gaps(taken: Sequence[tuple[int, int]], end: int) -> list[tuple[int, int]]:
    """What lies free below an end, between what is taken; at least one, perhaps of no bytes."""
    found, at = [], 0
    for start, stop in taken:
        if start > at:
            found.append((at, start))
        at = max(at, stop)
    if at < end or not found:
        found.append((at, max(at, end)))
    return found


def _variables(core: CoreGraph, at: int) -> tuple[dict[int, tuple[int, int, int]], int]:
    """Lay out what operators remember: (offset, bytes, what its bytes are at first)."""
    found: dict[int, tuple[int, int, int]] = {}
    at = aligned(at)
    for op in core.operators:
        for tensor in op.writes:
            spec = core.program.specs[tensor]
            if spec.is_variable and tensor not in found:
                size = spec.size * np.dtype(STORAGE[spec.dtype]).itemsize
                first = spec.zero + CODES if spec.dtype == "int8" else 0
                found[tensor] = (at, size, first)
                at += aligned(size)
    return found, at
