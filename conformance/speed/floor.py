"""The NumPy calls a first result takes, and nothing else: what an opening cannot be shorter than.

An opening reads a file, checks it, decides for each operator which calls to make, and makes them.
Here all has been read, checked and decided beforehand. What is left are filters that become floats
and are added up, since zero points ask for their sums, and the calls of a first run on arrays that
are there already, as they are written down for later runs, but in the forms that are known before
the first. What these calls take when they come once, between other work, an implementation on NumPy
does not get below; what an opening takes beyond it is Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.model import OPTIONAL
from refinterp.kernels.contract import fresh_state
from refinterp.kernels.weighted_kernel import WeightedKernel
from refinterp.kernels.workspace import Workspace
from refinterp.modelfile.reader import read_model
from refinterp.numerics.tape import Tape
from refinterp.run.memory import lay_out
from refinterp.run.prepare import prepare
from refinterp.run.replay import Replay, settle_together


@dataclass(frozen=True, slots=True)
class BareCalls:
    """The calls of a model's first run, to be made again and again.

    filters: integers, as matrices (rows, elements); ones: what each is multiplied with to add its
    rows up. outputs: (1, *shape) each, the model's, after the calls.
    """

    filters: tuple[NDArray[Any], ...]
    ones: tuple[NDArray[np.float32], ...]
    tape: Tape
    outputs: tuple[NDArray[Any] | None, ...]

    @classmethod
    def of(cls, path: str) -> BareCalls | None:
        """Write them down; None where they depend on data: control flow, shapes a run tells."""
        program = prepare(read_model(path))
        if not program.batchable:
            return None
        views = lay_out(program).views
        tape, steps, filters = Tape(), [], []
        for step in program.steps:
            kernel: Any = step.kernel
            inputs = [None if i == OPTIONAL else views[i] for i in step.inputs]
            operands: Any = step.entry.operands([*inputs, *fresh_state(kernel)])
            results: Any = [views[i] for i in step.outputs]
            steps.append((Replay(kernel, same=True), operands, results))
        settle_together(steps)
        for replay, operands, results in steps:
            kernel, work = replay.kernel.settle(results, 1), Workspace()
            if isinstance(kernel, WeightedKernel) and operands.filter.dtype != np.float32:
                filters.append(operands.filter.reshape(operands.filter.shape[1], -1))
            if not (kernel.steady and kernel.record(operands, results, work, tape)):
                tape(kernel.eval, operands, results, work)
        ones = tuple(np.ones(one.shape[1], np.float32) for one in filters)
        return cls(tuple(filters), ones, tape, tuple(views[i] for i in program.graph.outputs))

    def __call__(self) -> None:
        """Make them."""
        kept = []
        for one, ones in zip(self.filters, self.ones, strict=True):
            floats = one.astype(np.float32)
            kept.append((floats, floats @ ones))  # each in memory of its own, as in an opening
        self.tape.play()
