"""The dictionaries by which LiteRT describes tensors and operators: same keys, same types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UsageError
from refinterp.graph.constants import constant, has_constant
from refinterp.graph.model import (
    OPTIONAL,
    STORAGE,
    Model,
    Operator,
    Options,
    Quantization,
    Shape,
    Tensor,
)

Details = dict[str, Any]

_UNSTORED: Final[Mapping[str, type[Any]]] = {
    "string": np.bytes_,
    "resource": np.object_,
    "variant": np.object_,
    "float8_e4m3fn": np.int8,
    "float8_e5m2": np.int8,
}
"""What LiteRT calls the type of tensors whose elements are no NumPy numbers."""


def scalar_type(tensor: Tensor) -> type[Any]:
    """Return the NumPy class LiteRT names a tensor's type by; raises UsageError if it has none."""
    name = str(tensor.dtype)
    if name in _UNSTORED:
        return _UNSTORED[name]
    if name not in STORAGE:
        raise UsageError(f"Tensor {tensor.name!r} is of type {name}, which NumPy does not know")
    return STORAGE[name].type


def tensor_details(
    model: Model, subgraph: int, index: int, shape: Shape, *, compress: bool = False
) -> Details:
    """Describe a tensor.

    shape: its shape now. compress: zero points that are all the same are given once.
    Raises UsageError for a type without a NumPy class.
    """
    tensor = model.subgraphs[subgraph].tensors[index]
    signature = None if has_constant(model, tensor) else tensor.shape_signature
    scales, zero_points, axis, block = _quantization(model, subgraph, tensor, compress)
    single = scales.size == 1 and scales.dtype == np.float32
    return {
        "name": tensor.name,
        "index": index,
        "shape": np.array(shape, np.int32),
        "shape_signature": np.array(signature or shape, np.int32),
        "dtype": scalar_type(tensor),
        "quantization": (float(scales[0]), int(zero_points[0])) if single else (0.0, 0),
        "quantization_parameters": {
            "scales": scales,
            "zero_points": zero_points,
            "quantized_dimension": axis,
            "block_size": block,
        },
        "sparsity_parameters": {} if tensor.sparsity is None else _sparsity(tensor.sparsity),
    }


def operator_details(index: int, operator: Operator, dtype: Callable[[int], type[Any]]) -> Details:
    """Describe an operator; dtype gives a tensor's class by its index."""
    return {
        "index": index,
        "op_name": operator.name,
        "inputs": np.array(operator.inputs, np.int32),
        "outputs": np.array(operator.outputs, np.int32),
        "operand_types": [dtype(i) for i in operator.inputs if i != OPTIONAL],
        "result_types": [dtype(i) for i in operator.outputs if i != OPTIONAL],
    }


def _quantization(
    model: Model, subgraph: int, tensor: Tensor, compress: bool
) -> tuple[NDArray[Any], NDArray[np.int32], int, int]:
    """Return scales, zero points, quantized dimension and block size, all fresh."""
    quantization = tensor.quantization
    if quantization is not None and quantization.details is not None:
        return _blockwise(model, subgraph, quantization)
    if quantization is None or not quantization.scale.size:
        return np.empty(0, np.float32), np.empty(0, np.int32), 0, 0
    zero_points = np.resize(quantization.zero_point, quantization.scale.size).astype(np.int32)
    if compress and (zero_points == zero_points[0]).all():
        zero_points = zero_points[:1]
    return quantization.scale.copy(), zero_points, quantization.quantized_dimension, 0


def _blockwise(
    model: Model, subgraph: int, quantization: Quantization
) -> tuple[NDArray[Any], NDArray[np.int32], int, int]:
    """Blockwise scales lie in tensors of their own; other kinds LiteRT does not describe."""
    assert quantization.details is not None
    kind, fields = quantization.details
    if kind != "BlockwiseQuantization":
        return np.empty(0, np.float32), np.empty(0, np.int32), 0, 0
    scales = _values(model, subgraph, fields["scales"], np.float16)
    zero_points = _values(model, subgraph, fields["zero_points"], np.int32)
    return scales, zero_points, quantization.quantized_dimension, fields["block_size"]


def _values(model: Model, subgraph: int, index: int, dtype: type[Any]) -> NDArray[Any]:
    tensors = model.subgraphs[subgraph].tensors
    if index == OPTIONAL:
        return np.empty(0, dtype)
    if not 0 <= index < len(tensors):
        raise UsageError(f"Invalid tensor index {index} exceeds max tensor index {len(tensors)}")
    values = constant(model, tensors[index])
    return np.empty(0, dtype) if values is None else values.reshape(-1).astype(dtype)


def _sparsity(sparsity: Options) -> Details:
    def ints(values: Any) -> NDArray[np.int32]:
        return np.array(values, np.int32)

    described: Details = {"traversal_order": ints(sparsity["traversal_order"])}
    blocks = sparsity["block_map"]
    if isinstance(blocks, np.ndarray) or blocks:  # absent from a file, it is an empty tuple
        described["block_map"] = ints(blocks)
    dimensions: list[Details] = []
    for dimension in sparsity["dim_metadata"]:
        if dimension["format"] == "DENSE":
            dimensions.append({"format": 0, "dense_size": int(dimension["dense_size"])})
            continue
        segments, indices = dimension["array_segments"], dimension["array_indices"]
        dimensions.append(
            {
                "format": 1,
                "array_segments": ints(segments[1]["values"]),
                "array_indices": ints(indices[1]["values"]),
            }
        )
    described["dim_metadata"] = dimensions
    return described
