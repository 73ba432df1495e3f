"""What a planted fault is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from conformance.faults.subjects import HealthyPair
from refinterp.graph.model import Model
from refinterp.samples.samples import Samples

Rng = np.random.Generator


@dataclass
class Injection:
    """A planted fault.

    model, twin: the faulty model, and the float model it is held against.
    samples: the data that it is measured on.
    operators: where it may be reported.
    detail: what was done.
    needs_twin: whether it shows with the float model only.
    besides: causes planted on purpose beside it.
    lost_part: the first and last column of the output that the gate must fail for.
    truth: labels that are wrong for both models: a remark must say so, there being no cause.
    """

    model: Model
    twin: Model
    samples: Samples
    operators: frozenset[int]
    detail: str
    needs_twin: bool = False
    besides: frozenset[str] = frozenset()
    lost_part: tuple[int, int] | None = None
    truth: np.ndarray | None = None


@dataclass(frozen=True)
class FaultKind:
    """A cause and the way to plant it; inject returns None where it does not fit the model.

    kind: what is planted, where a cause is planted in more than one way.
    """

    id: str
    inject: Callable[[HealthyPair, Rng], Injection | None]
    kind: str = ""

    @property
    def name(self) -> str:
        """How the page calls it."""
        return f"`{self.id}`: {self.kind}" if self.kind else f"`{self.id}`"
