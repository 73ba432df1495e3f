"""Cores, families of chips and boards as data, and how a name that was typed finds them.

Names are compared without case, spaces, hyphens and other signs; `+` reads as `plus`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from refinterp.errors import UsageError

_NEAR: Final = 3  # names that a misspelt one may have meant
_CORTEX_M: Final = "cortexm"
_ALIKE: Final = 0.55  # how alike two names are at least, for the one to be meant by the other


@lru_cache(4096)  # a table is read and searched by the same few names again and again
def plain(name: str) -> str:
    """A name as it is compared."""
    return "".join(c for c in name.lower().replace("+", "plus") if c.isalnum())


@dataclass(frozen=True, slots=True)
class Core:
    """A processor core, and the target and kernels whose figures stand for it.

    kernels: None for the target's usual ones. also: other names that people use.
    """

    name: str
    title: str
    target: str
    kernels: str | None = None
    also: tuple[str, ...] = ()

    @property
    def derived(self) -> bool:
        """Whether the figures were measured on another core, with the same ABI and vector unit."""
        return self.name not in (self.target, "esp32")

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return (self.name, self.title, *self.also)


@dataclass(frozen=True, slots=True)
class ChipFamily:
    """Chips whose names begin alike and have one core. begins: as `plain` writes it."""

    begins: str
    core: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """A board: its chip, core and memories. Bytes and clock are None where no source gives them.

    name: as its maker writes it.
    core: the name of a `Core`.
    also: other names that people use.
    vendor: its maker.
    chip: as its maker writes it.
    core_as_sold: the core in the words of the source.
    tflm: the distribution of TFLM usually flashed there, None where none is usual.
    clock_mhz: in MHz.
    ram_contiguous_bytes: the largest run without a gap.
    ram_total_bytes: all of it.
    ram_framework_bytes: what the build framework leaves of it.
    ram_regions: its parts, in the words of the source.
    flash_chip_bytes: all of it.
    flash_framework_bytes: what the build framework leaves of it.
    fpu, dsp, mve: "yes" or "no", of an FPU also its precision; None where no source says.
    second_look: why a figure wants looking up again, else None.
    sources: where the figures stand.
    features_source: where the units do.
    own: from a user's file.
    """

    name: str
    core: str
    also: tuple[str, ...] = ()
    vendor: str = ""
    chip: str = ""
    core_as_sold: str = ""
    tflm: str | None = None
    clock_mhz: int | None = None
    ram_contiguous_bytes: int | None = None
    ram_total_bytes: int | None = None
    ram_framework_bytes: int | None = None
    ram_regions: tuple[str, ...] = ()
    flash_chip_bytes: int | None = None
    flash_framework_bytes: int | None = None
    fpu: str | None = None
    dsp: str | None = None
    mve: str | None = None
    second_look: str | None = None
    sources: tuple[str, ...] = ()
    features_source: str | None = None
    own: bool = False

    @property
    def ram_bytes(self) -> int | None:
        """RAM that one program can have in one piece: the lesser of chip and framework."""
        return _least(self.ram_contiguous_bytes, self.ram_framework_bytes)

    @property
    def flash_bytes(self) -> int | None:
        """Flash that one program can have: the lesser of chip and framework."""
        return _least(self.flash_chip_bytes, self.flash_framework_bytes)

    @property
    def names(self) -> tuple[str, ...]:
        """All names, also without the maker's and without what stands in brackets."""
        short = self.name.removeprefix(f"{self.vendor} ")
        return (
            self.name,
            short,
            self.name.partition(" (")[0],
            short.partition(" (")[0],
            *self.also,
        )

    @property
    def searched(self) -> tuple[str, ...]:
        """All that a search looks at, each as `plain` writes it."""
        fields = (*self.names, self.vendor, self.chip, self.core, self.core_as_sold)
        return tuple(plain(field) for field in fields)


