"""Every tensor of a run of several samples, kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.model import OPTIONAL
from refinterp.run.executor import Executor
from refinterp.run.prepare import Program, Step, nbytes

Array = NDArray[Any]


class Trace:
    """An observer that copies all an operator writes, and the variables as it found them.

    The copies, (S, *shape), are overwritten by the next run.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        specs = executor.program.specs
        self._variables = frozenset(i for i, spec in enumerate(specs) if spec.is_variable)
        self._kept: dict[int, Array] = {}

    def __call__(
        self,
        moment: str,
        step: Step,
        inputs: Sequence[Array | None],
        outputs: Sequence[Array],
    ) -> None:
        """Copy what this operator is about to change, or has just written."""
        if moment == "before":
            for tensor, array in zip(step.inputs, inputs, strict=True):
                if tensor in self._variables and array is not None:
                    self._keep(tensor, array)
            return
        for tensor, array in zip(step.outputs, outputs, strict=True):
            if tensor != OPTIONAL and array is not None:
                self._keep(tensor, array)

    def _keep(self, tensor: int, array: Array) -> None:
        kept = self._kept.get(tensor)
        if kept is None or kept.shape != array.shape:  # a shape may depend on the data
            self._kept[tensor] = array.copy()
        else:
            np.copyto(kept, array)

    def run(self) -> None:
        """Run the executor once and keep what happens."""
        self._executor.invoke([self])

    def sample(self, tensor: int, index: int) -> Array:
        """Return one sample of a tensor, (*shape), as an operator wrote it or the caller set it."""
        kept = self._kept.get(tensor)
        if kept is None:
            kept = self._executor.read(tensor)
        value: Array = kept[index if len(kept) > 1 else 0]
        return value


def trace_bytes(program: Program) -> int:
    """Bytes that a trace of one sample keeps."""
    written = {i for step in program.steps for i in step.outputs if i != OPTIONAL}
    return sum(nbytes(program.specs[i]) for i in written)


def one_by_one(program: Program) -> bool:
    """Whether samples must run one after the other: they depend on each other, or on their data."""
    if not program.batchable:
        return True
    used: Mapping[int, None] = dict.fromkeys(i for step in program.steps for i in step.inputs)
    return any(i != OPTIONAL and program.specs[i].is_variable for i in used)
