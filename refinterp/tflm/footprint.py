"""What an operator takes of the arena: one row per operator and kernel library.

A row says which struct the parser takes from the file, which one Init keeps, and what Prepare asks
for, in its order: buffers that stay, scratch, and the temporary TfLiteTensors it looks at. Most
Prepares only look; those that ask for more are functions of a few lines.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from refinterp.tflm.operation import TflmOperation
from refinterp.tflm.targets import KERNELS, Profile

Ask = Callable[[TflmOperation], None]


@dataclass(frozen=True, slots=True)
class Footprint:
    """One operator in one kernel library.

    operator: its name.
    params: the struct its parser fills, None if it has none.
    data: the struct Init keeps, None if it keeps none.
    temps: operands whose TfLiteTensors Prepare looks at, in order: `i0` is input 0, `o0` output 0.
    types: types its first input may have, blank for any.
    init: what Init does besides.
    prepare: what Prepare does, in place of looking at `temps`.
    measured: whether a model that was measured holds it; else its rule was read in the source only.
    """

    operator: str
    params: str | None = None
    data: str | None = None
    temps: str = ""
    types: str = ""
    init: Ask | None = None
    prepare: Ask | None = None
    measured: bool = False

    def initialise(self, op: TflmOperation) -> None:
        """Ask for what Init asks for."""
        if self.data:
            op.keep_struct(self.data)
        if self.init:
            self.init(op)

    def make_ready(self, op: TflmOperation) -> None:
        """Ask for what Prepare asks for; refuses what the kernel refuses."""
        if self.types:
            op.one_of("i0", self.types)  # a distribution's are told by `judged`
        try:
            if self.prepare:
                self.prepare(op)
            else:
                op.temps(self.temps)
        except IndexError:  # C does not check what it accesses: it reads past the end
            op.require(False, "a tensor has fewer dimensions than its kernel reads")


Table = Mapping[str, Footprint]
_MODULES: Final = {"reference": ("reference", "signal"), "cmsis_nn": ("cmsis_nn",)} | {
    "esp_nn": ("esp_nn",)
}


@cache
def tables(library: str) -> Table:
    """Return a library's own rows, by operator, without those it falls back to."""
    rows: dict[str, Footprint] = {}
    for module in _MODULES[library]:
        found = importlib.import_module(f"refinterp.tflm.kernels.{module}")
        rows.update({row.operator: row for row in found.ROWS})
    return rows


@cache
def older(layer: str) -> Mapping[str, Table]:
    """Return what kernels of each library were otherwise in a layer: library → rows by operator."""
    found = importlib.import_module(f"refinterp.tflm.kernels.{layer}")
    return {library: {row.operator: row for row in rows} for library, rows in found.LAYER.items()}


def find(profile: Profile, operator: str) -> Footprint | None:
    """Return an operator's row in a profile, or None when TFLM has no kernel for it."""
    if operator in profile.tflm.lacks:
        return None
    for library in reversed(profile.kernels.tables):
        for layer in reversed(profile.tflm.layers):
            row = older(layer).get(library, {}).get(operator)
            if row is not None:
                return row
        row = tables(library).get(operator)
        if row is not None:
            return row
    return None


def operators(library: str = "reference") -> tuple[str, ...]:
    """Return the names of all operators a kernel library has kernels for."""
    return tuple(sorted({name for table in KERNELS[library].tables for name in tables(table)}))
