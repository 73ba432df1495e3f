"""Any number of samples through a program: several at once, in memory that is bounded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.model import OPTIONAL, STORAGE
from refinterp.graph.operators import facts
from refinterp.run.executor import Executor
from refinterp.run.memory import plan_of
from refinterp.run.observe import Keeper
from refinterp.run.program import Program, Step
from refinterp.samples.convert import fit_input
from refinterp.samples.samples import Samples

Array = NDArray[Any]

BATCH_BYTES: Final = 64 << 20
"""What the tensors of the samples that run at once may take together."""


def batch_size(program: Program, count: int, limit: int = BATCH_BYTES) -> int:
    """Return how many of `count` samples to run at once: at least 1, and evenly divided.

    Programs that run one sample at a time get 1.
    """
    if not program.batchable or count <= 1:
        return 1
    most = max(1, min(count, limit // max(1, plan_of(program).extent)))
    turns = -(-count // most)
    return -(-count // turns)


def same_in_batches(program: Program) -> bool:
    """Whether every bit of a result is the same however many samples run at once.

    Integers are. Float sums may be taken in an order that depends on the number of rows.
    """
    return not any(
        STORAGE[spec.dtype].kind in "fc"
        for step in program.steps
        if not facts(step.name).makes_reals
        for spec in (program.specs[i] for i in step.outputs)
        if spec.dtype in STORAGE
    )


def in_sequence(program: Program) -> bool:
    """Whether the program may carry something over from one sample to the next."""
    return not program.batchable or any(carries_over(program, step) for step in program.steps)


def carries_over(program: Program, step: Step) -> bool:
    """Whether a step has a state, in its kernel or in a variable, that the next sample meets."""
    return (step.kernel is not None and step.kernel.remembers) or any(
        i != OPTIONAL and program.specs[i].is_variable for i in (*step.inputs, *step.outputs)
    )


@dataclass(slots=True, eq=False)
class Results:
    """What came out. outputs: per sample, an array (*shape) per model output.

    tensors: index → an array (*shape) per sample, of all that operators write, if it was kept.
    notes: what was done to the data on their way in.
    """

    outputs: list[list[Array]] = field(default_factory=list)
    tensors: dict[int, list[Array]] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)

    def extend(self, later: Results) -> None:
        """Append the results of the samples that follow."""
        self.outputs += later.outputs
        for tensor, arrays in later.tensors.items():
            self.tensors.setdefault(tensor, []).extend(arrays)
        self.notes.update(later.notes)

    @property
    def kept_bytes(self) -> int:
        """Bytes of the kept tensors of all samples."""
        return sum(array.nbytes for arrays in self.tensors.values() for array in arrays)


def run_samples(
    program: Program,
    samples: Samples,
    *,
    start: int = 0,
    stop: int | None = None,
    batch: int | None = None,
    keep: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Results:
    """Run samples start … stop - 1 in order, from fresh variables.

    batch: at most so many at once; one at a time where more would change a result. keep: return
    every tensor, too. progress: called with the number of samples done. Raises UsageError for data
    that do not fit the inputs.
    """
    stop = samples.count if stop is None else min(stop, samples.count)
    count = max(0, stop - start)
    size = batch_size(program, count) if same_in_batches(program) else 1
    executor = Executor(program, samples=min(size, batch or size))
    results = Results()
    keeper = Keeper(reuse=True)
    specs = [program.specs[i] for i in program.graph.inputs]
    for first in range(start, stop, executor.samples):
        last = min(first + executor.samples, stop)
        for place, index in enumerate(range(first, last)):
            given = samples.get(index)
            for tensor, spec, values in zip(program.graph.inputs, specs, given, strict=True):
                codes, note = fit_input(values, spec)
                executor.input(tensor)[place] = codes
                if note:
                    results.notes[note] = None
        executor.invoke([keeper] if keep else [])
        for tensor, array in keeper.tensors.items():
            results.tensors.setdefault(tensor, []).extend(_each(array, last - first))
        outputs = [_each(executor.read(i), last - first) for i in program.graph.outputs]
        results.outputs += [list(arrays) for arrays in zip(*outputs, strict=True)]
        if progress is not None:
            progress(last - start)
    return results


def _each(array: Array, count: int) -> list[Array]:
    """Copies of the first samples of (S, *shape); what all share (S = 1) is every sample's."""
    if len(array) == 1:
        return [array[0].copy() for _ in range(count)]
    return list(np.array(array[:count]))
