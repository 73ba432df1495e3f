"""What operators write in a run, kept: in the arena it is soon written over."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.model import OPTIONAL
from refinterp.run.program import Step

Array = NDArray[Any]

EVERYTHING: Final = range(1 << 31)
"""All operators, or all tensors."""


class Keeper:
    """An observer that copies what operators write, and where it is asked for what they read.

    operators: indices of those to look at. reads: the tensors to copy when an operator is about to
    read them; a variable changes in place. reuse: write later values over the copies.

    tensors: index → the last copy, (S, *shape).
    """

    def __init__(
        self,
        operators: Container[int] = EVERYTHING,
        *,
        reads: Container[int] = (),
        reuse: bool = False,
    ) -> None:
        self.tensors: dict[int, Array] = {}
        self._operators, self._reads, self._reuse = operators, reads, reuse

    def __call__(
        self,
        moment: str,
        step: Step,
        inputs: Sequence[Array | None],
        outputs: Sequence[Array | None],
    ) -> None:
        """Copy what this operator is about to read, or has just written."""
        if step.operator in self._operators:
            if moment == "before":
                self.read(step, inputs)
            else:
                self._copy(step.outputs, outputs)

    def read(self, step: Step, inputs: Sequence[Array | None]) -> None:
        """Copy what an operator reads, as it is now."""
        pairs = zip(step.inputs, inputs, strict=True)
        self._copy(step.inputs, [array if i in self._reads else None for i, array in pairs])

    def _copy(self, tensors: Sequence[int], arrays: Sequence[Array | None]) -> None:
        for tensor, array in zip(tensors, arrays, strict=True):
            if tensor == OPTIONAL or array is None:
                continue
            kept = self.tensors.get(tensor) if self._reuse else None
            if kept is None or kept.shape != array.shape:  # a shape may depend on the data
                self.tensors[tensor] = array.copy()
            else:
                np.copyto(kept, array)
