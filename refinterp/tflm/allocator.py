"""TFLM's arena as numbers: a tail that grows down from the end, a head and temporaries above it.

Source: TFLM `arena_allocator/single_arena_buffer_allocator.cc` and its recording and two-arena
kin, commit 90b983c2b.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from refinterp.arena.problem import ALIGNMENT
from refinterp.tflm.ledger_data import TEMPORARY, LedgerEntry, Moment, Stage

_FAR: Final = 1 << 40  # where the arena ends; large enough for any arena, a multiple of 16
_HARMLESS: Final = 16
"""Bytes at the end of a quantized temporary TfLiteTensor that nobody reads again: its axis, the
number of its zero points and a zero point."""


class Allocator:
    """Serves requests and keeps their ledger.

    end: how far the arena's end, base + size, lies beyond a multiple of 16; its base is at one.
    tail: bytes taken from the end so far. low: bytes taken from the base, temporaries included.
    """

    def __init__(self, end: int = 0) -> None:
        self.end = _FAR + end % ALIGNMENT
        self.tail = 0
        self.head = 0
        self.low = 0
        self.entries: list[LedgerEntry] = []
        self.peak = Moment(0, 0, 0, "create", "")
        self.runs = 0
        self.low_peak = 0

    def from_tail(
        self,
        size: int,
        align: int,
        stage: Stage,
        category: str,
        what: str,
        *,
        harmless: int = _HARMLESS,
        **whose: Any,
    ) -> None:
        """Take bytes that stay (AllocatePersistentBuffer).

        harmless: of the latest temporary's last bytes, how many nobody reads from now on.
        """
        at = (self.end - self.tail - size) // align * align
        moved = self.end - at - self.tail
        self.tail += moved
        entry = LedgerEntry(size, moved, align, "tail", stage, category, what, **whose)
        self._note(entry, harmless=harmless if self.low > self.head else 0)

    def resize_head(self, size: int, stage: Stage, what: str) -> None:
        """Make the head this large (ResizeBuffer); temporaries must have been given back."""
        self.head = self.low = size
        self._moment(stage, what)

    def temporary(self, size: int, align: int, stage: Stage, what: str, **whose: Any) -> None:
        """Take bytes above the head until they are given back (AllocateTemp)."""
        before = self.low
        self.low += -self.low % align + size
        moved = self.low - before
        self._note(LedgerEntry(size, moved, align, "temp", stage, TEMPORARY, what, **whose))

    def rest(self, least: int, stage: Stage, what: str, **whose: Any) -> None:
        """Take all that remains between whole multiples of 16, of which `least` bytes are needed.

        The need is noted and the bytes are at once given back.
        """
        before = self.low
        low = self.low + -self.low % ALIGNMENT + least
        tail = self.tail + (self.end - self.tail) % ALIGNMENT
        self._note(
            LedgerEntry(least, low - before, ALIGNMENT, "temp", stage, TEMPORARY, what, **whose),
            low=low,
            tail=tail,
        )

    def release(self) -> None:
        """Give all temporaries back (ResetTempAllocations)."""
        self.low = self.head

    def plan(self, size: int, category: str, what: str, **whose: Any) -> None:
        """Set the head to the memory plan's extent, or leave it when it is larger already."""
        moved = max(0, size - self.head)
        self.resize_head(max(size, self.head), "plan", what)
        self.entries.append(
            LedgerEntry(size, moved, ALIGNMENT, "head", "plan", category, what, **whose)
        )

    def count(self, number: int) -> None:
        """Count the latest allocation as so many, as recordings do with arrays."""
        self.entries[-1] = replace(self.entries[-1], count=number)

    def _note(
        self, entry: LedgerEntry, low: int | None = None, tail: int | None = None, harmless: int = 0
    ) -> None:
        self.entries.append(entry)
        who = f"{entry.op_name}: {entry.what}" if entry.op_name else entry.what
        self._moment(entry.stage, who, low, tail, harmless)

    def _moment(
        self,
        stage: Stage,
        what: str,
        low: int | None = None,
        tail: int | None = None,
        harmless: int = 0,
    ) -> None:
        low = self.low if low is None else low
        tail = self.tail if tail is None else tail
        self.low_peak = max(self.low_peak, low)
        if low + tail > self.peak.bytes:
            self.peak = Moment(low + tail, low, tail, stage, what)
        self.runs = max(self.runs, low + tail - harmless)


def rounded(size: int) -> int:
    """Return a size as the smallest arena that holds it: a multiple of 16."""
    return size + -size % ALIGNMENT
