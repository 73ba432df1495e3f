"""The tensors of a subgraph, as the file describes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.constants import constant
from refinterp.graph.model import Model, Options, Tensor
from refinterp.graph.spec import NO_SCALE, NO_ZERO, TensorSpec


def tensor_specs(model: Model, subgraph: int, *, values: bool = True) -> tuple[TensorSpec, ...]:
    """Describe a subgraph's tensors as the file has them, constants with their data if wanted."""
    return tuple(
        _spec(model, subgraph, tensor, values) for tensor in model.subgraphs[subgraph].tensors
    )


def _spec(model: Model, subgraph: int, tensor: Tensor, values: bool) -> TensorSpec:
    """Describe one tensor."""
    data = constant(model, tensor) if values and not tensor.is_variable else None
    scale, zeros, axis, block_size = NO_SCALE, NO_ZERO, 0, 0
    quantization = tensor.quantization
    if quantization is not None and quantization.scale.size:
        scale, zeros = quantization.scale, quantization.zero_point
        axis = quantization.quantized_dimension
        if zeros.size != scale.size:
            zeros = np.resize(zeros, scale.size) if zeros.size else np.zeros(scale.size, np.int64)
    elif quantization is not None and quantization.details is not None:
        scale, zeros, block_size = _blocks(model, subgraph, quantization.details)
    return TensorSpec(
        tensor.name,
        tensor.shape,
        str(tensor.dtype),
        scale,
        zeros,
        axis,
        data,
        tensor.is_variable,
        block_size,
    )


def _blocks(
    model: Model, subgraph: int, details: tuple[str, Options]
) -> tuple[NDArray[np.float32], NDArray[np.int64], int]:
    """Scales and zero points of a tensor's blocks, and their size; none and 0 without blocks.

    The scales are another tensor's value.
    """
    kind, given = details
    tensors = model.subgraphs[subgraph].tensors
    if kind != "BlockwiseQuantization" or not 0 <= given["scales"] < len(tensors):
        return NO_SCALE, NO_ZERO, 0
    scales = constant(model, tensors[given["scales"]])
    if scales is None or given["block_size"] < 1:
        return NO_SCALE, NO_ZERO, 0
    scale = scales.astype(np.float32).reshape(-1)
    return scale, np.zeros(scale.size, np.int64), int(given["block_size"])
