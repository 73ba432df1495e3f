"""Models with a constant stored sparse, and the same models with it stored dense."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.operators.case import Case
from conformance.operators.cases import load_all
from conformance.operators.draw import Draw
from conformance.operators.known_edits import node_of, operator_of
from refinterp.graph.constants import constant, has_constant
from refinterp.graph.model import PACKED_BITS, STORAGE, Buffer, Tensor
from refinterp.verdicts.differences.sparse import compressed
from refinterp.verdicts.node import Node

_TOLERANCE = 1e-4  # float sums of LiteRT's sparse kernels go another way


def compress(dense: NDArray[Any], block: int) -> tuple[NDArray[Any], dict[str, Any]]:
    """Stored values and the sparsity table of an array: its last axis by blocks that are not 0."""
    *outer, columns = dense.shape
    pieces = dense.reshape(-1, columns // block, block)
    used = (pieces != 0).any(axis=-1)
    ends = np.concatenate([[0], np.cumsum(used.sum(axis=1))]).astype(np.int32)
    empty: dict[str, Any] = {"array_segments": None, "array_indices": None}
    levels: list[dict[str, Any]] = [
        {**empty, "format": "DENSE", "dense_size": size} for size in outer
    ]
    levels.append(
        {
            "format": "SPARSE_CSR",
            "dense_size": 0,
            "array_segments": ("Int32Vector", {"values": ends}),
            "array_indices": ("Int32Vector", {"values": np.nonzero(used)[1].astype(np.int32)}),
        }
    )
    if block > 1:
        levels.append({**empty, "format": "DENSE", "dense_size": block})
    return pieces[used].reshape(-1), {
        "traversal_order": np.arange(len(levels), dtype=np.int32),
        "block_map": np.array([dense.ndim - 1] if block > 1 else [], np.int32),
        "dim_metadata": tuple(levels),
    }


def with_sparse(case: Case, position: int, block: int, rng: np.random.Generator) -> Case | None:
    """The same model with an operand three quarters 0 and stored sparse; None if it cannot be."""
    held = _held(case, position)
    if held is None:
        return None
    dense = np.array(constant(case.model, held))
    if dense.ndim == 0 or dense.shape[-1] % block or dense.size < 2 * block:
        return None
    pieces = dense.reshape(-1, block)
    pieces[rng.random(len(pieces)) < 0.75] = 0
    pieces[-1] = np.where(pieces[-1] == 0, 1, pieces[-1])  # one value at least
    made = _with_constant(case, position, *compress(dense, block))
    return made if compressed(node_of(made).inputs[position]) else None


def as_dense(case: Case) -> Case:
    """The same model with its sparse operand stored dense."""
    for position, found in enumerate(node_of(case).inputs):
        if found is not None and found.tensor.sparsity is not None:
            assert found.value is not None
            return _with_constant(case, position, found.value, None)
    return case


def sparse(
    operator: str, dtype: str, wanted: Callable[[Node], bool], position: int, block: int
) -> Callable[[Draw], Case]:
    """Models of the operator's generator with a sparse operand, drawn until one is as wanted."""

    def draw(d: Draw) -> Case:
        for _ in range(1000):
            case = load_all()[operator, dtype](d)
            made = with_sparse(case, position, block, d.rng)
            if made is not None and wanted(node_of(made)):
                return replace(made, float_tolerance=_TOLERANCE)
        raise ValueError(f"{operator} {dtype}: no model with a constant operand {position}")

    return draw


def _held(case: Case, position: int) -> Tensor | None:
    """A constant operand that can be stored sparse."""
    graph = case.model.subgraphs[0]
    inputs = operator_of(case).inputs
    if len(graph.operators) != 1 or position >= len(inputs) or inputs[position] < 0:
        return None
    tensor = graph.tensors[inputs[position]]
    usable = tensor.dtype in STORAGE and tensor.dtype not in PACKED_BITS
    return tensor if usable and has_constant(case.model, tensor) else None


def _with_constant(
    case: Case, position: int, values: NDArray[Any], sparsity: dict[str, Any] | None
) -> Case:
    model = case.model
    graph = model.subgraphs[0]
    at = operator_of(case).inputs[position]
    tensors = list(graph.tensors)
    tensors[at] = replace(tensors[at], buffer=len(model.buffers), sparsity=sparsity)
    data = np.frombuffer(values.tobytes(), np.uint8)
    changed = replace(
        model,
        buffers=(*model.buffers, Buffer(data)),
        subgraphs=(replace(graph, tensors=tuple(tensors)),),
    )
    return replace(case, model=changed)
