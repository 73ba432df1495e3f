"""Which sections a linker that drops what is unused keeps, from some symbols on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from conformance.code_size.elf import ObjectFile, ObjectSection

Atom = tuple[str, ...]
"""A section by its file, name and index, or a string that is merged with those equal to it."""
Sizes = tuple[int, int, int]
"""Bytes of text (flash), data (flash and RAM) and bss (RAM)."""
_PLACE: Final = {"text": 0, "data": 1, "bss": 2}


def called(stem: str) -> str:
    """An object's name in tables of sizes, by that of its file."""
    parts = stem.split("__")
    return parts[-1] if parts[0] == "cmsis_nn" else "/".join(parts[-2:])


class Linker:
    """Object files, and archives whose members are taken when something needs them.

    ends: symbols that somebody else defines; ended: those that were needed. scales: what the code
    of an object, by its file's name, is multiplied by.
    """

    def __init__(
        self,
        objects: Iterable[ObjectFile],
        archives: Iterable[ObjectFile],
        *,
        ends: Iterable[str] = (),
        scales: Mapping[str, float] | None = None,
    ) -> None:
        self._home: dict[str, tuple[ObjectFile, int]] = {}
        every = list(objects)
        for weak in (True, False):  # what is strong takes the place of what is weak
            for one in every:
                self._define(one, weak=weak)
        self._later: dict[str, tuple[ObjectFile, int]] = {}
        for one in archives:
            for name, (section, _) in one.defines.items():
                self._later.setdefault(name, (one, section))
        self._ends, self._scales = frozenset(ends), scales or {}
        self.sizes: dict[Atom, Sizes] = {}
        self.missing: set[str] = set()
        self.ended: set[str] = set()

    def _define(self, one: ObjectFile, *, weak: bool) -> None:
        for name, (section, is_weak) in one.defines.items():
            if is_weak == weak and (not weak or name not in self._home):
                self._home[name] = (one, section)

    def defines(self, name: str) -> bool:
        """Whether a symbol is known."""
        return name in self._home or name in self._later

    def reached(self, symbols: Iterable[str]) -> set[Atom]:
        """Return all that is kept for some symbols."""
        found: set[Atom] = set()
        seen: set[tuple[str, int]] = set()
        queue = [place for name in symbols if (place := self._find(name))]
        while queue:
            one, index = queue.pop()
            if (one.name, index) in seen:
                continue
            seen.add((one.name, index))
            section = one.sections[index]
            found |= self._atoms(one, index, section)
            for need in section.needs:
                place = (one, need) if isinstance(need, int) else self._find(need)
                if place is not None:
                    queue.append(place)
        return found

    def beyond_ends(self) -> set[Atom]:
        """Return what is kept for the ends that were needed, where somebody defines them."""
        ends, self._ends = self._ends, frozenset()
        found = self.reached(self.ended)
        self._ends = ends
        return found

    def _find(self, name: str) -> tuple[ObjectFile, int] | None:
        if name in self._ends:
            self.ended.add(name)
            return None
        place = self._home.get(name) or self._later.get(name)
        if place is None:
            self.missing.add(name)
        return place

    def _atoms(self, one: ObjectFile, index: int, section: ObjectSection) -> set[Atom]:
        if section.strings:
            words = [text.decode("latin-1") for text in section.strings]
            self.sizes.update({("", text): (len(text), 0, 0) for text in words})
            return {("", text) for text in words}
        atom = (one.name, section.name, str(index))
        sizes = [0, 0, 0]
        size = section.size + -section.size % section.align
        scale = self._scales.get(one.name, 1) if section.kind == "text" else 1
        sizes[_PLACE[section.kind]] = round(size * scale)
        self.sizes[atom] = (sizes[0], sizes[1], sizes[2])
        return {atom}

    def total(self, atoms: Iterable[Atom]) -> Sizes:
        """Return what they take."""
        sizes = [self.sizes[atom] for atom in atoms]
        text, data, bss = (sum(one[i] for one in sizes) for i in range(3))
        return text, data, bss
