"""MicroPython's viper in Python: words of 32 bits that wrap, and memory whose ends are watched.

A module runs on it as it is. Whatever leaves 32 bits wraps as it does on a board; a byte that
is read or written outside the arena, an array or a block is an error, which on a board nobody sees.
"""

from __future__ import annotations

import bisect
import builtins
import io
import types
from array import array
from collections.abc import Callable
from typing import Any

_APART = 1 << 12  # bytes between buffers, which belong to nobody


class Word(builtins.int):
    """A number of 32 bits with a sign; results of arithmetic wrap."""


def _wrapped(value: builtins.int) -> Word:
    return Word((value + 2**31) % 2**32 - 2**31)


def _arithmetic(name: str) -> Callable[[Any, Any], Word]:
    plain = getattr(builtins.int, name)
    return lambda self, other: _wrapped(plain(builtins.int(self), builtins.int(other)))


for _name in ("add", "sub", "mul", "lshift", "rshift", "and", "or", "xor", "floordiv"):
    setattr(Word, f"__{_name}__", _arithmetic(f"__{_name}__"))
    setattr(Word, f"__r{_name}__", _arithmetic(f"__r{_name}__"))


class WatchedMemory:
    """Buffers at addresses of their own."""

    def __init__(self) -> None:
        self.starts: list[builtins.int] = []
        self.views: list[memoryview] = []
        self.known: dict[builtins.int, builtins.int] = {}
        self.kept: list[Any] = []
        self.end = 1 << 16

    def address(self, buffer: Any) -> Word:
        """Where a buffer lies."""
        if id(buffer) not in self.known:
            self.known[id(buffer)] = self.end
            self.kept.append(buffer)
            self.starts.append(self.end)
            view = memoryview(buffer).cast("B")
            self.views.append(view)
            self.end += len(view) + -len(view) % 16 + _APART
        return Word(self.known[id(buffer)])

    def at(self, address: builtins.int, size: builtins.int) -> tuple[memoryview, builtins.int]:
        """The buffer that holds some bytes, and where in it they are; IndexError outside."""
        place = bisect.bisect(self.starts, address) - 1
        offset = address - self.starts[place]
        if place < 0 or offset + size > len(self.views[place]):
            raise IndexError(f"{size} bytes at {offset} of a buffer are outside of it")
        if size == 4 and address % 4:
            raise IndexError(f"a word at {offset} is not aligned")
        return self.views[place], offset


class Pointer:
    """An address whose elements have a size."""

    def __init__(self, memory: WatchedMemory, address: builtins.int, size: builtins.int) -> None:
        self.memory, self.address, self.size = memory, builtins.int(address), size

    def __getitem__(self, index: builtins.int) -> Word:
        view, at = self.memory.at(self.address + builtins.int(index) * self.size, self.size)
        return Word(
            builtins.int.from_bytes(view[at : at + self.size], "little", signed=self.size == 4)
        )

    def __setitem__(self, index: builtins.int, value: builtins.int) -> None:
        view, at = self.memory.at(self.address + builtins.int(index) * self.size, self.size)
        low = builtins.int(value) & (2 ** (8 * self.size) - 1)
        view[at : at + self.size] = low.to_bytes(self.size, "little")


def load(text: str, weights: bytes, name: str) -> types.ModuleType:
    """Return a module made of its text, whose file is `weights`."""
    memory = WatchedMemory()

    def pointer(size: builtins.int) -> Callable[[Any], Pointer]:
        def made(value: Any) -> Pointer:
            if isinstance(value, builtins.int):
                return Pointer(memory, value, size)
            return Pointer(memory, memory.address(value), size)

        return made

    def whole(value: Any) -> Any:
        if isinstance(value, Pointer):
            return Word(value.address)
        return builtins.int(value)

    def viper(function: Callable[..., Any]) -> Callable[..., Any]:
        kinds = [kind for key, kind in function.__annotations__.items() if key != "return"]

        def call(*given: Any) -> Any:
            return function(
                *(
                    Word(v) if kind is whole else kind(v)
                    for v, kind in zip(given, kinds, strict=True)
                )
            )

        return call

    class File(io.BytesIO):
        def readinto(self, buffer: Any, most: builtins.int | None = None) -> builtins.int:
            view = memoryview(buffer).cast("B")
            return super().readinto(view if most is None else view[:most])

    module = types.ModuleType(name)
    module.__dict__.update(
        micropython=types.SimpleNamespace(viper=viper),
        ptr8=pointer(1),
        ptr32=pointer(4),
        int=whole,
        open=lambda path, mode: File(weights),
        __file__=f"{name}.py",
    )
    text = text.replace("import micropython\n", "")
    exec(compile(text, f"{name}.py", "exec", dont_inherit=True), module.__dict__)
    return module


def run(module: types.ModuleType, samples: list[list[bytes]]) -> list[list[bytes]]:
    """Run a module on samples of codes."""
    model = module.Model()
    found = []
    for sample in samples:
        xs = [array("b", x) for x in sample]
        y = model.run(xs[0] if len(xs) == 1 else xs)
        found.append([one.tobytes() for one in (y if isinstance(y, tuple) else (y,))])
    return found
