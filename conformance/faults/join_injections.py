"""One side of an addition or concatenation made small, in both models."""

from __future__ import annotations

import numpy as np

from conformance.faults.editable import EditableModel
from conformance.faults.injection import Injection, Rng
from conformance.faults.places import weighted
from conformance.faults.recalibration import recalibrated
from conformance.faults.subjects import HealthyPair
from refinterp.graph.model import OPTIONAL


def concat(subject: HealthyPair, rng: Rng) -> Injection | None:
    """One branch's layer 2^-4..2^-10 as large, in both models."""
    return _lesser(subject, rng, "CONCATENATION", "branch", ranged=False)


def residual(subject: HealthyPair, rng: Rng) -> Injection | None:
    """One side of an addition 2^-4..2^-10 as large in both models, with a range of its own."""
    return _lesser(subject, rng, "ADD", "side", ranged=True)


def _lesser(
    subject: HealthyPair, rng: Rng, name: str, word: str, *, ranged: bool
) -> Injection | None:
    """Shrink a layer that one operator of a name reads; ranged: and its output's range with it."""
    places = []
    edited, twin = EditableModel(subject.model), EditableModel(subject.twin)
    for i, o in enumerate(edited.operators):
        if o.name == name:
            for x in o.inputs:
                writer = edited.writer(x)
                if writer in weighted(edited) and len(edited.readers(x)) == 1:
                    places.append((i, writer))
    if not places:
        return None
    operator, layer = places[int(rng.integers(len(places)))]
    bits = rng.uniform(4, 10)
    _shrink(edited, twin, layer, 2.0**-bits)
    if ranged:
        edited.rescale(edited.operators[layer].outputs[0], 2.0**-bits)
    detail = f"{word} of operator {layer} * 2^-{bits:.1f} in both models"
    model = recalibrated(edited.build(), twin.build(), subject.samples)
    return Injection(model, twin.build(), subject.samples, frozenset({operator}), detail)


def _shrink(edited: EditableModel, twin: EditableModel, operator: int, factor: float) -> None:
    """Scale a layer's weights and bias in both models; the int8 codes stay."""
    for side in (edited, twin):
        _, w, bias = side.parts(operator)
        for tensor in (w, bias):
            if tensor == OPTIONAL:
                continue
            if side is twin:
                side.set_values(tensor, side.values(tensor) * np.float32(factor))
            else:
                side.set_grid(tensor, scale=side.scale(tensor) * factor)
