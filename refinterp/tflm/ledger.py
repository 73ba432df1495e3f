"""How many bytes of arena TFLM needs for models, and who takes them: the allocations replayed.

First come the allocator's own objects, then each model's allocations (`setup.py`), in TFLM's order.

Source    TFLM `micro_allocator.cc`, `recording_micro_allocator.cc`, commit 90b983c2b.
Exact to  TFLM's log of every allocation, on x86-64 and on 32-bit Arm, for every measured model; and
          to what the wheel's `print_allocations` prints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from refinterp.arena.problem import ALIGNMENT
from refinterp.arena.residents import Scratch, TensorId
from refinterp.arena.tensor_plan import TensorPlan, plan_model
from refinterp.errors import ModelError, UnsupportedError, UsageError
from refinterp.graph.model import Model, Shape
from refinterp.tflm.allocator import Allocator, rounded
from refinterp.tflm.judged import fails_to_run
from refinterp.tflm.ledger_data import (
    ALLOCATOR,
    MARGIN,
    AsBuilt,
    Known,
    Ledger,
    LedgerEntry,
    Margin,
    SharedArena,
    TwoArenas,
)
from refinterp.tflm.planning import Planner
from refinterp.tflm.recorded import recorded
from refinterp.tflm.setup import SetUp
from refinterp.tflm.targets import Profile, built_by_users, known_builds
from refinterp.tflm.versions import OTHER

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

    For a distribution that is not known (`--tflm other`) these are TFLM's own and a margin.

    Raises UnsupportedError for a model that TFLM refuses or fails on, naming the operator or the
    tensor; ModelError for one that cannot be planned.
    """
    if profile.tflm.name != OTHER:
        ledger = _measured(model, profile, planner, plan)
        return replace(ledger, as_built=_as_built(model, profile, planner, plan))
    margin, base = _margin(model, profile, planner, plan)
    ledger = _measured(model, base, planner, plan)
    more = margin.used_bytes
    entry = LedgerEntry(more, more, 1, "tail", "post", MARGIN, margin.reason, measured=False)
    return replace(
        ledger,
        profile=profile,
        entries=(*ledger.entries, entry),
        tail_bytes=ledger.tail_bytes + more,
        minimum_arena_bytes=ledger.minimum_arena_bytes + margin.minimum_bytes,
        tail_by_end=tuple(tail + more for tail in ledger.tail_by_end),
        margin=margin,
    )


def _measured(model: Model, profile: Profile, planner: str, plan: Planner) -> Ledger:
    arena, recording = _created(profile, planner, PLAIN), _created(profile, planner, RECORDING)
    made = SetUp(model, 0, profile, planner, (arena, recording)).allocate(plan, ())
    kept = [e for e in arena.entries if e.section == "tail"]
    return Ledger(
        profile=profile,
        plan=made,
        entries=tuple(arena.entries),
        head_bytes=arena.head,
        tail_bytes=arena.tail,
        minimum_arena_bytes=_least(arena, profile),
        peak=arena.peak,
        tail_by_end=tuple(_tail(kept, end) for end in range(ALIGNMENT)),
        recording=recorded(recording),
        fails_to_run=tuple(str(verdict) for verdict in fails_to_run(model, profile)),
    )


def _as_built(model: Model, profile: Profile, planner: str, plan: Planner) -> AsBuilt | None:
    """What people's own build of a distribution needs, None where it is this one."""
    where = built_by_users(profile)
    if where is None:
        return None
    return AsBuilt(where, *totals(model, where, planner, plan=plan), profile.tflm.why_usual)


def _margin(model: Model, profile: Profile, planner: str, plan: Planner) -> tuple[Margin, Profile]:
    """Return the margin for a distribution that is not known, and the build that it is put on.

    Raises what TFLM's own build raises when no known build takes the model.
    """
    known: list[Known] = []
    refused: list[UnsupportedError | ModelError] = []
    for where in known_builds(profile):
        try:
            known.append(Known(where, *totals(model, where, planner, plan=plan)))
        except (UnsupportedError, ModelError) as error:
            known.append(Known(where, None, None, str(error)))
            refused.append(error)
    taken = [(one, one.arena_used_bytes, one.minimum_arena_bytes) for one in known]
    sizes = [(one, used, least) for one, used, least in taken if used is not None and least]
    if not sizes:
        raise refused[0]
    base, base_used, base_least = sizes[0]
    dearest, _, most = max(sizes, key=lambda row: row[2])
    more = most - base_least
    reason = (
        f"{dearest.profile.tflm.told} on {dearest.profile.target.name} needs {more} bytes more "
        f"than {base.profile.tflm.name}, the most of {len(sizes)} known builds"
        if more
        else f"none of {len(sizes)} known builds needs more than {base.profile.tflm.name}"
    )
    used = max(row[1] for row in sizes) - base_used
    return Margin(used, more, reason, tuple(known)), base.profile


