"""Object files and archives of 32-bit Arm, as far as a linker that drops what is unused reads them.

Source    the ELF specification, and ELF for the Arm Architecture (relocations name a symbol each).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_SYMTAB, _NOBITS, _REL, _RELA = 2, 8, 9, 4
_WRITE, _ALLOC, _MERGE, _STRINGS = 1, 2, 0x10, 0x20
_GLOBAL, _WEAK = 1, 2
_COMMON: Final = 0xFFF2


@dataclass(slots=True)
class ObjectSection:
    """A section that takes memory. kind: text (flash), data (both) or bss (RAM).

    strings: what it holds where the linker merges equal strings. needs: symbols it refers to, by
    name, or the place of a section of the same object.
    """

    name: str
    kind: str
    size: int
    align: int
    strings: tuple[bytes, ...] = ()
    needs: list[str | int] = field(default_factory=list)


@dataclass(slots=True)
class ObjectFile:
    """sections: by their index in the file. defines: global name → (index, weak)."""

    name: str
    sections: dict[int, ObjectSection]
    defines: dict[str, tuple[int, bool]]


def read_object(name: str, data: bytes) -> ObjectFile:
    """Read a relocatable file of 32 bits, little-endian."""
    if data[:6] != b"\x7fELF\x01\x01":
        raise ValueError(f"{name}: not ELF of 32 bits, little-endian")
    (offset,) = struct.unpack_from("<I", data, 32)
    size, number, names_at = struct.unpack_from("<HHH", data, 46)
    heads = [struct.unpack_from("<10I", data, offset + i * size) for i in range(number)]

    def content(index: int) -> bytes:
        head = heads[index]
        return b"" if head[1] == _NOBITS else data[head[4] : head[4] + head[5]]

    titles = content(names_at)
    sections: dict[int, ObjectSection] = {}
    for index, head in enumerate(heads):
        kind, flags = head[1], head[2]
        if not flags & _ALLOC or kind == 0x70000001:  # unwinding tables: none are kept
            continue
        where = "bss" if kind == _NOBITS else "data" if flags & _WRITE else "text"
        text: tuple[bytes, ...] = ()
        if flags & _MERGE and flags & _STRINGS:
            text = tuple(one + b"\0" for one in content(index).split(b"\0")[:-1])
        sections[index] = ObjectSection(
            _text(titles, head[0]), where, head[5], max(1, head[8]), text
        )
    symbols: list[tuple[str, int, int, int]] = []
    defines: dict[str, tuple[int, bool]] = {}
    for index, head in enumerate(heads):
        if head[1] != _SYMTAB:
            continue
        words = content(head[6])
        table = content(index)
        for at in range(0, len(table), 16):
            word, value, extent, info, _, where = struct.unpack_from("<IIIBBH", table, at)
            called, bind = _text(words, word), info >> 4
            symbols.append((called, bind, info & 15, where))
            if where == _COMMON and bind:
                new = max(sections, default=0) + 1000
                sections[new] = ObjectSection(f".bss.{called}", "bss", extent, max(1, value))
                defines.setdefault(called, (new, True))
            elif bind in (_GLOBAL, _WEAK) and where in sections:
                defines.setdefault(called, (where, bind == _WEAK))
    for index, head in enumerate(heads):
        if head[1] not in (_REL, _RELA) or head[7] not in sections:
            continue
        step = 8 if head[1] == _REL else 12
        table, needs = content(index), sections[head[7]].needs
        for at in range(0, len(table), step):
            called, bind, kind, where = symbols[struct.unpack_from("<II", table, at)[1] >> 8]
            if bind in (_GLOBAL, _WEAK):
                needs.append(called)
            elif where in sections:
                needs.append(where)
    return ObjectFile(name, sections, defines)


def _text(table: bytes, at: int) -> str:
    return table[at : table.index(b"\0", at)].decode("latin-1")


def read_archive(path: Path) -> Iterator[ObjectFile]:
    """Yield the object files of an archive in the common format."""
    data, at, long_names = path.read_bytes(), 8, b""
    while at + 60 <= len(data):
        name, size = data[at : at + 16].decode("latin-1"), int(data[at + 48 : at + 58])
        content = data[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
        if name.startswith("//"):
            long_names = content
        elif not name.startswith("/ ") and not name.startswith("/SYM"):
            if name.startswith("/"):
                start = int(name[1:])
                name = long_names[start : long_names.index(b"\n", start)].decode("latin-1")
            if content[:6] == b"\x7fELF\x01\x01":
                yield read_object(f"{path.name}:{name.strip().rstrip('/')}", content)
