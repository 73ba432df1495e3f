"""One byte array for all activations, and typed views of it at the planned offsets.

With S samples every offset and size of the plan is multiplied by S: a scaled plan is still a plan,
and each tensor is a contiguous (S, ...) view. Tensors whose shape only a run tells have no place in
the plan; they get bytes of their own when they are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.arena.greedy import greedy
from refinterp.arena.lifetimes import lifetimes
from refinterp.arena.problem import Plan
from refinterp.arena.residents import Lifetimes, Resident
from refinterp.graph.model import STORAGE, Shape
from refinterp.graph.spec import TensorSpec
from refinterp.run.program import PreparedGraph, Program

_BASE_ALIGN = 64
POISON = 0xA5  # an unlikely code in any type, and a NaN-free float

Views = list[NDArray[Any] | None]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The tensors of one subgraph, by index.

    views: (S, *shape); constants and variables have S = 1; None for tensors that have no bytes (a
    type without storage) or none yet (a shape that only a run tells). variables: tensor indices
    kept between runs.
    """

    views: Views
    variables: tuple[int, ...]

    def bind(self, tensor: int, array: NDArray[Any]) -> None:
        """Give a tensor bytes of its own, (S, *shape), for the rest of the run."""
        self.views[tensor] = array

    def reader(self, tensor: int) -> NDArray[Any] | None:
        """A tensor's view, read-only; None where it has none."""
        view = self.views[tensor]
        return None if view is None else read_only(view)


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """Where every tensor of a program lives.

    arena: the byte array. frames: by subgraph. residents: what was planned of the subgraph that is
    run, at `offsets` (bytes of one sample); plan: of all subgraphs.
    """

    arena: NDArray[np.uint8]
    frames: Mapping[int, Frame]
    subgraph: int
    residents: tuple[Resident, ...]
    offsets: tuple[int, ...]
    plan: Plan
    samples: int

    @property
    def views(self) -> Views:
        """The views of the subgraph that is run."""
        return self.frames[self.subgraph].views

    def reader(self, tensor: int) -> NDArray[Any] | None:
        """The read-only view of a tensor of the subgraph that is run."""
        return self.frames[self.subgraph].reader(tensor)

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
    life = _lifetimes(program)
    chosen = greedy(life.problem()) if plan is None else plan
    arena = _aligned(chosen.extent * samples)
    frames = {index: _frame(graph, samples) for index, graph in program.graphs.items()}
    own = []
    for resident, offset in zip(life.planned, chosen.offsets, strict=True):
        if resident.subgraph not in frames:
            continue
        if resident.subgraph == program.subgraph:
            own.append((resident, offset))
        if resident.tensor is not None:
            spec = program.graphs[resident.subgraph].specs[resident.tensor]
            shape = (samples, *spec.shape)
            view: NDArray[Any] = np.ndarray(shape, STORAGE[spec.dtype], arena, offset * samples)
            frames[resident.subgraph].bind(resident.tensor, view)
    return Memory(
        arena,
        frames,
        program.subgraph,
        tuple(resident for resident, _ in own),
        tuple(offset for _, offset in own),
        chosen,
        samples,
    )


def plan_of(program: Program) -> Plan:
    """The greedy plan of one sample: its extent is what each of the samples of a run takes."""
    return greedy(_lifetimes(program).problem())


def _lifetimes(program: Program) -> Lifetimes:
    return lifetimes(program.model, shapes=_shapes(program), entry=program.subgraph)


def _shapes(program: Program) -> dict[tuple[int, int], Shape]:
    """The shapes to plan for; what is not in the plan has no elements."""
    shapes: dict[tuple[int, int], Shape] = {}
    for index, graph in enumerate(program.model.subgraphs):
        prepared = program.graphs.get(index)
        for number, tensor in enumerate(graph.tensors):
            if prepared is None:
                if any(size < 0 for size in tensor.shape):
                    shapes[index, number] = (0,)
            elif number in prepared.unknown or prepared.specs[number].dtype not in STORAGE:
                shapes[index, number] = (0,)
            else:
                shapes[index, number] = prepared.specs[number].shape
    return shapes


def _aligned(size: int) -> NDArray[np.uint8]:
    raw = np.zeros(size + _BASE_ALIGN, np.uint8)
    start = -raw.ctypes.data % _BASE_ALIGN
    return raw[start : start + size]


def _frame(graph: PreparedGraph, samples: int) -> Frame:
    """The views of what is not planned: constants, variables, and tensors without bytes."""
    frame = Frame(
        [None] * len(graph.specs),
        tuple(i for i, spec in enumerate(graph.specs) if spec.is_variable),
    )
    for index, spec in enumerate(graph.specs):
        fixed = None if index in graph.unknown else _fixed(spec, samples)
        if fixed is not None:
            frame.bind(index, fixed)
    return frame


def _fixed(spec: TensorSpec, samples: int) -> NDArray[Any] | None:
    if spec.data is not None:
        return spec.data[None] if spec.dtype in STORAGE else None
    if spec.dtype not in STORAGE:
        return None
    if spec.is_variable:
        return np.zeros((1, *spec.shape), STORAGE[spec.dtype])
    return np.empty((samples, *spec.shape), STORAGE[spec.dtype]) if spec.size == 0 else None


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A view nobody can write through."""
    reader = array.view()
    reader.flags.writeable = False
    return reader
