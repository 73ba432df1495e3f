"""refinterp's tensors against an oracle's, element by element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.operators.case import Case, Sample
from refinterp.graph.model import Model
from refinterp.run.executor import Executor
from refinterp.run.observe import Keeper
from refinterp.run.prepare import prepare
from refinterp.runtimes.outcome import Ran

Array = NDArray[Any]

_MANY = 1 << 40  # runs: every form that can be found pays


@dataclass(slots=True)
class TensorDifference:
    """One tensor that is not the same. largest: codes for integers, relative for floats."""

    tensor: int
    name: str
    elements: int
    differing: int
    largest: float
    where: tuple[int, ...]


@dataclass(slots=True)
class CaseResult:
    """What a case came to: how much was compared and where it differs."""

    elements: int = 0
    float_elements: int = 0
    differences: list[TensorDifference] = field(default_factory=list)

    @property
    def differing(self) -> int:
        """Elements that differ."""
        return sum(d.differing for d in self.differences)


def run_ours(
    model: Model,
    samples: Sequence[Sample],
    *,
    flavour: str,
    plain: bool = False,
    batched: bool = True,
    often: int = 0,
) -> list[dict[int, Array]]:
    """Run the samples and return every operator's outputs, per sample, by tensor index.

    batched: all samples at once through the sample axis where the program allows it, with dead
    tensors poisoned, so that the plan and the batching are under test together with the kernels.
    often: 0 for a first run. Otherwise, where the program allows it, kernels replay what they noted
    in runs before, and have looked for the forms that are found, 1 in many runs, 2 in a few.
    """
    program = prepare(model, flavour=flavour, plain=plain)
    count = len(samples) if batched and program.batchable else 1
    executor = Executor(program, samples=count, poison=True)
    if often and program.batchable:
        _wear_in(executor, samples, often)
    variables = {i for i, spec in enumerate(program.specs) if spec.is_variable}
    results: list[dict[int, Array]] = []
    for start in range(0, len(samples), count):
        chunk = samples[start : start + count]
        for position, tensor in enumerate(program.graph.inputs):
            executor.input(tensor)[...] = np.stack([sample[position] for sample in chunk])
        kept = Keeper()
        executor.invoke([kept])
        for tensor in kept.tensors.keys() & variables:
            kept.tensors[tensor] = executor.read(tensor).copy()  # what the run leaves in them
        results += [
            {tensor: array[min(i, len(array) - 1)] for tensor, array in kept.tensors.items()}
            for i in range(count)
        ]
    return results


def _wear_in(executor: Executor, samples: Sequence[Sample], often: int) -> None:
    """Run on other data (the samples in reverse), so that notes are taken; then forget it all."""
    program = executor.program
    executor.settle(_MANY if often == 1 else 1)
    for _ in range(2):
        for position, tensor in enumerate(program.graph.inputs):
            staged = executor.input(tensor)
            staged[...] = np.stack([sample[position] for sample in samples])[::-1][: len(staged)]
        executor.invoke()
    executor.reset_variables()


def compare(
    case: Case, ours: Sequence[dict[int, Array]], oracle: Ran, *, outputs_only: bool = False
) -> CaseResult:
    """Hold what we computed against what the oracle did, on every tensor both have."""
    graph = case.model.subgraphs[0]
    read = {*graph.outputs, *(i for operator in graph.operators for i in operator.inputs)}
    unread = {  # which LiteRT leaves as they are
        i for operator in graph.operators if operator.name == "WHILE" for i in operator.outputs
    } - read
    result = CaseResult()
    for index, mine in enumerate(ours):
        if outputs_only or not oracle.tensors:
            theirs = dict(zip(oracle.outputs_at, oracle.outputs[index], strict=True))
        else:
            theirs = oracle.tensors[index]
        for tensor, array in mine.items():
            if tensor not in theirs or tensor in unread:
                continue
            want = theirs[tensor]
            name = graph.tensors[tensor].name
            if want.shape != array.shape:
                result.differences.append(
                    TensorDifference(
                        tensor,
                        f"{name}: shape {array.shape} for {want.shape}",
                        want.size,
                        max(want.size, 1),
                        float("inf"),
                        (),
                    )
                )
                continue
            if want.dtype.kind in "fc":
                result.float_elements += want.size
                bad, size = _float_difference(array, want, case)
            else:
                result.elements += want.size
                bad = array != want
                size = np.abs(array.astype(np.float64) - want.astype(np.float64))
            if np.any(bad):
                where = tuple(int(i) for i in np.argwhere(bad)[0])
                result.differences.append(
                    TensorDifference(
                        tensor, name, want.size, int(np.sum(bad)), float(np.max(size)), where
                    )
                )
    return result


def _float_difference(mine: Array, want: Array, case: Case) -> tuple[Any, Any]:
    """Which elements are too far off, and how far in units of the tensor's largest magnitude."""
    with np.errstate(invalid="ignore", over="ignore"):
        finite = np.abs(want[np.isfinite(want)]).astype(np.float64)
        unit = max(float(finite.max(initial=0.0)), 1e-30)
        size = np.abs(mine.astype(np.float64) - want.astype(np.float64))
    same = (mine == want) | (np.isnan(mine) & np.isnan(want))
    size = np.where(same, 0.0, np.nan_to_num(size, nan=np.inf))
    return size > case.float_tolerance * unit + case.float_absolute, size / unit
