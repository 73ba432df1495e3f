"""A small fault, and a large one that it must not hide."""

from __future__ import annotations

import numpy as np

from conformance.faults.data_injections import changed
from conformance.faults.edit import Patient
from conformance.faults.injections import biased, draw, free_outputs, weighted
from conformance.faults.plant import Plant, Rng
from conformance.faults.subjects import Subject


def hidden_range(subject: Subject, rng: Rng, *, wide: bool) -> Plant | None:
    """An output range far off, at an operator one of whose channels or biases is a little wrong."""
    patient = Patient(subject.model)
    free = set(free_outputs(patient)) & set(weighted(patient))
    operator = draw(rng, sorted(free))
    if operator is None:
        return None
    y = patient.operators[operator].outputs[0]
    bits = float(rng.uniform(4.5, 6.5) if wide else -rng.uniform(3, 4))
    kind = int(rng.integers(3))
    w, bias = patient.parts(operator)[1:]
    codes = np.moveaxis(patient.values(w).copy(), patient.axis(operator), 0)
    if len(codes) < 4:
        return None
    channel = int(rng.integers(len(codes)))
    needs_twin = False
    if kind == 0:
        codes[channel] = 0
        small, detail = "dead_channels weights_disagree", f"channel {channel} without weights"
    elif kind == 1:
        codes[channel] = -codes[channel]
        small, detail, needs_twin = "weights_disagree", f"channel {channel} negated", True
    else:
        if operator not in biased(patient):
            return None
        factor = float(rng.choice([1.01, 1.05]))
        patient.set_values(bias, np.rint(patient.values(bias) / factor))
        patient.set_grid(bias, scale=patient.scale(bias) * factor)
        small, detail = "bias_scale_mismatch", f"bias scale * {factor}"
    patient.set_values(w, np.moveaxis(codes, 0, patient.axis(operator)))
    patient.rescale(y, 2.0**bits)
    return Plant(
        patient.build(),
        subject.twin,
        subject.samples,
        frozenset({operator}),
        f"{detail}, and output scale * 2^{bits:.1f}",
        needs_twin,
        frozenset(small.split()),
    )


def hidden_wide(subject: Subject, rng: Rng) -> Plant | None:
    """A range far too wide."""
    return hidden_range(subject, rng, wide=True)


def hidden_clipped(subject: Subject, rng: Rng) -> Plant | None:
    """A range far too narrow."""
    return hidden_range(subject, rng, wide=False)


def hidden_by_data(subject: Subject, rng: Rng) -> Plant | None:
    """A range 2^6 too narrow, in a model whose data is a third of a range beside."""
    patient = Patient(subject.model)
    x = subject.model.subgraphs[0].inputs[0]
    ends = np.iinfo(np.dtype(str(patient.tensors[x].dtype)))
    span = float((ends.max - ends.min) * patient.scale(x)[0])
    later = [i for i in free_outputs(patient) if i not in patient.readers(x)]
    operator = draw(rng, later)
    if operator is None or patient.zero(x) not in (ends.min, ends.max):
        return None
    y = patient.operators[operator].outputs[0]
    patient.rescale(y, 2.0**-6)
    if operator in weighted(patient):
        read, w, _bias = patient.parts(operator)
        factors = patient.scale(read) * patient.scale(w) / patient.scale(y)
        if factors.max() >= 1:
            return None  # that is another fault
    sign = -1 if patient.zero(x) == ends.min else 1
    samples = changed(subject.samples, lambda v: v + sign * span / 3)
    return Plant(
        patient.build(),
        subject.twin,
        samples,
        frozenset({operator, *patient.readers(x)}),
        f"data a third of the range beside, and output scale of operator {operator} * 2^-6",
        False,
        frozenset({"input_scaling"}),
    )
