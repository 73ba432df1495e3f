"""Faults and what is known to follow from what, while they are weighed against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from refinterp.debug.faults.amounts import enough
from refinterp.debug.faults.fault import Fault
from refinterp.debug.reference.weighted import WeightedOperator


class GraphOperator(Protocol):
    """An operator as one sees it in a graph: its index, name, and tensor indices."""

    @property
    def operator(self) -> int:
        """As in `run.program.Step`."""

    @property
    def name(self) -> str:
        """As in `run.program.Step`."""

    @property
    def inputs(self) -> tuple[int, ...]:
        """As in `run.program.Step`."""

    @property
    def outputs(self) -> tuple[int, ...]:
        """As in `run.program.Step`."""


@dataclass(slots=True)
class Implied:
    """What is known when faults are weighed against each other."""

    nodes: Sequence[GraphOperator]
    weighted: Mapping[int, WeightedOperator]
    shadowed: bool
    faults: Sequence[Fault]
    implied: dict[int, int] = field(default_factory=dict)  # place in faults → its root's

    def enough(self, root: Fault, fault: Fault) -> bool:
        """Whether a fault is large enough to explain another."""
        weighted = self.weighted.get(root.operator)
        channels = 0 if weighted is None else weighted.channels
        return enough(root, fault, channels, shadowed=self.shadowed)

    def imply(self, place: int, root: int) -> None:
        """Let one fault follow from another, unless it does already or that follows from it."""
        if place in self.implied or not self.enough(self.faults[root], self.faults[place]):
            return
        above = root
        while above in self.implied:
            above = self.implied[above]
        if above != place:
            self.implied[place] = root
