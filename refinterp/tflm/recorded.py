"""What a RecordingMicroAllocator tells of an arena, category by category.

Source    TFLM `recording_micro_allocator.cc`, commit 90b983c2b.
"""

from __future__ import annotations

from refinterp.tflm.allocator import Allocator, rounded
from refinterp.tflm.ledger_data import RECORDED, Category, Recording


def recorded(arena: Allocator) -> Recording:
    """Return what a RecordingMicroAllocator says of an arena that holds its objects."""
    kept = [e for e in arena.entries if e.section == "tail"]
    return Recording(
        total_bytes=arena.head + arena.tail,
        head_bytes=arena.head,
        tail_bytes=arena.tail,
        minimum_arena_bytes=rounded(arena.runs),
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
