"""What TFLM's code takes for the operators of a model: kernels and what they need, counted once.

Figures   `code_size.json`: builds of TFLM linked for each operator by itself, as
          `python -m conformance.code_size.measure` does it.
Exact to  the builds that were linked. Objects that a build lacks are another's, scaled by the
          sizes of both. For another core, kernel library or version of TFLM the figure is that of
          the nearest build, or the mean of several. Whatever was not linked is an estimate; its
          error is the largest that the mean of the other builds has on one that is left out.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from refinterp.tflm.targets import DEFAULT_VERSION, Profile

BUILDS: Final[Mapping[tuple[str, str], str]] = {
    ("cortex-m4", "reference"): "cm4_ref",
    ("cortex-m4", "cmsis-nn"): "cm4_cmsis",
    ("cortex-m3", "cmsis-nn"): "cm3_cmsis",
    ("cortex-m55", "cmsis-nn"): "cm55_cmsis",
    ("cortex-m55", "reference"): "cm55_ref",
}
"""(target, kernels) → the build that was linked for them."""


@dataclass(frozen=True, slots=True)
class CodeBytes:
    """text: code and constants, in flash. data: in flash and RAM. bss: in RAM."""

    text: int
    data: int
    bss: int

    @property
    def flash(self) -> int:
        """Bytes of flash."""
        return self.text + self.data

    @property
    def ram(self) -> int:
        """Bytes of RAM."""
        return self.data + self.bss

    def __add__(self, other: CodeBytes) -> CodeBytes:
        return CodeBytes(self.text + other.text, self.data + other.data, self.bss + other.bss)


@dataclass(frozen=True, slots=True)
class KernelCode:
    """One operator's code. alone_bytes: flash it needs beyond the interpreter's.

    own_bytes: flash that goes when it goes, as no other operator of the model needs it.
    """

    operator: str
    alone_bytes: int
    own_bytes: int


@dataclass(frozen=True, slots=True)
class CodeNeed:
    """What the code of some operators takes.

    core: the interpreter, without operators. messages: what prints messages, by the C library's
    printf, beyond all the rest. kernels: what the operators need besides, once.
    unknown: operators without a figure. build: the build that was linked, "" for an estimate.
    error: the largest relative error of the mean of other builds on one left out; 0 if linked.
    """

    core: CodeBytes
    kernels: CodeBytes
    messages: CodeBytes
    operators: tuple[KernelCode, ...]
    unknown: tuple[str, ...]
    build: str
    error: float

    @property
    def measured(self) -> bool:
        """Whether TFLM was linked for this very core and these kernels."""
        return bool(self.build)

    @property
    def total(self) -> CodeBytes:
        """All of it."""
        return self.core + self.kernels


@dataclass(frozen=True, slots=True)
class CodeTable:
    """One build. linked: operators that were linked from its own objects; others are scaled.

    messages: the blocks of what prints them. blocks: what is kept or dropped together. needs:
    operator → its blocks.
    """

    linked: frozenset[str]
    core: CodeBytes
    messages: frozenset[int]
    blocks: tuple[CodeBytes, ...]
    needs: Mapping[str, frozenset[int]]

    def kernels(self, operators: Iterable[str]) -> CodeBytes:
        """What operators need beyond the core, each block once."""
        none: frozenset[int] = frozenset()
        return self._sum(none.union(*(self.needs.get(name, none) for name in operators)))

    def printing(self, operators: Iterable[str]) -> CodeBytes:
        """What messages need beyond the core and some operators."""
        return self._sum(self.messages.difference(*(self.needs[name] for name in operators)))

    def _sum(self, blocks: Iterable[int]) -> CodeBytes:
        taken = [self.blocks[i] for i in blocks]
        return CodeBytes(
            sum(one.text for one in taken),
            sum(one.data for one in taken),
            sum(one.bss for one in taken),
        )

    def operator(self, name: str, others: Sequence[str]) -> KernelCode:
        """One operator's code beside all others of the model."""
        whole = self.kernels({name, *others}).flash
        return KernelCode(
            name, self.kernels([name]).flash, whole - self.kernels(set(others) - {name}).flash
        )


@cache
def _document() -> Mapping[str, Any]:
    text = resources.files("refinterp.fit").joinpath("code_size.json").read_text("utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


@cache
def tables() -> Mapping[str, CodeTable]:
    """Return all builds that were linked, by name."""
    return {
        name: CodeTable(
            frozenset(build["linked"]),
            CodeBytes(*build["core"]),
            frozenset(build["messages"]),
            tuple(CodeBytes(*sizes) for sizes in build["blocks"]),
            {op: frozenset(blocks) for op, blocks in build["operators"].items()},
        )
        for name, build in _document()["builds"].items()
    }


def origin() -> str:
    """How the figures came about, in a sentence."""
    return str(_document()["about"])


def code_need(profile: Profile, operators: Iterable[str]) -> CodeNeed:
    """Return what the code of these operators takes in a build."""
    names = tuple(dict.fromkeys(operators))
    build = BUILDS.get((profile.target.name, profile.kernels.name), "")
    own = not profile.core and profile.tflm.name == DEFAULT_VERSION
    if own and build in tables():
        table = tables()[build]
        if all(name in table.linked for name in names if name in table.needs):
            return _measured(build, names)
    return _estimated(profile, names)


def _nearest(profile: Profile) -> tuple[str, ...]:
    """The build of a profile's target with such kernels, else all there are."""
    kernels = profile.kernels.name.removesuffix("-size")
    build = BUILDS.get((profile.target.name, kernels), "")
    return (build,) if build in tables() else tuple(tables())


def _measured(build: str, names: Sequence[str]) -> CodeNeed:
    table = tables()[build]
    known = [name for name in names if name in table.needs]
    return CodeNeed(
        table.core,
        table.kernels(known),
        table.printing(known),
        tuple(table.operator(name, known) for name in known),
        tuple(name for name in names if name not in table.needs),
        build,
        0.0,
    )


def _estimated(profile: Profile, names: Sequence[str]) -> CodeNeed:
    builds = _nearest(profile)
    found = [_measured(build, names) for build in builds]

    def mean(values: Iterable[int]) -> int:
        return round(statistics.mean(values))

    def together(every: Sequence[CodeBytes]) -> CodeBytes:
        return CodeBytes(
            mean(one.text for one in every),
            mean(one.data for one in every),
            mean(one.bss for one in every),
        )

    operators = tuple(
        KernelCode(
            rows[0].operator,
            mean(row.alone_bytes for row in rows),
            mean(row.own_bytes for row in rows),
        )
        for rows in zip(*(one.operators for one in found), strict=True)
    )
    return CodeNeed(
        together([one.core for one in found]),
        together([one.kernels for one in found]),
        together([one.messages for one in found]),
        operators,
        found[0].unknown,
        "",
        float(_document()["error" if len(builds) == 1 else "error_of_any"]["largest"]),
    )
