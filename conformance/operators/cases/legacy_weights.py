"""Dynamic-range operators whose int8 weights are called uint8, as early converters wrote them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from conformance.operators.case import GENERATORS, Case, generator
from conformance.operators.draw import Draw

OPERATORS = (
    "FULLY_CONNECTED",
    "SVDF",
    "LSTM",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "BIDIRECTIONAL_SEQUENCE_LSTM",
    "RNN",
    "UNIDIRECTIONAL_SEQUENCE_RNN",
    "BIDIRECTIONAL_SEQUENCE_RNN",
)


def _renamed(operator: str, d: Draw) -> Case:
    """A case of int8 weights with another name for their type."""
    case = GENERATORS[operator, "float32x8"](d)
    graph = case.model.subgraphs[0]
    tensors = tuple(
        replace(tensor, dtype="uint8") if tensor.dtype == "int8" else tensor
        for tensor in graph.tensors
    )
    model = replace(case.model, subgraphs=(replace(graph, tensors=tensors),))
    samples = [
        [array.view(np.uint8) if array.dtype == np.int8 else array for array in sample]
        for sample in case.samples
    ]
    return replace(case, model=model, samples=samples)


for _name in OPERATORS:
    generator(_name, "float32xu8")(lambda d, dtype, operator=_name: _renamed(operator, d))
