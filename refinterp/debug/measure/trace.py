"""All tensors of a run of several samples, kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from refinterp.graph.model import OPTIONAL
from refinterp.run.executor import Executor
from refinterp.run.observe import Keeper
from refinterp.run.program import Program, nbytes

Array = NDArray[Any]


class Trace:
    """Runs an executor and keeps all that operators write, and the variables as they found them.

    The copies, (S, *shape), are overwritten by the next run.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        specs = executor.program.specs
        variables = frozenset(i for i, spec in enumerate(specs) if spec.is_variable)
        self._kept = Keeper(reads=variables, reuse=True)

    def run(self) -> None:
        """Run the executor once and keep what happens."""
        self._executor.invoke([self._kept])

    def sample(self, tensor: int, index: int) -> Array:
        """Return one sample of a tensor, (*shape), as an operator wrote it or the caller set it."""
        kept = self._kept.tensors.get(tensor)
        if kept is None:
            kept = self._executor.read(tensor)
        value: Array = kept[index if len(kept) > 1 else 0]
        return value


def trace_bytes(program: Program) -> int:
    """Bytes that a trace of one sample keeps."""
    written = {i for step in program.steps for i in step.outputs if i != OPTIONAL}
    return sum(nbytes(program.specs[i]) for i in written)


def one_by_one(program: Program) -> bool:
    """Whether samples must run one at a time: the state goes on, or shapes depend on the data."""
    if not program.batchable:
        return True
    used: Mapping[int, None] = dict.fromkeys(i for step in program.steps for i in step.inputs)
    return any(i != OPTIONAL and program.specs[i].is_variable for i in used)
