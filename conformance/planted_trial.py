"""One trial: a fault is planted, and the debugger asked for it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from conformance.planted_plants import Fault, Plant
from conformance.planted_subjects import Subject, own_causes
from refinterp.debug.compare import debug
from refinterp.errors import ModelError
from refinterp.graph.model import Model
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare
from refinterp.samples.convert import dequantize, fit_input
from refinterp.samples.source import Samples


@dataclass
class Trial:
    fault: str
    model: str
    twin: bool
    detail: str
    expected: list[int]
    first: int
    causes: list[str]
    others: list[str]
    ranked: bool = field(default=False)
    named: bool = field(default=False)

    @property
    def found(self) -> bool:
        return self.ranked and self.named and not self.others


@np.errstate(all="ignore")
def outputs(model: Model, samples: Samples) -> list[np.ndarray] | None:
    """The model's outputs as reals, None if it cannot be prepared."""
    try:
        program = prepare(model)
    except ModelError:
        return None
    executor = Executor(program)
    found = []
    for sample in samples:
        for tensor, values in zip(program.graph.inputs, sample, strict=True):
            executor.input(tensor)[0] = fit_input(values, program.specs[tensor])[0]
        executor.invoke()
        found += [dequantize(executor.read(t)[0], program.specs[t]) for t in program.graph.outputs]
    return found


def changes_output(subject: Subject, plant: Plant) -> bool:
    faulty = outputs(plant.model, plant.samples)
    if faulty is None:
        return True
    healthy = outputs(subject.model, subject.samples)
    assert healthy is not None
    return any(not np.array_equal(a, b) for a, b in zip(faulty, healthy, strict=True))


def attempt(fault: Fault, subject: Subject, plant: Plant, *, twin: bool) -> Trial:
    report = debug(plant.model, plant.samples, plant.twin if twin else None)
    found = own_causes(report)
    first = report.layers[0]
    own = [cause.id for cause in first.causes if cause.implied_by is None]
    others = sorted({
        f"{id_} at {operator}"
        for operator, id_ in found - subject.baseline
        if id_ != fault.id
    })  # fmt: skip
    return Trial(
        fault.id, subject.name, twin, plant.detail, sorted(plant.operators), first.operator, own,
        others, first.operator in plant.operators, fault.id in own,
    )  # fmt: skip
