"""Sparse constants spread out.

A sparse tensor is walked level by level, in `traversal_order`: first its axes, then the axes of
blocks, which `block_map` assigns to axes. A DENSE level has all its indices; a SPARSE_CSR level
has, for each entry of the level above, those between two of its segments. What is left at the
last level are the values, in the order in which they are stored.
Source: LiteRT kernels/internal/utils/sparsity_format_converter.cc (f67457790).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape

Ints = NDArray[np.int64]


def densify(
    values: NDArray[Any], shape: Shape, sparsity: Mapping[str, Any], name: str
) -> NDArray[Any]:
    """Return the dense tensor: values (count,) at their places, 0 elsewhere.

    sparsity: the schema table SparsityParameters as a mapping. name: the tensor's, for messages.
    Raises ModelError when the table contradicts itself, the shape or the number of values.
    """
    order, blocks = _ints(sparsity["traversal_order"]), _ints(sparsity["block_map"])
    levels = sparsity["dim_metadata"]
    rank = len(shape)
    if (
        len(levels) != len(order)
        or sorted(order.tolist()) != list(range(rank + len(blocks)))
        or not set(blocks.tolist()) <= set(range(rank))
    ):
        raise ModelError(
            f"tensor {name!r}: sparsity over {len(levels)} levels in order {order.tolist()} with "
            f"blocks {blocks.tolist()} does not fit shape {list(shape)}"
        )
    try:
        indices = _walk(levels)
    except IndexError:
        raise ModelError(
            f"tensor {name!r}: its sparsity's segments point outside its indices"
        ) from None
    size = dict(zip(order.tolist(), (int(level["dense_size"]) for level in levels), strict=True))
    places: dict[int, Ints] = dict(zip(order.tolist(), indices, strict=True))
    at = [places[axis] for axis in range(rank)]
    for block in sorted(range(rank, rank + len(blocks)), key=order.tolist().index):
        axis = int(blocks[block - rank])
        at[axis] = at[axis] * size[block] + places[block]
    if len(indices[0]) != values.size if indices else values.size != 1:
        raise ModelError(
            f"tensor {name!r}: its sparsity places {len(indices[0]) if indices else 1} values, its "
            f"buffer holds {values.size}"
        )
    dense = np.zeros(shape, values.dtype)
    if any(
        where.size and not 0 <= where.min() <= where.max() < whole
        for where, whole in zip(at, shape, strict=True)
    ):
        raise ModelError(f"tensor {name!r}: its sparsity places values outside {list(shape)}")
    dense[tuple(at)] = values
    return dense


def _walk(levels: Any) -> list[Ints]:
    """Return, for each level, the index of every stored value."""
    parent = np.zeros(1, np.int64)
    found: list[Ints] = []
    for level in levels:
        if level["format"] == "DENSE":
            size = int(level["dense_size"])
            counts = np.full(len(parent), size, np.intp)
            own = np.tile(np.arange(size, dtype=np.int64), len(parent))
            parent = np.repeat(parent, size) * size + own
        else:
            segments, stored = _union(level["array_segments"]), _union(level["array_indices"])
            starts, counts = segments[parent], segments[parent + 1] - segments[parent]
            if counts.size and counts.min() < 0:
                raise IndexError
            counts = counts.astype(np.intp, copy=False)
            before = np.cumsum(counts, dtype=np.int64) - counts
            total = int(counts.sum(dtype=np.int64))
            parent = np.arange(total, dtype=np.int64) + np.repeat(starts - before, counts)
            own = stored[parent]
        found = [np.repeat(index, counts) for index in found]
        found.append(own)
    return found


def _union(vector: Any) -> Ints:
    """Read a SparseIndexVector: (member's name, fields)."""
    return _ints(() if vector is None else vector[1]["values"])


def _ints(values: Any) -> Ints:
    return np.asarray(values, np.int64).reshape(-1)
