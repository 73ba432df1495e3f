"""The float model's weights and biases, for the operators of the quantized model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from refinterp.debug.measure.error_sums import sqnr_db
from refinterp.debug.reference.pairing import Pairing
from refinterp.debug.reference.shadow import Shadow
from refinterp.graph.model import OPTIONAL, Buffer
from refinterp.run.program import Program

_SAME_WEIGHTS: Final = 10.0  # dB: 8-bit weights of healthy layers are within 30 dB and more


def float_constants(
    program: Program, shadow: Shadow, twin: Program, pairing: Pairing
) -> dict[int, dict[int, Buffer]]:
    """The float model's weights and biases by operator and place, where their shape is the same."""
    floats = shadow.model.subgraphs[program.subgraph]
    steps = {step.operator: step for step in twin.steps}
    found: dict[int, dict[int, Buffer]] = {}
    for step in program.steps:
        partner = steps.get(pairing.operators.get(step.operator, -1))
        if partner is None or not _same_work(partner.options, step.options):
            continue
        own: dict[int, Buffer] = {}
        for place, (ours, theirs) in enumerate(zip(step.inputs, partner.inputs, strict=False)):
            if OPTIONAL in (ours, theirs):
                continue
            value, here = twin.specs[theirs].data, floats.tensors[ours]
            is_constant = program.specs[ours].data is not None
            if value is None or not is_constant or value.dtype != np.float32:
                continue
            if here.dtype == "float32" and tuple(here.shape) == value.shape:
                own[place] = Buffer(np.ascontiguousarray(value).reshape(-1).view(np.uint8))
        found[step.operator] = own
    return found


def _same_work(options: Any, others: Any) -> bool:
    """Whether options are the same, but for how data are quantized at run time."""
    own = "asymmetric_quantize_inputs"
    if hasattr(options, own) and hasattr(others, own):
        options = replace(options, **{own: getattr(others, own)})
    return bool(options == others)


def are_strangers(
    shadow: Shadow, program: Program, operator: int, constants: Mapping[int, Buffer]
) -> bool:
    """Whether an operator's own weights are further from the twin's than quantizing explains."""
    model = shadow.model
    tensors = model.subgraphs[program.subgraph].tensors
    step = next(step for step in program.steps if step.operator == operator)
    for place, buffer in constants.items():
        theirs = buffer.data.view("<f4").astype(np.float64)
        ours = model.buffers[tensors[step.inputs[place]].buffer].data.view("<f4")
        signal, noise = float(np.sum(theirs**2)), float(np.sum((ours - theirs) ** 2))
        if place == step.entry.weights and sqnr_db(signal, noise) < _SAME_WEIGHTS:
            return True
    return False