@dataclass(frozen=True, slots=True)
class Hardware:
    """All that is known: the package's table, and what users add."""

    cores: tuple[Core, ...]
    chips: tuple[ChipFamily, ...]
    boards: tuple[Board, ...]

    def core(self, name: str) -> Core:
        """Return the core that a name means: a core's own, a chip's or a board's.

        Raises UsageError for a name that is none, with those like it.
        """
        found = self.core_or_none(name)
        if found is not None:
            return found
        known = [n for core in self.cores for n in (core.name, *core.also)]
        known += [chip.begins for chip in self.chips]
        known += [n for board in self.boards for n in board.names]
        raise UsageError(
            f"there is no target {name!r}{self._meant(name, known)} There are "
            f"{', '.join(core.name for core in self.cores)}, families of chips such as stm32h7, "
            "and boards (`refinterp boards` lists them)"
        )

    def core_or_none(self, name: str) -> Core | None:
        """Return the core that a name means, None for a name that is none."""
        typed = plain(name)
        short = typed.removeprefix("cortex")
        for core in reversed(self.cores):  # a user's own come last, and before the table's
            if any(plain(one) in (typed, short) for one in core.names):
                return core
        of = [chip for chip in self.chips if typed.startswith(chip.begins)]
        if of:
            return self.core_called(max(of, key=lambda chip: len(chip.begins)).core)
        boards = self._called(name) if typed else []
        cores = {board.core for board in boards}
        return self.core_called(cores.pop()) if len(cores) == 1 else None

    def core_called(self, name: str) -> Core:
        """Return the core of exactly this name; raises KeyError when there is none."""
        for core in self.cores:
            if core.name == name:
                return core
        raise KeyError(name)

    def board(self, name: str) -> Board:
        """Return the board that a name means; a chip's name means its boards, if they are alike.

        Raises UsageError for a name of none or of several, with those that may be meant.
        """
        found = self._called(name)
        if len(found) == 1:
            return found[0]
        if not found:
            on = [board for board in self.boards if plain(board.chip) == plain(name)]
            if len({(board.ram_bytes, board.flash_bytes, board.tflm) for board in on}) == 1:
                return on[0]
            found = on
        if found:
            names = ", ".join(board.name for board in found)
            raise UsageError(f"{name!r} may be any of {names}; name one of them")
        core = self.core_or_none(name)
        if core is not None:
            raise UsageError(
                f"{name!r} is no board but a core or chip ({core.title}): give --target "
                f"{core.name} --ram 256K --flash 1M, with what there is; `refinterp boards "
                f"{core.name}` lists the boards that have it"
            )
        known = [n for board in self.boards for n in board.names]
        raise UsageError(
            f"there is no board {name!r}{self._meant(name, known)} {len(self.boards)} boards are "
            "known: `refinterp boards` lists them, `refinterp boards WORD` searches; for one that "
            "is not among them give its chip and memories, --target CHIP --ram 256K --flash 1M, or "
            "add it by --boards FILE"
        )

    def _called(self, name: str) -> list[Board]:
        """The boards of a name; if none has it, those whose name begins with its words."""
        typed = plain(name)
        if not typed:
            return []
        exact = [b for b in self.boards if any(plain(one) == typed for one in b.names)]
        if exact:
            return exact[-1:]  # a user's own comes last, and before the table's
        start = name.lower().strip()
        return [
            b for b in self.boards if any(f"{n.lower()} ".startswith(f"{start} ") for n in b.names)
        ]

    def search(self, text: str) -> list[Board]:
        """Return the boards whose name, maker, chip or core has all words of a text."""
        words = [word for word in map(plain, text.split()) if word]
        whole = plain(text)
        found = []
        for board in self.boards:
            said = board.searched
            each = words and all(any(word in field for field in said) for word in words)
            if each or (whole and any(whole in field for field in said)):
                found.append(board)
        return found

    def near(self, name: str, known: Sequence[str]) -> list[str]:
        """Return names like one that is not known, nearest first."""
        typed = plain(name)
        by = {plain(one): one for one in reversed(known)}
        if typed.startswith(_CORTEX_M):  # what all of them share makes none like another
            ends = {one.removeprefix(_CORTEX_M): one for one in by if one.startswith(_CORTEX_M)}
            near = difflib.get_close_matches(
                typed.removeprefix(_CORTEX_M), ends, n=_NEAR, cutoff=_ALIKE
            )
            close = [ends[end] for end in near]
        else:
            close = difflib.get_close_matches(typed, by, n=_NEAR, cutoff=_ALIKE)
        return list(dict.fromkeys(by[one] for one in close))

    def _meant(self, name: str, known: Sequence[str]) -> str:
        close = self.near(name, known)
        return f"; did you mean {' or '.join(close)}?" if close else "."

    def __iter__(self) -> Iterator[Board]:
        return iter(self.boards)


def _least(*sizes: int | None) -> int | None:
    known = [size for size in sizes if size is not None]
    return min(known) if known else None
