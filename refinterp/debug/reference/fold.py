"""A model whose constants are unpacked, so that operators find them as they take them.

Sparse weights reach their operator through DENSIFY, float16 and weight-only ones through
DEQUANTIZE. To the debugger both are constants like others: what the unpacking operator writes gets
the constant it would compute, and the operator is not run. uint8 weights of operators on float32
data are int8 codes under another name (`kernels.uint8_weights`), and get that. All indices stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.constants import has_constant, pack, with_constant
from refinterp.graph.model import OPTIONAL, PACKED_BITS, Buffer, Model
from refinterp.graph.operators import facts
from refinterp.graph.spec import TensorSpec
from refinterp.graph.specs import tensor_specs
from refinterp.kernels.flavours import DEFAULT_FLAVOUR
from refinterp.run.prepare import prepare
from refinterp.run.program import Program
from refinterp.samples.convert import dequantize

_REALS: Final = frozenset({"float32", "float16"})


@dataclass(frozen=True, slots=True, eq=False)
class FoldedModel:
    """A model with unpacked constants. origins: unpacked tensor → the one it was unpacked from."""

    model: Model
    origins: Mapping[int, int]


def fold(model: Model, subgraph: int = 0) -> FoldedModel:
    """Unpack the constants of one subgraph. Raises ModelError as `tensor_specs` does."""
    model = _renamed(model, subgraph)
    graph = model.subgraphs[subgraph]
    if not any(facts(one.name).unpacks for one in graph.operators):
        return FoldedModel(model, MappingProxyType({}))
    specs = tensor_specs(model, subgraph)
    tensors, buffers = list(graph.tensors), list(model.buffers)
    values: dict[int, NDArray[Any]] = {}
    origins: dict[int, int] = {}
    for one in graph.operators:
        if not facts(one.name).unpacks or len(one.inputs) != 1 or len(one.outputs) != 1:
            continue
        source, target = one.inputs[0], one.outputs[0]
        if not (0 <= source < len(specs) and 0 <= target < len(specs)):
            continue
        known = values.get(source, specs[source].data)
        if known is None or specs[source].shape != specs[target].shape:
            continue
        found: NDArray[Any] | None = known
        if facts(one.name).conversion:
            found = _reals(known, specs[source], specs[target])
        if found is None:
            continue
        values[target] = found
        origins[target] = origins.get(source, source)
        buffers.append(Buffer(_bytes(found, specs[target].dtype)))
        tensors[target] = with_constant(tensors[target], len(buffers) - 1)
    folded = replace(graph, tensors=tuple(tensors))
    subgraphs = (*model.subgraphs[:subgraph], folded, *model.subgraphs[subgraph + 1 :])
    return FoldedModel(
        replace(model, subgraphs=subgraphs, buffers=tuple(buffers)), MappingProxyType(origins)
    )


def _renamed(model: Model, subgraph: int) -> Model:
    """Make uint8 weights int8 where the operator writes reals: it takes them for that."""
    graph = model.subgraphs[subgraph]
    tensors = list(graph.tensors)
    for one in graph.operators:
        real = one.outputs and 0 <= one.outputs[0] < len(tensors)
        if facts(one.name).unpacks or not real or tensors[one.outputs[0]].dtype not in _REALS:
            continue
        for index in one.inputs:
            tensor = tensors[index] if 0 <= index < len(tensors) else None
            if tensor is None or tensor.dtype != "uint8" or not has_constant(model, tensor):
                continue
            grid = tensor.quantization
            if grid is not None and grid.scale.size:
                grid = replace(grid, zero_point=np.zeros(grid.scale.size, np.int64))
                tensors[index] = with_constant(tensor, tensor.buffer, "int8", grid)
    if all(a is b for a, b in zip(tensors, graph.tensors, strict=True)):
        return model
    renamed = replace(graph, tensors=tuple(tensors))
    subgraphs = (*model.subgraphs[:subgraph], renamed, *model.subgraphs[subgraph + 1 :])
    return replace(model, subgraphs=subgraphs)


def prepare_folded(model: Model, subgraph: int = 0, *, flavour: str = DEFAULT_FLAVOUR) -> Program:
    """Prepare a model that `fold` has made: what writes a constant is not among its steps."""
    program = prepare(model, subgraph=subgraph, flavour=flavour)
    graph = program.graphs[subgraph]
    steps = tuple(s for s in graph.steps if not writes_constants(s.outputs, graph.specs))
    if len(steps) == len(graph.steps):
        return program
    return replace(program, graphs={**program.graphs, subgraph: replace(graph, steps=steps)})


def writes_constants(outputs: Sequence[int], specs: Sequence[TensorSpec]) -> bool:
    """Whether all results of an operator are known as constants."""
    return bool(outputs) and all(i != OPTIONAL and specs[i].data is not None for i in outputs)


def _reals(
    known: NDArray[Any], source: TensorSpec, target: TensorSpec
) -> NDArray[np.float32] | None:
    """What DEQUANTIZE writes; None for what it does not take."""
    if target.dtype != "float32":
        return None
    if known.dtype == np.float16:
        return known.astype(np.float32)
    return dequantize(known, source) if source.quantized and known.dtype.kind in "iu" else None


def _bytes(values: NDArray[Any], dtype: str) -> NDArray[np.uint8]:
    if dtype in PACKED_BITS:
        return pack(np.ascontiguousarray(values).reshape(-1), PACKED_BITS[dtype])
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    raw = little.reshape(-1).view(np.uint8)
    raw.flags.writeable = False
    return raw
