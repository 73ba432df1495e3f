"""Ranges, scales and zero points of activations that are wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from conformance.faults.editable import EditableModel
from conformance.faults.injection import Injection, Rng
from conformance.faults.places import biased, draw, free_outputs, plain, weighted
from conformance.faults.subjects import HealthyPair
from refinterp.graph.operators import facts


def range_off(low: float, high: float) -> Callable[[HealthyPair, Rng], Injection | None]:
    def inject(subject: HealthyPair, rng: Rng) -> Injection | None:
        edited = EditableModel(subject.model)
        operator = draw(rng, free_outputs(edited))
        if operator is None:
            return None
        bits = rng.uniform(low, high)
        y = edited.operators[operator].outputs[0]
        if rng.random() < 0.7:
            edited.rescale(y, 2.0**bits)
            return plain(subject, edited, operator, f"output scale * 2^{bits:.1f}")
        edited.set_grid(y, scale=edited.scale(y) * 2.0**bits)
        detail = f"output scale * 2^{bits:.1f}, biases that follow as they were"
        return plain(subject, edited, operator, detail)

    return inject


def fixed(subject: HealthyPair, rng: Rng) -> Injection | None:
    edited = EditableModel(subject.model)
    operator = draw(rng, [i for i, o in enumerate(edited.operators) if facts(o.name).fixed])
    if operator is None:
        return None
    y = edited.operators[operator].outputs[0]
    factor = float(rng.choice([0.25, 0.5, 1.1, 1.5, 2.0, 4.0, 16.0]))
    edited.set_grid(y, scale=edited.scale(y) * factor)
    return plain(subject, edited, operator, f"{edited.operators[operator].name} scale * {factor}")


def zero_point(subject: HealthyPair, rng: Rng) -> Injection | None:
    edited = EditableModel(subject.model)
    wanted = int(rng.choice([-1, 1]) * rng.integers(130, 4000))
    if rng.random() < 0.7:
        operator = draw(rng, free_outputs(edited))
        tensor = None if operator is None else edited.operators[operator].outputs[0]
    else:
        operator = draw(rng, weighted(edited))
        tensor = None if operator is None else edited.parts(operator)[1]
    if operator is None or tensor is None:
        return None
    size = edited.tensors[tensor].quantization.zero_point.size
    edited.set_grid(tensor, zero_point=np.full(size, wanted))
    what = "output" if tensor in edited.operators[operator].outputs else "weights"
    return plain(subject, edited, operator, f"zero point of the {what}: {wanted}")


def bad_scale(subject: HealthyPair, rng: Rng) -> Injection | None:
    edited = EditableModel(subject.model)
    wanted = float(rng.choice([0.0, np.inf, np.nan, 1e-40, -0.01]))
    place = rng.random()
    if place < 0.5:
        operator = draw(rng, free_outputs(edited))
        tensor = None if operator is None else edited.operators[operator].outputs[0]
    else:
        operator = draw(rng, weighted(edited) if place < 0.8 else biased(edited))
        tensor = None if operator is None else edited.parts(operator)[1 if place < 0.8 else 2]
    if operator is None or tensor is None:
        return None
    scales = edited.scale(tensor)
    scales[rng.integers(scales.size)] = wanted
    edited.set_grid(tensor, scale=scales)
    what = "output" if place < 0.5 else "weights" if place < 0.8 else "bias"
    return plain(subject, edited, operator, f"a scale of the {what}: {wanted}")
