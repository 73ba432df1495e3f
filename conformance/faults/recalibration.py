"""Sets every range of a quantized model anew, as a converter does."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.faults.editable import EditableModel
from refinterp.debug.compare import Comparison
from refinterp.graph.model import OPTIONAL, Model
from refinterp.graph.operators import facts
from refinterp.samples.samples import Samples


def recalibrated(model: Model, twin: Model, samples: Samples) -> Model:
    """The model with every range set anew from the float model's values, as a converter does.

    For faults that change what the network computes: only then do the other ranges stay healthy.
    Tensors that share their scale keep sharing it; outputs with a fixed scale and inputs stay.
    """
    comparison = Comparison(model, twin)
    report = comparison.report(comparison.measure(samples))
    edited = EditableModel(model)
    shared: dict[int, list[Any]] = {}
    group = {i: i for i in range(len(edited.tensors))}

    def root(tensor: int) -> int:
        while group[tensor] != tensor:
            tensor = group[tensor]
        return tensor

    for step in edited.operators:
        own = facts(step.name)
        if not (own.keeps_grid or own.joins):
            continue
        for x in step.inputs:
            if x != OPTIONAL and not edited.is_constant(x):
                group[root(x)] = root(step.outputs[0])
    for layer in report.layers:
        if not facts(layer.op_name).probabilities:
            shared.setdefault(root(layer.tensor), []).append(layer)
    for layers in shared.values():
        low = min(0.0, *(layer.reals.lowest for layer in layers))
        high = max(0.0, *(layer.reals.highest for layer in layers))
        scale = float(np.float32((high - low) / 255)) or 1.0
        least = int(np.iinfo(layers[0].dtype).min)
        zero = round(least - low / scale)
        for layer in layers:
            edited.rescale(layer.tensor, scale / edited.scale(layer.tensor)[0])
            edited.set_grid(layer.tensor, scale=scale, zero_point=zero)
    return edited.build()
