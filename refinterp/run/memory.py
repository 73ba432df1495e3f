"""One byte array for all activations, and typed views of it at the planned offsets.

With S samples every offset and size of the plan is multiplied by S: a scaled plan is still a plan,
and each tensor is a contiguous (S, ...) view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.arena.greedy import greedy
from refinterp.arena.lifetimes import Resident, lifetimes
from refinterp.arena.problem import Plan
from refinterp.graph.model import STORAGE
from refinterp.graph.spec import TensorSpec
from refinterp.run.prepare import Program, nbytes

_BASE_ALIGN = 64
POISON = 0xA5  # an unlikely code in any type, and a NaN-free float


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """Where every tensor of a program lives.

    arena: the byte array. views: by tensor index, (S, *shape); constants and variables have S = 1;
    None for tensors that exist only in name (a type without storage). readers: the same, read-only.
    residents: what was planned of this subgraph, at `offsets` (bytes of one sample); plan: all of
    it. variables: tensor indices kept between runs.
    """

    arena: NDArray[np.uint8]
    views: tuple[NDArray[Any] | None, ...]
    readers: tuple[NDArray[Any] | None, ...]
    residents: tuple[Resident, ...]
    offsets: tuple[int, ...]
    plan: Plan
    variables: tuple[int, ...]
    samples: int

    def overwriter(self, tensor: int) -> str | None:
        """Name the tensor whose bytes were written over this one's by the end of a run, or None."""
        own = next((i for i, r in enumerate(self.residents) if r.tensor == tensor), None)
        if own is None:
            return None
        mine = self.residents[own]
        start, end = self.offsets[own], self.offsets[own] + mine.size
        later = [
            (other.first_use, other.name)
            for other, offset in zip(self.residents, self.offsets, strict=True)
            if other.first_use > mine.last_use and offset < end and start < offset + other.size
        ]
        return min(later)[1] if later else None


def lay_out(program: Program, samples: int = 1, plan: Plan | None = None) -> Memory:
    """Plan the program's tensors, greedily unless a plan is given, and make the views."""
    shapes = {(program.subgraph, i): spec.shape for i, spec in enumerate(program.specs)}
    life = lifetimes(program.model, shapes=shapes, entry=program.subgraph)
    chosen = greedy(life.problem()) if plan is None else plan
    arena = _aligned(chosen.extent * samples)
    views: list[NDArray[Any] | None] = [_fixed(spec, samples) for spec in program.specs]
    placed = [
        (resident, offset)
        for resident, offset in zip(life.planned, chosen.offsets, strict=True)
        if resident.subgraph == program.subgraph
    ]
    for resident, offset in placed:
        if resident.tensor is None:
            continue
        spec = program.specs[resident.tensor]
        start = offset * samples
        raw = arena[start : start + nbytes(spec) * samples]
        views[resident.tensor] = raw.view(STORAGE[spec.dtype]).reshape(samples, *spec.shape)
    variables = tuple(i for i, spec in enumerate(program.specs) if spec.is_variable)
    return Memory(
        arena,
        tuple(views),
        tuple(_read_only(views)),
        tuple(resident for resident, _ in placed),
        tuple(offset for _, offset in placed),
        chosen,
        variables,
        samples,
    )


def _aligned(size: int) -> NDArray[np.uint8]:
    raw = np.zeros(size + _BASE_ALIGN, np.uint8)
    start = -raw.ctypes.data % _BASE_ALIGN
    return raw[start : start + size]


def _fixed(spec: TensorSpec, samples: int) -> NDArray[Any] | None:
    """A view for what is not planned: constants, variables, and tensors without bytes."""
    if spec.data is not None:
        return spec.data[None] if spec.dtype in STORAGE else None
    if spec.dtype not in STORAGE:
        return None
    if spec.is_variable:
        return np.zeros((1, *spec.shape), STORAGE[spec.dtype])
    return np.empty((samples, *spec.shape), STORAGE[spec.dtype]) if spec.size == 0 else None


def _read_only(views: Sequence[NDArray[Any] | None]) -> list[NDArray[Any] | None]:
    readers: list[NDArray[Any] | None] = []
    for view in views:
        reader = None if view is None else view.view()
        if reader is not None:
            reader.flags.writeable = False
        readers.append(reader)
    return readers
