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
    """A planted fault: the two models, the data, and the operators it may be reported at.

    besides: causes planted on purpose beside it. lost_part: the first and last column of the output
    that the gate must fail for. truth: labels that are wrong for both models, of which the remark
    that comes before any layer must speak, there being no cause.
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
