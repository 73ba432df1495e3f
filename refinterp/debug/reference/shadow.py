"""The float twin of a quantized graph: the same operators on the reals its codes stand for.

Every quantized tensor becomes float32: constants dequantized with their scales (per channel too),
biases with their own scale, or input scale * weight scale where they carry none. QUANTIZE and
DEQUANTIZE between tensors that are then both float32 do nothing any more and are left out; whoever
read their output reads their input. Options, names, shapes and all tensor indices stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.reference.fold import writes_constants
from refinterp.errors import UnsupportedError
from refinterp.graph.constants import with_constant
from refinterp.graph.model import OPTIONAL, STORAGE, Buffer, Model, Operator, Subgraph, Tensor
from refinterp.graph.operators import facts
from refinterp.graph.spec import TensorSpec
from refinterp.graph.specs import tensor_specs
from refinterp.kernels.registry import find
from refinterp.samples.convert import dequantize


@dataclass(frozen=True, slots=True, eq=False)
class Shadow:
    """A float model, and where each part of one subgraph of the quantized model went.

    operators: the quantized model's operator index → this model's. tensors: a tensor's index → the
    one that holds its value here: its own, or the input of the conversion that is left out.
    """

    model: Model
    operators: Mapping[int, int]
    tensors: Mapping[int, int]


def shadow_of(model: Model, subgraph: int = 0) -> Shadow:
    """Return the float twin of one subgraph; other subgraphs stay as they are.

    model: as `fold` has made it. Raises ModelError for constants whose bytes do not fit them,
    UnsupportedError for scales that fit no dimension of their constant.
    """
    graph = model.subgraphs[subgraph]
    specs = list(tensor_specs(model, subgraph))
    biases = _give_biases_scales(graph, specs)
    buffers = list(model.buffers)
    tensors = []
    for index, (tensor, spec) in enumerate(zip(graph.tensors, specs, strict=True)):
        if not is_code(spec) or (spec.data is not None and _is_wide(spec) and index not in biases):
            tensors.append(tensor)  # a shape or an index stays one, whatever scale it carries
            continue
        if spec.data is None:
            tensors.append(replace(tensor, dtype="float32", quantization=None, buffer=0))
            continue
        buffers.append(_constant(spec, f"subgraphs[{subgraph}].tensors[{index}]"))
        tensors.append(with_constant(tensor, len(buffers) - 1, "float32"))
    source = _sources(graph, tensors, specs)
    operators: list[Operator] = []
    places: dict[int, int] = {}
    for index, operator in enumerate(graph.operators):
        if writes_constants(operator.outputs, specs) or _is_identity(operator, tensors):
            continue
        places[index] = len(operators)
        inputs = tuple(source.get(i, i) for i in operator.inputs)
        operators.append(replace(operator, inputs=inputs))
    twin = Subgraph(
        tensors=tuple(tensors),
        inputs=graph.inputs,
        outputs=tuple(source.get(i, i) for i in graph.outputs),
        operators=tuple(operators),
        name=graph.name,
    )
    subgraphs = (*model.subgraphs[:subgraph], twin, *model.subgraphs[subgraph + 1 :])
    return Shadow(
        replace(model, subgraphs=subgraphs, buffers=tuple(buffers), signatures=()),
        MappingProxyType(places),
        MappingProxyType({i: source.get(i, i) for i in range(len(tensors))}),
    )


def is_code(spec: TensorSpec) -> bool:
    """Whether a tensor's elements are integer codes for reals."""
    return spec.quantized and spec.dtype in STORAGE and STORAGE[spec.dtype].kind in "iu"


def _is_wide(spec: TensorSpec) -> bool:
    return spec.dtype in ("int32", "int64")


def _give_biases_scales(graph: Subgraph, specs: list[TensorSpec]) -> set[int]:
    """Return the tensors that are biases; those without a scale get input * weights, in specs.

    Biases are the 32- and 64-bit operands that follow data and weights.
    """
    biases = set()
    for operator in graph.operators:
        operands = [None if i == OPTIONAL else specs[i] for i in operator.inputs]
        entry = find(operator.name, operands)
        if entry is None or entry.weights is None:
            continue
        x, w = operands[entry.data], operands[entry.weights]
        for place in range(max(entry.data, entry.weights) + 1, len(operands)):
            bias = operands[place]
            if bias is None or not _is_wide(bias):
                continue
            biases.add(operator.inputs[place])
            if not bias.quantized and x is not None and w is not None and is_code(w):
                scale = (x.step * w.scale.astype(np.float64)).astype(np.float32)
                zeros = np.zeros(scale.size, np.int64)
                specs[operator.inputs[place]] = replace(bias, scale=scale, zero_point=zeros)
    return biases


def _constant(spec: TensorSpec, where: str) -> Buffer:
    codes = spec.data
    assert codes is not None
    if spec.block_size:
        if codes.size != spec.scale.size * spec.block_size:
            raise UnsupportedError(
                f"{where} ({spec.name!r}): {spec.scale.size} scales for blocks of "
                f"{spec.block_size} of shape {list(spec.shape)}"
            )
        return Buffer(_bytes(dequantize(codes, spec)))
    if spec.scale.size == codes.size:  # one scale each, whatever dimension the file calls theirs
        flat = replace(spec, shape=(codes.size,), quantized_dimension=0)
        return Buffer(_bytes(dequantize(codes.reshape(-1), flat)))
    axis = spec.quantized_dimension
    if spec.scale.size > 1 and (axis >= codes.ndim or codes.shape[axis] != spec.scale.size):
        raise UnsupportedError(
            f"{where} ({spec.name!r}): {spec.scale.size} scales along dimension {axis} of shape "
            f"{list(spec.shape)}; allowed: one, or one per index of that dimension"
        )
    return Buffer(_bytes(dequantize(codes, spec)))


def _bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    raw = np.ascontiguousarray(values, "<f4").reshape(-1).view(np.uint8)
    raw.flags.writeable = False
    return raw


def _is_identity(operator: Operator, tensors: list[Tensor]) -> bool:
    return facts(operator.name).conversion and all(
        i != OPTIONAL and tensors[i].dtype == "float32"
        for i in (*operator.inputs, *operator.outputs)
    )


def _sources(graph: Subgraph, tensors: list[Tensor], specs: list[TensorSpec]) -> dict[int, int]:
    """Output of a conversion that is left out → the tensor that holds its value."""
    source: dict[int, int] = {}
    for operator in graph.operators:
        if writes_constants(operator.outputs, specs):
            continue
        if _is_identity(operator, tensors):
            first = operator.inputs[0]
            source[operator.outputs[0]] = source.get(first, first)
    return source
