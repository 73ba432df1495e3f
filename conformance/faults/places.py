"""Where in a healthy model a fault can go."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.faults.editable import EditableModel
from conformance.faults.injection import Injection, Rng
from conformance.faults.subjects import HealthyPair
from refinterp.graph.model import OPTIONAL
from refinterp.graph.operands import Reduced
from refinterp.graph.operators import facts


def weighted(edited: EditableModel) -> list[int]:
    """Operators with constant weights and integers throughout."""
    return [
        i
        for i, o in enumerate(edited.operators)
        if facts(o.name).filter_axis is not None and edited.is_constant(o.inputs[1])
    ]


def biased(edited: EditableModel) -> list[int]:
    """Those with a bias in int32."""
    return [
        i
        for i in weighted(edited)
        if (bias := edited.parts(i)[2]) != OPTIONAL and edited.tensors[bias].dtype == "int32"
    ]


def _computes(name: str) -> bool:
    own = facts(name)
    reduces = own.operands is Reduced and not own.keeps_grid
    return own.filter_axis is not None or own.adds or own.multiplies or reduces


def free_outputs(edited: EditableModel) -> list[int]:
    """Operators that compute an activation whose scale nothing else has to share."""
    found = []
    for i, o in enumerate(edited.operators):
        readers = [facts(edited.operators[r].name) for r in edited.readers(o.outputs[0])]
        if _computes(o.name) and not any(one.keeps_grid or one.joins for one in readers):
            found.append(i)
    return found


def draw(rng: Rng, choices: list[int]) -> int | None:
    return int(rng.choice(choices)) if choices else None


def some_channels(rng: Rng, channels: int) -> np.ndarray:
    """One channel, or up to 60 % of them: (channels,) of bool."""
    some = np.zeros(channels, bool)
    if rng.random() < 0.7:
        some = rng.random(channels) < rng.uniform(0.05, 0.6)
    some[rng.integers(channels)] = True
    return some


def plain(
    subject: HealthyPair, edited: EditableModel, operator: int, detail: str, **more: Any
) -> Injection:
    return Injection(
        edited.build(), subject.twin, subject.samples, frozenset({operator}), detail, **more
    )
