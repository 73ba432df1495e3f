"""The planning problem and its answer: sizes and lifetimes in, offsets out, no model in sight.

Lifetimes are counted in TFLM's scopes and are inclusive at both ends: a buffer with first_use 3 and
last_use 5 is live at 3, 4 and 5. Planners that want half-open intervals take them from
`Problem.intervals`, the one place that converts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UsageError

ALIGNMENT: Final = 16
"""TFLM's `MicroArenaBufferAlignment()`: every offset and every size in its plans is a multiple."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """Something that needs bytes for a while.

    size: bytes asked for, not yet rounded up to the problem's alignment.
    first_use, last_use: scopes, both inclusive; (-1, -1) is TFLM's mark for "never used".
    offset: where the buffer must lie because someone planned it beforehand; None leaves it free.
    """

    size: int
    first_use: int
    last_use: int
    name: str = ""
    offset: int | None = None

    def __post_init__(self) -> None:
        if self.size < 0:
            raise UsageError(f"buffer {self.name!r}: size is {self.size} bytes; it must be >= 0")
        if self.first_use > self.last_use:
            raise UsageError(
                f"buffer {self.name!r}: first_use {self.first_use} comes after last_use "
                f"{self.last_use}; both are inclusive, so they may be equal but not reversed"
            )
        if self.offset is not None and self.offset < 0:
            raise UsageError(
                f"buffer {self.name!r}: offset is {self.offset}; it must be >= 0, or None to leave "
                "the buffer to the planner"
            )


@dataclass(frozen=True, slots=True)
class Problem:
    """Buffers in the order a planner is told of them (ties depend on it), and their alignment."""

    buffers: tuple[Buffer, ...]
    alignment: int = ALIGNMENT

    def __post_init__(self) -> None:
        if self.alignment < 1:
            raise UsageError(f"alignment is {self.alignment}; it must be at least 1 byte")

    def sizes(self) -> NDArray[np.int64]:
        """Return each buffer's bytes rounded up to the alignment: int64 (buffers,)."""
        raw = np.array([buffer.size for buffer in self.buffers], np.int64)
        return -(-raw // self.alignment) * self.alignment

    def intervals(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the lifetimes as half-open intervals [start, stop): two int64 (buffers,)."""
        first = np.array([buffer.first_use for buffer in self.buffers], np.int64)
        last = np.array([buffer.last_use for buffer in self.buffers], np.int64)
        return first, last + 1


@dataclass(frozen=True, slots=True)
class Plan:
    """Where each buffer of a problem lies.

    offsets: bytes from the start of the arena, one for each buffer, in the problem's order.
    extent: bytes the plan takes: the largest offset + size, sizes rounded up to the alignment.
    """

    offsets: tuple[int, ...]
    extent: int


def plan_at(problem: Problem, offsets: Sequence[int]) -> Plan:
    """Return the plan that puts the problem's buffers at these offsets."""
    sizes = problem.sizes().tolist()
    ends = (offset + size for offset, size in zip(offsets, sizes, strict=True))
    return Plan(tuple(offsets), max(ends, default=0))
