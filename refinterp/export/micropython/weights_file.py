"""The file that a module reads at every run: for each call its arguments, then its block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UnsupportedError
from refinterp.export.micropython.calls import ArenaPlace, Call
from refinterp.export.micropython.core import CoreGraph
from refinterp.export.micropython.kernel_text import FIRST, LEFT, places
from refinterp.export.micropython.memory import MemoryPlan, Room

_MODULUS = 1 << 30
_LARGEST = (1 << 31) - 1  # of an argument, which viper loads without a sign on 64 bits
_FACTOR = 33
_PIECE = 4096  # bytes that are summed up at once
_REACH = 3  # bytes behind a window whose length is no multiple of 4 that are read, times zero


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A module's calls with every place resolved.

    data: the file.
    calls: how many.
    kernels: their names, in the order of their numbers.
    views: offsets that blocks are read to.
    width: numbers of the array of arguments.
    largest: bytes of the largest block.
    per_operator: (calls, bytes of the file) by operator, in order.
    reach: bytes that are read behind the arena's, and multiplied by zero.
    """

    data: bytes
    calls: int
    kernels: tuple[str, ...]
    views: tuple[int, ...]
    width: int
    largest: int
    per_operator: tuple[tuple[int, int], ...]
    reach: int

    @property
    def checksum(self) -> int:
        """What the module expects of the file; see `checksum`."""
        return checksum(self.data)


def placed(core: CoreGraph, memory: MemoryPlan) -> Placed:
    """Resolve the calls; raises UnsupportedError for a number that 31 bits do not hold."""
    left = any(LEFT in op.features for op in core.operators)
    by_operator = [
        op.calls(room.limit, left) for op, room in zip(core.operators, memory.rooms, strict=True)
    ]
    flat = [
        (call, room)
        for calls, room in zip(by_operator, memory.rooms, strict=True)
        for call in calls
    ]
    kernels = tuple(sorted({call.kernel for call, _ in flat}))
    width = max((max(places(name).values()) + 1 for name in kernels), default=FIRST)
    often = Counter(room.block for call, room in flat if call.block)
    views = tuple(sorted(often))
    data = bytearray()
    sizes = []
    for calls, room in zip(by_operator, memory.rooms, strict=True):
        begin = len(data)
        for call in calls:
            view = views.index(room.block) if call.block else 0
            head = [len(call.block), view, kernels.index(call.kernel)]
            data += _arguments(call, room, memory.offsets, head, width) + call.block
        sizes.append((len(calls), len(data) - begin))
    return Placed(
        bytes(data), len(flat), kernels, views, width,
        max((len(call.block) for call, _ in flat), default=0), tuple(sizes),
        max((_reach(call) for call, _ in flat), default=0),
    )  # fmt: skip


def _arguments(
    call: Call, room: Room, offsets: Mapping[int, int], head: list[int], width: int
) -> bytes:
    where = places(call.kernel)
    numbers = [*head, *[0] * (width - FIRST)]
    for name, place in where.items():
        value = call.arguments[name]
        if isinstance(value, ArenaPlace):
            start = room.patch if value.patch else room.block
            value = value.offset + (start if value.tensor is None else offsets[value.tensor])
        if not 0 <= value <= _LARGEST:
            raise UnsupportedError(f"an argument {name} of {value:,} leaves 31 bits")
        numbers[place] = value
    return np.array(numbers, "<i4").tobytes()


def _reach(call: Call) -> int:
    size, flat = call.arguments.get("size", 0), call.arguments.get("flat", 0)
    return _REACH if flat and isinstance(size, int) and size % 4 else 0


def checksum(data: bytes) -> int:
    """Return a number of 30 bits that another file of the same length hardly has.

    Any one changed byte changes it: s = s * 33 + byte, from 1, on 30 bits.
    """
    total = 1
    for start in range(0, len(data), _PIECE):
        part = np.frombuffer(data[start : start + _PIECE], np.uint8).astype(np.uint64)
        powers = _powers()
        own = int((part * powers[len(part) - 1 :: -1][: len(part)]).sum())
        total = (total * int(powers[len(part)]) + own) % _MODULUS
    return total


@cache
def _powers() -> NDArray[np.uint64]:
    found = [1]
    for _ in range(_PIECE):
        found.append(found[-1] * _FACTOR % _MODULUS)
    return np.array(found, np.uint64)
