"""What lives in an arena, and when: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from refinterp.arena.problem import ALIGNMENT, Buffer, Problem

Kind = Literal["input", "output", "activation", "variable", "scratch"]
TensorId = tuple[int, int]
"""(subgraph, tensor): indices that name a tensor of the model."""

NEVER: Final = -1
"""The scope TFLM writes where nothing makes, or nothing uses, a tensor."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """Bytes an operator asks for while it runs, as RequestScratchBufferInArena does."""

    subgraph: int
    operator: int
    size: int


@dataclass(frozen=True, slots=True)
class Scope:
    """What happens at a scope: an operator runs, or (operator None) a subgraph gets its inputs."""

    subgraph: int
    operator: int | None
    name: str


@dataclass(frozen=True, slots=True)
class Resident:
    """A tensor or scratch buffer that needs a place in the arena.

    subgraph: the index of the one that it is of.
    tensor: its index there, None for scratch.
    operator: the one that makes it or asked for it, or None.
    name: the tensor's, or the operator's with the word scratch.
    kind: input and output are those of the subgraph that is run; what is both counts as an input.
    size: bytes asked for, not rounded.
    first_use, last_use: scopes, inclusive.
    offset: bytes from the start of the arena where the file plans it, else None.
    """

    subgraph: int
    tensor: int | None
    operator: int | None
    name: str
    kind: Kind
    size: int
    first_use: int
    last_use: int
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """What a model's arena holds.

    planned: what shares the planned section, in the order TFLM tells its planner.
    variables: what keeps its bytes from one run to the next and is therefore not planned.
    scopes: what happens at each scope; scope 0 is the first entry.
    """

    planned: tuple[Resident, ...]
    variables: tuple[Resident, ...]
    scopes: tuple[Scope, ...]

    def problem(self, alignment: int = ALIGNMENT) -> Problem:
        """Return the planning problem: one buffer for each planned resident, in their order."""
        return Problem(
            tuple(Buffer(r.size, r.first_use, r.last_use, r.name, r.offset) for r in self.planned),
            alignment,
        )
