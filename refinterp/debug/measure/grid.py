"""The grid that a tensor's codes lie on, and its elements taken together by channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.model import STORAGE
from refinterp.graph.spec import TensorSpec

_MOST_CHANNELS: Final = 4096
_WIDTH: Final = 128  # columns that make a reduction along rows fast


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The reals a tensor's codes stand for, element by element in flat order.

    scale, zero_point: one number, or float64 (elements,) where channels have their own. low, high:
    the smallest and largest code of the type.
    """

    scale: float | NDArray[np.float64]
    zero_point: float | NDArray[np.float64]
    low: int
    high: int

    @classmethod
    def of(cls, spec: TensorSpec) -> Grid | None:
        """The grid of a tensor, or None when its elements are reals themselves."""
        dtype = STORAGE[spec.dtype]
        if not spec.quantized or dtype.kind not in "iu":
            return None
        limits = np.iinfo(dtype)
        low, high = int(limits.min), int(limits.max)
        if spec.scale.size == 1:
            return cls(float(spec.scale[0]), float(spec.zero), low, high)
        along = [1] * len(spec.shape)
        along[spec.quantized_dimension] = -1

        def spread(values: NDArray[Any]) -> NDArray[np.float64]:
            channels = values.astype(np.float64).reshape(along)
            return np.broadcast_to(channels, spec.shape).reshape(-1)

        return cls(spread(spec.scale), spread(spec.zero_point), low, high)


def channel_count(spec: TensorSpec) -> int:
    """How many channels a tensor's elements are kept apart by: its last axis, or 1 for none.

    Vectors, very long last axes, and scales along another axis are not divided.
    """
    shape = spec.shape
    if len(shape) < 2 or not 0 < shape[-1] <= _MOST_CHANNELS:
        return 1
    if spec.scale.size > 1 and spec.quantized_dimension != len(shape) - 1:
        return 1
    return shape[-1]


def folded(values: NDArray[Any], channels: int) -> NDArray[Any] | None:
    """View flat values, channels last, as rows of several pixels each; None if they do not fit."""
    width = channels * max(1, _WIDTH // channels)
    while width > channels and values.size % width:
        width -= channels
    return values.reshape(-1, width) if values.size else None


def sums_by_channel(values: NDArray[np.float64], channels: int) -> NDArray[np.float64]:
    """Sums over flat values, channels last: (channels,)."""
    if channels == 1:
        return np.asarray(values.sum(keepdims=True))
    rows = folded(values, channels)
    assert rows is not None
    total: NDArray[np.float64] = rows.sum(axis=0).reshape(-1, channels).sum(axis=0)
    return total


def squares_by_channel(values: NDArray[np.float64], channels: int) -> NDArray[np.float64]:
    """Sums of squares over flat values, channels last: (channels,)."""
    if channels == 1:
        return np.asarray(np.einsum("i,i->", values, values)).reshape(1)
    rows = folded(values, channels)
    assert rows is not None
    squares: NDArray[np.float64] = np.einsum("ij,ij->j", rows, rows)
    return np.asarray(squares.reshape(-1, channels).sum(axis=0))
