"""Parts of a case changed, the rest left as it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.operators.case import Case
from conformance.operators.draw import Draw, choice
from refinterp.errors import RefinterpError
from refinterp.graph.constants import constant, pack
from refinterp.graph.model import OPTIONAL, PACKED_BITS, STORAGE, Buffer, Model, Operator, Tensor

Disturbed = tuple[Case, str]
"""A changed case, and what was changed."""


def operator_at(case: Case, at: int) -> Operator:
    return case.model.subgraphs[0].operators[at]


def tensors_of(case: Case) -> tuple[Tensor, ...]:
    return case.model.subgraphs[0].tensors


def with_graph(case: Case, **changes: Any) -> Case:
    first, *rest = case.model.subgraphs
    model = replace(case.model, subgraphs=(replace(first, **changes), *rest))
    return replace(case, model=model)


def with_tensor(case: Case, index: int, **changes: Any) -> Case:
    tensors = list(tensors_of(case))
    tensors[index] = replace(tensors[index], **changes)
    return with_samples(with_graph(case, tensors=tuple(tensors)))


def with_operator(case: Case, at: int, **changes: Any) -> Case:
    operators = list(case.model.subgraphs[0].operators)
    operators[at] = replace(operators[at], **changes)
    return with_graph(case, operators=tuple(operators))


def encoded(array: NDArray[Any], dtype: str) -> NDArray[np.uint8]:
    stored = STORAGE[dtype]
    if dtype in PACKED_BITS:
        bits = PACKED_BITS[dtype]
        low = -(1 << (bits - 1)) if stored.kind == "i" else 0
        values = np.clip(array.astype(np.int64), low, low + (1 << bits) - 1)
        return pack(values.astype(stored).reshape(-1), bits)
    if stored.kind in "iu":
        info = np.iinfo(stored)
        wide = np.nan_to_num(array.astype(np.float64), posinf=0, neginf=0)
        if array.dtype.kind in "iu":
            values = np.clip(array, max(info.min, np.iinfo(array.dtype).min),
                             min(info.max, np.iinfo(array.dtype).max))  # fmt: skip
        else:
            values = np.clip(wide, max(info.min, -(2**62)), min(info.max, 2**62))
        array = values
    with np.errstate(all="ignore"):
        return np.frombuffer(array.astype(stored).tobytes(), np.uint8)


def with_value(case: Case, index: int, array: NDArray[Any], **changes: Any) -> Case:
    """Give a tensor another constant, in a buffer of its own."""
    tensor = tensors_of(case)[index]
    dtype = str(changes.get("dtype", tensor.dtype))
    buffers = (*case.model.buffers, Buffer(encoded(array, dtype)))
    case = replace(case, model=replace(case.model, buffers=buffers))
    return with_tensor(case, index, buffer=len(buffers) - 1, shape=tuple(array.shape), **changes)


def with_samples(case: Case) -> Case:
    """Make samples fit the inputs: those that do not are drawn anew, small and not negative."""
    graph = case.model.subgraphs[0]
    rng = np.random.default_rng(len(graph.tensors))
    low = int(any("DIV" in operator.name or "MOD" in operator.name for operator in graph.operators))
    samples = []
    for sample in case.samples[:1] or [[]]:
        fitting = []
        for position, index in enumerate(graph.inputs):
            tensor = graph.tensors[index]
            stored = STORAGE.get(str(tensor.dtype), np.dtype(np.int8))
            shape = tuple(max(n, 0) for n in tensor.shape)
            given = sample[position] if position < len(sample) else None
            if given is None or given.shape != shape:
                given = rng.integers(low, 2, shape)
            bits = PACKED_BITS.get(str(tensor.dtype))
            if bits and given.size:
                low = -(1 << (bits - 1)) if stored.kind == "i" else 0
                given = np.clip(given.astype(np.int64), low, low + (1 << bits) - 1)
            with np.errstate(all="ignore"):
                fitting.append(given if given.dtype == stored else given.astype(stored))
        samples.append(fitting)
    return replace(case, samples=samples)


def resized(case: Case, index: int, shape: Sequence[int]) -> Case:
    """Give a tensor another shape; a constant's elements are repeated, or as many as are left."""
    value = value_of(case.model, tensors_of(case)[index])
    if value is None:
        return with_tensor(case, index, shape=tuple(shape), shape_signature=None)
    return with_value(case, index, np.resize(value, tuple(shape)))


def value_of(model: Model, tensor: Tensor) -> NDArray[Any] | None:
    try:
        return constant(model, tensor) if str(tensor.dtype) in STORAGE else None
    except RefinterpError:
        return None


def pick(d: Draw, case: Case, at: int, wanted: Callable[[Tensor], bool]) -> tuple[int, str] | None:
    """One of the operator's tensors of a kind, and what it is called."""
    operator = operator_at(case, at)
    places = [
        (index, f"{side} {position}")
        for side, indices in (("input", operator.inputs), ("output", operator.outputs))
        for position, index in enumerate(indices)
        if index != OPTIONAL and wanted(tensors_of(case)[index])
    ]
    return choice(d, places) if places else None


def is_quantized(tensor: Tensor) -> bool:
    return tensor.quantization is not None and tensor.quantization.scale.size > 0
