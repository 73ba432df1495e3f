"""A small fault, and a large one that it must not hide."""

from __future__ import annotations

import numpy as np

from conformance.faults.data_injections import changed
from conformance.faults.editable import EditableModel
from conformance.faults.injection import Injection, Rng
from conformance.faults.places import biased, draw, free_outputs, weighted
from conformance.faults.subjects import HealthyPair


def hidden_range(subject: HealthyPair, rng: Rng, *, wide: bool) -> Injection | None:
    """An output range far off, at an operator one of whose channels or biases is a little wrong."""
    edited = EditableModel(subject.model)
    free = set(free_outputs(edited)) & set(weighted(edited))
    operator = draw(rng, sorted(free))
    if operator is None:
        return None
    y = edited.operators[operator].outputs[0]
    bits = float(rng.uniform(4.5, 6.5) if wide else -rng.uniform(3, 4))
    kind = int(rng.integers(3))
    w, bias = edited.parts(operator)[1:]
    codes = np.moveaxis(edited.values(w).copy(), edited.axis(operator), 0)
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
        if operator not in biased(edited):
            return None
        factor = float(rng.choice([1.01, 1.05]))
        edited.set_values(bias, np.rint(edited.values(bias) / factor))
        edited.set_grid(bias, scale=edited.scale(bias) * factor)
        small, detail = "bias_scale_mismatch", f"bias scale * {factor}"
    edited.set_values(w, np.moveaxis(codes, 0, edited.axis(operator)))
    edited.rescale(y, 2.0**bits)
    return Injection(
        edited.build(),
        subject.twin,
        subject.samples,
        frozenset({operator}),
        f"{detail}, and output scale * 2^{bits:.1f}",
        needs_twin,
        frozenset(small.split()),
    )


def hidden_wide(subject: HealthyPair, rng: Rng) -> Injection | None:
    """A range far too wide."""
    return hidden_range(subject, rng, wide=True)


def hidden_clipped(subject: HealthyPair, rng: Rng) -> Injection | None:
    """A range far too narrow."""
    return hidden_range(subject, rng, wide=False)


def hidden_by_data(subject: HealthyPair, rng: Rng) -> Injection | None:
    """A range 2^6 too narrow, in a model whose data is a third of a range beside."""
    edited = EditableModel(subject.model)
    x = subject.model.subgraphs[0].inputs[0]
    ends = np.iinfo(np.dtype(str(edited.tensors[x].dtype)))
    span = float((ends.max - ends.min) * edited.scale(x)[0])
    later = [i for i in free_outputs(edited) if i not in edited.readers(x)]
    operator = draw(rng, later)
    if operator is None or edited.zero(x) not in (ends.min, ends.max):
        return None
    y = edited.operators[operator].outputs[0]
    edited.rescale(y, 2.0**-6)
    if operator in weighted(edited):
        read, w, _bias = edited.parts(operator)
        factors = edited.scale(read) * edited.scale(w) / edited.scale(y)
        if factors.max() >= 1:
            return None  # that is another fault
    sign = -1 if edited.zero(x) == ends.min else 1
    samples = changed(subject.samples, lambda v: v + sign * span / 3)
    return Injection(
        edited.build(),
        subject.twin,
        samples,
        frozenset({operator, *edited.readers(x)}),
        f"data a third of the range beside, and output scale of operator {operator} * 2^-6",
        False,
        frozenset({"input_scaling"}),
    )
