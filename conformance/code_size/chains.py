"""The deepest chain of calls from a function of a linked program on, in bytes of stack."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from conformance.code_size.disassembly import StackFunction, read_functions

CUT: Final = ("_Z11MicroPrintfPKcz", "__assert_func", "abort", "_exit")
"""Where chains end: what prints that something failed, or stops."""
_CONSTRUCTOR: Final = "_ZN6tflite16MicroInterpreter4InitEPNS_22MicroProfilerInterfaceE"
"""Who writes the functions that a kernel calls by its context."""
_TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "MicroInterpreterContext": ("MicroAllocator",),
    "MicroContext": ("MicroInterpreterContext",),
    "MicroInterpreterGraph": ("MicroAllocator", "MicroInterpreterContext"),
    "MicroInterpreter": ("MicroAllocator", "MicroInterpreterGraph"),
    "MicroAllocator": ("SingleArenaBufferAllocator", "GreedyMemoryPlanner"),
    "SingleArenaBufferAllocator": ("SingleArenaBufferAllocator",),
    "internal": ("SingleArenaBufferAllocator",),
    "MicroBuiltinDataAllocator": ("SingleArenaBufferAllocator",),
    "Parse": ("MicroBuiltinDataAllocator",),
    "": ("MicroInterpreterContext",),
}
"""Whose virtual functions are called by those of a class, or by those so called; "": kernels."""

Chain = tuple[int, tuple[str, ...]]
"""Bytes, and the functions on the way."""


def _owner(name: str) -> str:
    """The class of a method or of a table, or the function, by a name as the compiler writes it."""
    found = re.match(r"_Z(?:TV)?NK?6tflite(?:12_GLOBAL__N_1)?(\d+)", name)
    return "" if found is None else name[found.end() : found.end() + int(found[1])]


def _knows(name: str) -> tuple[str, ...]:
    """The classes whose virtual functions a function calls."""
    owner = _owner(name)
    return _TABLES.get("Parse" if owner.startswith("Parse") else owner, _TABLES[""])


class StackProgram:
    """A linked program. looped: functions that call themselves, by whatever way.

    A virtual call is taken to reach what stands in that place of the tables of the classes that the
    caller knows; other indirect calls, those that the interpreter gives kernels by their context,
    and functions that the caller, or who calls that, mentions. A chain may be one that no model
    takes. Kernels are not reached from the interpreter: the caller puts both together.
    """

    def __init__(self, path: Path) -> None:
        self.functions = read_functions(path)
        self.named: dict[str, int] = {one.name: at for at, one in self.functions.items()}
        self._slots = self._virtual(path)
        self._classes = {one.name: _knows(one.name) for one in self.functions.values()}
        self._context = self.functions[self.named[_CONSTRUCTOR]].taken
        self._known: dict[tuple[int, frozenset[int]], Chain] = {}
        self._now: list[int] = []
        self.looped: set[str] = set()

    def _virtual(self, path: Path) -> Mapping[tuple[str, int], int]:
        """Virtual functions by their class and their place in its table, in bytes."""
        data = path.read_bytes()
        (at,) = struct.unpack_from("<I", data, 28)
        size, count = struct.unpack_from("<HH", data, 42)
        parts = [struct.unpack_from("<8I", data, at + i * size) for i in range(count)]
        told = subprocess.run(
            ["arm-none-eabi-nm", "-S", str(path)], check=True, capture_output=True, text=True
        ).stdout
        found: dict[tuple[str, int], int] = {}
        for line in told.splitlines():
            words = line.split()
            if len(words) != 4 or not words[3].startswith("_ZTV"):
                continue
            start, length = int(words[0], 16), int(words[1], 16)
            (offset,) = (
                p[1] + start - p[2] for p in parts if p[0] == 1 and p[2] <= start < p[2] + p[4]
            )
            for slot, value in enumerate(
                struct.unpack_from(f"<{length // 4 - 2}I", data, offset + 8)
            ):
                if value & 1 and value - 1 in self.functions:
                    found[_owner(words[3]), 4 * slot] = value - 1
        return found

    def deepest(self, address: int, given: frozenset[int] = frozenset()) -> Chain:
        """Return the deepest chain from a function on.

        given: functions that a caller mentions, which this one may call.
        """
        if address in self._now:
            self.looped.add(self.functions[address].name)
            return 0, ()
        key = (address, given)
        if key not in self._known:
            self._now.append(address)
            self._known[key] = self._chain(self.functions[address], given)
            self._now.pop()
        return self._known[key]

    def _chain(self, one: StackFunction, given: frozenset[int]) -> Chain:
        best: Chain = (one.frame, ())
        passed = frozenset(at for at in one.taken if not self.functions[at].name.startswith("_ZTV"))
        for depth, target in one.calls:
            if target in self.functions and self.functions[target].name not in CUT:
                size, way = self.deepest(target, passed)
                best = max(best, (depth + size, way))
        for depth, slot in one.indirect:
            for target in self._reached(one.name, slot) | one.taken | given:
                size, way = self.deepest(target)
                best = max(best, (depth + size, way))
        return best[0], (one.name, *best[1])

    def _reached(self, caller: str, slot: int | None) -> set[int]:
        if slot is None:
            return self._context
        places = ((name, slot) for name in self._classes[caller])
        return {self._slots[place] for place in places if place in self._slots}

    def deepest_of(self, name: str, avoiding: Iterable[str] = ()) -> int:
        """Return the bytes of the deepest chain from a function on, by its name.

        avoiding: functions that it does not call.
        """
        one = self.functions[self.named[name]]
        if not avoiding:
            return self.deepest(one.address)[0]
        left = {self.named[other] for other in avoiding}
        sizes = [depth + self.deepest(at)[0] for depth, at in one.calls if at not in left]
        return max(one.frame, *sizes)

    def frame(self, name: str) -> int:
        """Return the bytes that a function has itself."""
        return self.functions[self.named[name]].frame

    def mentioned(self, name: str) -> list[StackFunction]:
        """Return the functions that a function mentions."""
        return [self.functions[at] for at in self.functions[self.named[name]].taken]

    def at_indirect_calls(self, name: str) -> int:
        """Return the bytes that a function has on the stack where it calls what is registered."""
        return max(depth for depth, _ in self.functions[self.named[name]].indirect)

    def to(self, name: str, target: str) -> int:
        """Return the bytes that a function has on the stack where it calls another."""
        calls = self.functions[self.named[name]].calls
        return max(depth for depth, at in calls if at == self.named[target])
