"""A model's structure without its weights, turned back into a model: enough for its arena."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import PACKED_BITS, STORAGE, Model, Quantization


def model_of(structure: Sequence[Mapping[str, Any]]) -> Model:
    """Build a model whose constants are zeros.

    structure: per subgraph, `tensors` (shape, dtype, scales, zero points, axis, `c` for a constant,
    `v` for a variable), `operators` (name, inputs, outputs, options), `inputs`, `outputs`.
    """
    main = GraphBuilder()
    for number, graph in enumerate(structure):
        g = main if number == 0 else main.subgraph()
        for index, (shape, dtype, scales, zeros, axis, kind) in enumerate(graph["tensors"]):
            q = None
            if scales:
                scale = np.ones(scales, np.float32)
                q = Quantization(scale, np.zeros(zeros, np.int64), axis)
            if kind == "c":
                storage = np.int8 if dtype in PACKED_BITS else STORAGE[dtype]
                g.constant(f"t{index}", np.zeros(shape, storage), dtype, quantization=q)
            else:
                g.tensor(f"t{index}", shape, dtype, quantization=q, is_variable=kind == "v")
        for name, inputs, outputs, options in graph["operators"]:
            g.operator(name, inputs, outputs, options)
        g._inputs.extend(graph["inputs"])
        g.output(*graph["outputs"])
    return main.build()
