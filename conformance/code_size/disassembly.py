"""What functions of a linked program take of the stack, and whom they call, from its disassembly.

Source    the Arm architecture's reference: which instructions move the stack pointer. What the
          compiler itself says of its own functions (`-fstack-usage`) stands beside it in
          `conformance.code_size.stack`.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

Line = tuple[int, str, str]
"""Address, instruction without its width, operands."""

_FUNCTION: Final = re.compile(r"^([0-9a-f]{8}) <(.*)>:$")
_LINE: Final = re.compile(r"^\s*([0-9a-f]+):\t(\S+)(?:\t([^@;]*))?")
_TARGET: Final = re.compile(r"([0-9a-f]+) <")
_WHEN: Final = "eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|hs|lo"
_CONDITIONAL: Final = re.compile(
    rf"^(push|pop|ldm|ldmia|ldr|bx|add|sub|bl|blx|vpop|vpush|str|mov)({_WHEN})$"
)
_READING: Final = ("cmp", "str", "strb", "strh", "strd", "cbz", "cbnz", "tst")
"""Instructions whose first register is not written."""
_LOOPS: Final = ("cbz", "cbnz", "le", "wls", "dls", "wlstp", "dlstp", "letp")


@dataclass(slots=True)
class StackFunction:
    """A function.

    name: its symbol.
    address: where it begins.
    lines: its instructions.
    frame: bytes it has at most on the stack itself.
    calls: (its bytes at the call, address of who is called).
    indirect: (its bytes, place in a table of virtual functions in bytes, or None where the address
        comes from elsewhere).
    taken: addresses of functions that it mentions.
    strange: what moves the stack by an unknown amount.
    """

    name: str
    address: int
    lines: list[Line] = field(default_factory=list)
    frame: int = 0
    calls: list[tuple[int, int]] = field(default_factory=list)
    indirect: list[tuple[int, int | None]] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)
    strange: list[str] = field(default_factory=list)


def read_functions(program: Path) -> dict[int, StackFunction]:
    """Return all functions of a linked program, by address."""
    text = subprocess.run(
        ["arm-none-eabi-objdump", "-d", "--no-show-raw-insn", str(program)],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return parsed(text)


def parsed(text: str) -> dict[int, StackFunction]:
    """Return all functions of a disassembly as `objdump -d --no-show-raw-insn` prints it."""
    found: dict[int, StackFunction] = {}
    for line in text.splitlines():
        head, body = _FUNCTION.match(line), _LINE.match(line)
        if head:
            now = StackFunction(head[2], int(head[1], 16))
            found[now.address] = now
        elif body and found:
            word = body[2] if body[2].startswith(".") else body[2].partition(".")[0]
            now.lines.append((int(body[1], 16), word, (body[3] or "").strip()))
    for one in found.values():
        _mention(one, found)
        _StackWalk(one).all()
    return found


def _mention(one: StackFunction, functions: dict[int, StackFunction]) -> None:
    """Note the functions whose addresses stand in the function: in its data, or in halves."""
    low: dict[str, int] = {}
    for _, word, operands in one.lines:
        if word == ".word":
            value = int(operands.split()[0], 16)
        elif word == "movw":
            low[operands.split(",")[0]] = _number(operands)
            continue
        elif word == "movt":
            value = _number(operands) << 16 | low.get(operands.split(",")[0], 0)
        else:
            continue
        if value & 1 and value - 1 in functions:
            one.taken.add(value - 1)


def _number(operands: str) -> int:
    found = re.search(r"#(-?\d+)", operands)
    return int(found[1]) if found else 0


def _listed(operands: str) -> int:
    """Bytes of the registers in braces."""
    size = 0
    for part in operands[operands.index("{") + 1 : operands.index("}")].split(","):
        ends = re.findall(r"([a-z]+)(\d+)", part)
        count = int(ends[1][1]) - int(ends[0][1]) + 1 if len(ends) == 2 else 1
        size += count * (8 if part.strip().startswith("d") else 4)
    return size


class _StackWalk:
    """Follows a function's jumps, with the bytes it has on the stack at each instruction."""

    def __init__(self, one: StackFunction) -> None:
        self._one, self._depth = one, dict[int, int]()
        self._places = {line[0]: i for i, line in enumerate(one.lines)}
        self._todo, self._tables = [(0, 0)], list[int]()

    def all(self) -> None:
        """Visit every instruction; those behind a table of jumps have its bytes."""
        while True:
            while self._todo:
                self._from(*self._todo.pop())
            rest = [
                i
                for i, (_, word, _) in enumerate(self._one.lines)
                if i not in self._depth and not word.startswith(".") and word != "nop"
            ]
            if not rest or not self._tables:
                return
            self._todo.append((rest[0], self._tables[-1]))

    def _from(self, place: int, depth: int) -> None:
        lines = self._one.lines
        while place < len(lines) and place not in self._depth:
            _, word, operands = lines[place]
            if word.startswith("."):
                return
            self._depth[place] = depth
            self._one.frame = max(self._one.frame, depth)
            found = _CONDITIONAL.match(word)
            base, sometimes = (found[1], True) if found else (word, False)
            if self._leaves(place, base, operands, depth) and not sometimes:
                return
            if not sometimes or base in ("push", "vpush"):
                depth += self._moves(base, operands)
            place += 1

    def _leaves(self, place: int, word: str, operands: str, depth: int) -> bool:
        """Whether the next instruction does not follow; calls and jumps are noted."""
        one = self._one
        target = _TARGET.search(operands)
        if word in ("bl", "blx"):
            if target:
                one.calls.append((depth, int(target[1], 16)))
            else:
                one.indirect.append((depth, self._slot(place, operands)))
            return False
        if word == "bx":
            if operands != "lr":
                one.indirect.append((depth, self._slot(place, operands)))
            return True
        if word in ("tbb", "tbh") or (word in ("ldr", "mov") and operands.startswith("pc,")):
            self._tables.append(depth)
            return True
        if word == "udf":
            return True
        branch = word in _LOOPS or word == "b" or re.fullmatch(rf"b({_WHEN})", word)
        if branch and target:
            address = int(target[1], 16)
            if address in self._places:
                self._todo.append((self._places[address], depth))
            else:
                one.calls.append((depth, address))
        ends = word in ("pop", "ldmia", "ldm") and re.search(r"\bpc\b", operands)
        return word == "b" or bool(ends)

    def _moves(self, word: str, operands: str) -> int:
        """By how many bytes the stack grows."""
        if word in ("push", "vpush") or (word in ("stmdb", "vstmdb") and operands[:3] == "sp!"):
            return _listed(operands)
        if word in ("pop", "vpop"):
            return -_listed(operands)
        if word in ("ldmia", "ldm", "vldmia") and operands[:3] == "sp!":
            return -_listed(operands)
        if word in ("str", "strd", "vstr") and (down := re.search(r"\[sp, #-(\d+)\]!", operands)):
            return int(down[1])
        if word in ("ldr", "ldrd", "vldr") and (up := re.search(r"\[sp\], #(\d+)", operands)):
            return -int(up[1])
        if word in ("sub", "subw", "add", "addw", "mov") and re.match(r"sp\b", operands):
            if re.match(r"sp, (sp, )?#", operands):
                return _number(operands) * (1 if word.startswith("sub") else -1)
            self._one.strange.append(f"{word} {operands}")
        return 0

    def _slot(self, place: int, register: str) -> int | None:
        """Where in a table of virtual functions a called register was loaded from.

        None where it was loaded from something else: an object begins with its table's address.
        """
        loaded = self._loaded(place, register)
        if loaded is None:
            return None
        place, base, slot = loaded
        table = self._loaded(place, base)
        return slot if table is not None and table[2] == 0 else None

    def _loaded(self, place: int, register: str) -> tuple[int, str, int] | None:
        """Where a register was last loaded, from which register and how far behind it."""
        for before in range(place - 1, -1, -1):
            _, word, operands = self._one.lines[before]
            found = re.match(rf"{register}, \[(\w+)(?:, #(\d+))?\]", operands)
            if word == "ldr" and found:
                return before, found[1], int(found[2] or 0)
            if re.match(rf"{register}\b", operands) and word not in _READING:
                return None
        return None
