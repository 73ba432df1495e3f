"""One trial: a fault is planted, and the debugger asked for it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from conformance.faults.data_injections import float_outputs
from conformance.faults.injection import FaultKind, Injection
from conformance.faults.kinds import REMARK
from conformance.faults.subjects import HealthyPair, own_causes
from refinterp.debug.compare import debug
from refinterp.debug.result import DebugReport
from refinterp.errors import ModelError
from refinterp.graph.model import Model
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare
from refinterp.samples.convert import dequantize, fit_input
from refinterp.samples.samples import Samples


@dataclass
class PlantedTrial:
    """What was planted, and what the debugger said of it.

    fault, kind: what was planted.
    model: in which one.
    twin, labels: whether the debugger had the float model, and labels.
    detail: what was done.
    expected: the operators it may be reported at.
    first: the operator that was reported first.
    causes: that operator's own causes.
    others: own causes of other names than those planted.
    ranked: whether the first operator is one of those expected.
    named: whether the fault's cause is named at one of those expected.
    gate: see `_gate_fails`.
    """

    fault: str
    kind: str
    model: str
    twin: bool
    labels: bool
    detail: str
    expected: list[int]
    first: int
    causes: list[str]
    others: list[str]
    ranked: bool = field(default=False)
    named: bool = field(default=False)
    gate: bool | None = None

    @property
    def found(self) -> bool:
        return self.ranked and self.named and not self.others and self.gate is not False


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


_HEALTHY: dict[str, list[np.ndarray]] = {}


def _healthy(subject: HealthyPair) -> list[np.ndarray]:
    """What a subject gives before anything is planted, run once."""
    if subject.name not in _HEALTHY:
        found = outputs(subject.model, subject.samples)
        assert found is not None
        _HEALTHY[subject.name] = found
    return _HEALTHY[subject.name]


def changes_output(subject: HealthyPair, injection: Injection) -> bool:
    """Whether anything the model gives is another; labels alone change no output."""
    if injection.truth is not None:
        return True
    faulty = outputs(injection.model, injection.samples)
    if faulty is None:
        return True
    healthy = _healthy(subject)
    pairs = zip(faulty, healthy, strict=True)
    return any(a.shape != b.shape or not np.array_equal(a, b) for a, b in pairs)


def labelled(subject: HealthyPair, injection: Injection) -> Samples:
    """The faulty model's samples, with the labels that its float model would give them."""
    if injection.samples.get(0)[0].dtype.kind == "f":
        best = float_outputs(injection.twin, injection.samples)
    else:
        best = float_outputs(subject.twin, subject.samples)
    return replace(injection.samples, labels=best.argmax(axis=1))


def attempt(
    fault: FaultKind, subject: HealthyPair, injection: Injection, *, twin: bool, labels: bool
) -> PlantedTrial:
    samples = injection.samples
    if labels and injection.truth is None:
        samples = labelled(subject, injection)
    report = debug(injection.model, samples, injection.twin if twin else None)
    every = own_causes(report)
    found = every - subject.baseline
    first = next(
        (a for a in report.layers if any(op == a.operator for op, _ in found)), report.layers[0]
    )
    own = [cause.id for cause in first.causes if cause.implied_by is None]
    allowed = {fault.id, *injection.besides}
    others = sorted({f"{id_} at {operator}" for operator, id_ in found if id_ not in allowed})
    ranked = first.operator in injection.operators
    named = any((operator, fault.id) in every for operator in injection.operators)
    if fault.id == REMARK:
        ranked = True
        named = any("is low as well" in text for text in report.remarks)
    return PlantedTrial(
        fault.id,
        fault.kind,
        subject.name,
        twin,
        labels,
        injection.detail,
        sorted(injection.operators),
        first.operator,
        own,
        others,
        ranked,
        named,
        _gate_fails(report, injection),
    )


def _gate_fails(report: DebugReport, injection: Injection) -> bool | None:
    """Whether the part that is lost is what the gate goes by; None where none was to be lost."""
    if injection.lost_part is None:
        return None
    worst = report.outputs[0].worst_part
    return worst is not None and (worst.first, worst.last) == injection.lost_part
