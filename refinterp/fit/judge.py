"""Whether what is needed fits into the memory there is, and the smallest boards where it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refinterp.boards.choice import Choice
from refinterp.fit.need import Need


@dataclass(frozen=True, slots=True)
class MemorySize:
    """RAM and flash for one program; None where that is not known."""

    ram: int | None
    flash: int | None


@dataclass(frozen=True, slots=True)
class FitResult:
    """A need, where, and what there is."""

    need: Need
    choice: Choice
    memory: MemorySize

    @property
    def ram_left(self) -> int | None:
        """Bytes of RAM left for the application; negative where they are missing."""
        if self.memory.ram is None or self.need.ram_bytes is None:
            return None
        return self.memory.ram - self.need.ram_bytes

    @property
    def flash_left(self) -> int | None:
        """Bytes of flash left for the application; negative where they are missing."""
        return None if self.memory.flash is None else self.memory.flash - self.need.flash_bytes

    @property
    def fits(self) -> bool:
        """Whether TFLM runs it and it takes no more than there is, as far as that is known."""
        known = [left for left in (self.ram_left, self.flash_left) if left is not None]
        return (
            not self.need.unsupported
            and self.need.ram_bytes is not None
            and min(known, default=0) >= 0
        )


def smallest(results: Sequence[FitResult], most: int) -> list[FitResult]:
    """Return the boards with least RAM, and of those with least flash, on which something fits.

    Boards of which a memory is not known are left out.
    """
    known = [
        (one.memory.ram, one.memory.flash, place, one)
        for place, one in enumerate(results)
        if one.fits and one.memory.ram is not None and one.memory.flash is not None
    ]
    return [one for *_, one in sorted(known, key=lambda row: row[:3])[:most]]
