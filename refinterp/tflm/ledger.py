"""How many bytes of arena TFLM needs for models, and who takes them: the allocations replayed.

First come the allocator's own objects, then each model's allocations (`setup.py`), in TFLM's order.

Source    TFLM `micro_allocator.cc`, `recording_micro_allocator.cc`, commit 90b983c2b.
Exact to  TFLM's log of every allocation, on x86-64 and on 32-bit Arm, for every measured model; and
          to what the wheel's `print_allocations` prints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from refinterp.arena.lifetimes import Scratch, TensorId
from refinterp.arena.problem import ALIGNMENT
from refinterp.arena.tensor_plan import TensorPlan, plan_model
from refinterp.errors import UsageError
from refinterp.graph.model import Model, Shape
from refinterp.tflm.allocator import Allocator
from refinterp.tflm.ledger_data import (
    ALLOCATOR,
    RECORDED,
    Category,
    Ledger,
    LedgerEntry,
    Recording,
    SharedArena,
    TwoArenas,
)
from refinterp.tflm.planning import Planner
from refinterp.tflm.setup import SetUp
from refinterp.tflm.targets import Profile

PLAIN: Final = ("SingleArenaBufferAllocator", "{planner}", "MicroAllocator")
RECORDING: Final = (
    "RecordingSingleArenaBufferAllocator", "{planner}", "RecordingMicroAllocator",
)  # fmt: skip
APART: Final = (
    "PersistentArenaBufferAllocator", "NonPersistentArenaBufferAllocator", "{planner}",
    "MicroAllocator",
)  # fmt: skip
"""The allocator's own objects, by how the interpreter was made; the planner's follows its name."""


def measure(
    model: Model, profile: Profile, planner: str = "greedy", *, plan: Planner = plan_model
) -> Ledger:
    """Return every byte of the model's arena.

    planner: a name that `plan` knows; `plan`: what plans, by default `plan_model`.

    Raises UnsupportedError for a model that TFLM refuses or fails on, naming the operator or the
    tensor; ModelError for one that cannot be planned.
    """
    arena, recording = _created(profile, planner, PLAIN), _created(profile, planner, RECORDING)
    made = SetUp(model, 0, profile, planner, (arena, recording)).allocate(plan, ())
    kept = [e for e in arena.entries if e.section == "tail"]
    return Ledger(
        profile=profile,
        plan=made,
        entries=tuple(arena.entries),
        head_bytes=arena.head,
        tail_bytes=arena.tail,
        minimum_arena_bytes=_round(arena.peak.bytes),
        peak=arena.peak,
        tail_by_end=tuple(_tail(kept, end) for end in range(ALIGNMENT)),
        recording=_recording(recording),
    )


def totals(
    model: Model, profile: Profile, planner: str = "greedy", *, plan: Planner = plan_model
) -> tuple[int, int]:
    """Return arena_used_bytes and minimum_arena_bytes alone; raises what `measure` raises."""
    arena = _created(profile, planner, PLAIN)
    SetUp(model, 0, profile, planner, (arena,)).allocate(plan, ())
    return arena.head + arena.tail, _round(arena.peak.bytes)


def needs(
    model: Model, profile: Profile, *, plan: Planner = plan_model
) -> tuple[dict[TensorId, Shape], tuple[Scratch, ...]]:
    """Return the shapes that kernels decide and the scratch buffers they ask for.

    Raises what `measure` raises.
    """
    setup = SetUp(model, 0, profile, "greedy", (_created(profile, "greedy", PLAIN),))
    setup.allocate(plan, ())
    return dict(setup.state.shapes), tuple(setup.scratch)


def measure_apart(
    model: Model, profile: Profile, planner: str = "greedy", *, plan: Planner = plan_model
) -> TwoArenas:
    """Return the bytes of persistent memory and of the rest, when each has an arena of its own."""
    arena = _created(profile, planner, APART)
    SetUp(model, 0, profile, planner, (arena,)).allocate(plan, ())
    return TwoArenas(
        persistent_bytes=arena.tail,
        non_persistent_bytes=arena.head,
        persistent_minimum_bytes=_round(arena.tail),
        non_persistent_minimum_bytes=_round(arena.low_peak),
        entries=tuple(arena.entries),
    )


def measure_shared(
    models: Sequence[Model],
    profile: Profile,
    planner: str = "greedy",
    *,
    plan: Planner = plan_model,
) -> SharedArena:
    """Return the bytes of several models that share one arena, set up in this order."""
    if not models:
        raise UsageError("no model to share an arena")
    arena = _created(profile, planner, PLAIN)
    plans: list[TensorPlan] = []
    for number, model in enumerate(models):
        plans.append(SetUp(model, number, profile, planner, (arena,)).allocate(plan, plans))
    tails = [e for e in arena.entries if e.section == "tail"]
    common = sum(e.bytes for e in tails if e.stage == "create" and e.category == ALLOCATOR)
    return SharedArena(
        arena_used_bytes=arena.head + arena.tail,
        head_bytes=arena.head,
        tail_bytes=arena.tail,
        minimum_arena_bytes=_round(arena.peak.bytes),
        peak=arena.peak,
        allocator_bytes=common,
        tail_bytes_each=tuple(
            sum(e.bytes for e in tails if e.model == number) - (common if number == 0 else 0)
            for number in range(len(models))
        ),
        plans=tuple(plans),
        entries=tuple(arena.entries),
    )


def _created(profile: Profile, planner: str, objects: Sequence[str]) -> Allocator:
    """Return an arena that holds the allocator's own objects."""
    named = "LinearMemoryPlanner" if planner == "linear" else "GreedyMemoryPlanner"
    arena = Allocator()
    for name in objects:
        name = name.format(planner=named)
        size, align = profile.layout(name)
        arena.from_tail(size, align, "create", ALLOCATOR, name)
    return arena


def _tail(kept: Sequence[LedgerEntry], end: int) -> int:
    """Return the tail when the arena ends this far beyond a multiple of 16."""
    arena = Allocator(end)
    for entry in kept:
        arena.from_tail(entry.requested_bytes, entry.align, entry.stage, "", "")
    return arena.tail


def _round(size: int) -> int:
    return size + -size % ALIGNMENT


def _recording(arena: Allocator) -> Recording:
    kept = [e for e in arena.entries if e.section == "tail"]
    return Recording(
        total_bytes=arena.head + arena.tail,
        head_bytes=arena.head,
        tail_bytes=arena.tail,
        minimum_arena_bytes=_round(arena.runs),
        allocations=tuple(
            Category(
                name,
                sum(e.requested_bytes for e in kept if e.category == name),
                sum(e.bytes for e in kept if e.category == name),
                sum(e.count for e in kept if e.category == name),
            )
            for name in RECORDED
        ),
        entries=tuple(arena.entries),
    )
