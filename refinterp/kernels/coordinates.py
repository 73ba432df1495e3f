"""Coordinates that pick elements or boxes of a tensor, turned into positions in it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.model import Shape
from refinterp.kernels.contract import Array
from refinterp.kernels.data_movement import within


def flat(index: Array, sizes: Shape, where: str) -> NDArray[np.int64]:
    """Turn coordinates (S, ..., n) on axes of n sizes into positions (S, count), row-major.

    Raises ModelError for a coordinate that is out of range.
    """
    coordinates = index.reshape(len(index), math.prod(index.shape[1:-1]), len(sizes))
    found = np.zeros(coordinates.shape[:2], np.int64)
    for axis, size in enumerate(sizes):
        within(coordinates[..., axis], size, where)
        found *= size
        found += coordinates[..., axis]
    return found


def coordinates_last(index: Array, axis: int) -> Array:
    """Move the axis of coordinates of (S, ...) last; if there is none, make one of size 1."""
    if axis + 1 == index.ndim:
        return index[..., None]
    return np.moveaxis(index, axis + 1, -1)


def strides(shape: Shape) -> NDArray[np.int64]:
    """Return by how many elements a step along each axis moves, row-major."""
    sizes = np.array((*shape[1:], 1), np.int64)
    return np.asarray(np.cumprod(sizes[::-1], dtype=np.int64)[::-1][: len(shape)])
