"""Small quantized networks for the debugger's tests, with float twins of the same weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.samples.samples import Samples

LAYERS = 3
SIZE = 8


def weights(seed: int = 3) -> list[np.ndarray]:
    """Well-spread float weights of each layer, (out, in), with rows of different size."""
    rng = np.random.default_rng(seed)
    rows = np.exp2(rng.uniform(-2, 1, (LAYERS, SIZE, 1)))
    return list((rng.normal(0, 0.4, (LAYERS, SIZE, SIZE)) * rows).astype(np.float32))


def dense(*, quantized: bool, bias_scales: bool = True, scale: float = 0.05) -> Model:
    """Three layers y = W x + b, the middle one with RELU; int8 with one scale per tensor."""
    g = GraphBuilder()
    dtype = "int8" if quantized else "float32"
    grid: dict[str, Any] = {"scale": scale, "zero_point": 3} if quantized else {}
    x = g.input("x", (1, SIZE), dtype, **grid)
    for layer, w in enumerate(weights()):
        b = np.linspace(-1, 1, SIZE).astype(np.float32)
        if quantized:
            step = float(np.float32(np.abs(w).max() / 127))
            codes = np.rint(w / step).astype(np.int8)
            both = float(np.float32(np.float32(scale) * np.float64(np.float32(step))))
            own = {"scale": both} if bias_scales else {}
            w_index = g.constant(f"w{layer}", codes, scale=step)
            b_index = g.constant(f"b{layer}", np.rint(b / both).astype(np.int32), **own)
        else:
            w_index, b_index = g.constant(f"w{layer}", w), g.constant(f"b{layer}", b)
        y = g.tensor(f"layer{layer}", (1, SIZE), dtype, **grid)
        activation = {"fused_activation_function": "RELU" if layer == 1 else "NONE"}
        g.operator("FULLY_CONNECTED", [x, w_index, b_index], [y], activation)
        x = y
    return g.build(outputs=[x])


def reals(count: int, seed: int = 1) -> Samples:
    """Float samples inside the range of the quantized network's input."""
    data = np.random.default_rng(seed).uniform(-3, 3, (count, 1, SIZE)).astype(np.float32)
    return Samples(count, lambda i: [data[i]], "drawn")


def rescaled(model: Model, tensor: int, factor: float) -> Model:
    """The same model with one tensor's scale multiplied; biases that depend on it follow."""
    graph = model.subgraphs[0]
    tensors = list(graph.tensors)
    buffers = list(model.buffers)

    def scale(index: int) -> None:
        quantization = tensors[index].quantization
        assert quantization is not None
        own = replace(quantization, scale=(quantization.scale * np.float32(factor)))
        tensors[index] = replace(tensors[index], quantization=own)

    scale(tensor)
    for operator in graph.operators:
        if operator.inputs[0] == tensor and len(operator.inputs) > 2:
            bias = operator.inputs[2]
            scale(bias)
            old = buffers[tensors[bias].buffer]
            values = np.rint(old.data.view(np.int32) / factor).astype(np.int32)
            buffers[tensors[bias].buffer] = replace(old, data=values.view(np.uint8))
    subgraph = replace(graph, tensors=tuple(tensors))
    return replace(model, subgraphs=(subgraph, *model.subgraphs[1:]), buffers=tuple(buffers))
