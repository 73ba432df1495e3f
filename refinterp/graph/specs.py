"""The tensors of a subgraph, as the file describes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from refinterp.graph.constants import constant
from refinterp.graph.model import Model, Options, Tensor
from refinterp.graph.spec import TensorSpec


def tensor_specs(model: Model, subgraph: int, *, values: bool = True) -> tuple[TensorSpec, ...]:
    """Describe a subgraph's tensors as the file has them, constants with their data if wanted."""
    return tuple(
        _spec(model, subgraph, tensor, values) for tensor in model.subgraphs[subgraph].tensors
    )


def _spec(model: Model, subgraph: int, tensor: Tensor, values: bool) -> TensorSpec:
    """Describe one tensor."""
    data = constant(model, tensor) if values and not tensor.is_variable else None
    given: dict[str, Any] = {"data": data, "is_variable": tensor.is_variable}
    quantization = tensor.quantization
    if quantization is not None and quantization.scale.size:
        count = quantization.scale.size
        zeros = quantization.zero_point
        if zeros.size != count:
            zeros = np.resize(zeros, count) if zeros.size else np.zeros(count, np.int64)
        given["scale"], given["zero_point"] = quantization.scale, zeros
        given["quantized_dimension"] = quantization.quantized_dimension
    elif quantization is not None and quantization.details is not None:
        given |= _blocks(model, subgraph, quantization.details)
    return TensorSpec(tensor.name, tensor.shape, str(tensor.dtype), **given)


def _blocks(model: Model, subgraph: int, details: tuple[str, Options]) -> dict[str, Any]:
    """The scales of a tensor's blocks, which are another tensor's value, as fields of a spec."""
    kind, given = details
    tensors = model.subgraphs[subgraph].tensors
    if kind != "BlockwiseQuantization" or not 0 <= given["scales"] < len(tensors):
        return {}
    scales = constant(model, tensors[given["scales"]])
    if scales is None or given["block_size"] < 1:
        return {}
    scale = scales.astype(np.float32).reshape(-1)
    zeros = np.zeros(scale.size, np.int64)
    return {"scale": scale, "zero_point": zeros, "block_size": int(given["block_size"])}