def totals(
    model: Model, profile: Profile, planner: str = "greedy", *, plan: Planner = plan_model
) -> tuple[int, int]:
    """Return arena_used_bytes and minimum_arena_bytes alone; raises what `measure` raises."""
    if profile.tflm.name == OTHER:
        margin, base = _margin(model, profile, planner, plan)
        used, least = totals(model, base, planner, plan=plan)
        return used + margin.used_bytes, least + margin.minimum_bytes
    arena = _created(profile, planner, PLAIN)
    SetUp(model, 0, profile, planner, (arena,)).allocate(plan, ())
    return arena.head + arena.tail, _least(arena, profile)


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
    """Return the bytes of persistent memory and of the rest, when each has an arena of its own.

    For a distribution that is not known, of the known build that needs the largest arena.
    """
    if profile.tflm.name == OTHER:
        profile = _dearest(model, profile, planner, plan)
    arena = _created(profile, planner, APART)
    SetUp(model, 0, profile, planner, (arena,)).allocate(plan, ())
    return TwoArenas(
        persistent_bytes=arena.tail,
        non_persistent_bytes=arena.head,
        persistent_minimum_bytes=rounded(arena.tail),
        non_persistent_minimum_bytes=rounded(arena.low_peak),
        entries=tuple(arena.entries),
    )


def measure_shared(
    models: Sequence[Model],
    profile: Profile,
    planner: str = "greedy",
    *,
    plan: Planner = plan_model,
) -> SharedArena:
    """Return the bytes of several models that share one arena, set up in this order.

    For a distribution that is not known, of the known build that needs the largest arena.
    """
    if not models:
        raise UsageError("no model to share an arena")
    if profile.tflm.name == OTHER:
        return _shared_most(models, profile, planner, plan)
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
        minimum_arena_bytes=_least(arena, profile),
        peak=arena.peak,
        allocator_bytes=common,
        tail_bytes_each=tuple(
            sum(e.bytes for e in tails if e.model == number) - (common if number == 0 else 0)
            for number in range(len(models))
        ),
        plans=tuple(plans),
        entries=tuple(arena.entries),
        as_built=_shared_as_built(models, profile, planner, plan),
    )


def _shared_as_built(
    models: Sequence[Model], profile: Profile, planner: str, plan: Planner
) -> AsBuilt | None:
    where = built_by_users(profile)
    if where is None:
        return None
    found = measure_shared(models, where, planner, plan=plan)
    used, least = found.arena_used_bytes, found.minimum_arena_bytes
    return AsBuilt(where, used, least, profile.tflm.why_usual)


def _shared_most(
    models: Sequence[Model], profile: Profile, planner: str, plan: Planner
) -> SharedArena:
    """The largest of what the known builds come to; raises what the first raises if none does."""
    found: list[SharedArena] = []
    refused: list[UnsupportedError | ModelError] = []
    for where in known_builds(profile):
        try:
            found.append(measure_shared(models, where, planner, plan=plan))
        except (UnsupportedError, ModelError) as error:
            refused.append(error)
    if not found:
        raise refused[0]
    return max(found, key=lambda one: one.minimum_arena_bytes)


def _dearest(model: Model, profile: Profile, planner: str, plan: Planner) -> Profile:
    """The known build that needs the largest arena for a model."""
    margin, _ = _margin(model, profile, planner, plan)
    return max(margin.known, key=lambda one: one.minimum_arena_bytes or 0).profile


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


def _least(arena: Allocator, profile: Profile) -> int:
    """Return the smallest arena: a distribution's was searched for on its own build.

    There a block that stays may lie over bytes of a temporary that nobody reads again.
    """
    return rounded(arena.runs if profile.tflm.distribution else arena.peak.bytes)
