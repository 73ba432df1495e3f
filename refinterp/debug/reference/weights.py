"""The weights of a layer, channel by channel: the reals that their codes stand for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.reference.fold import fold
from refinterp.graph.constants import constant
from refinterp.graph.model import OPTIONAL, Model, Operator, Tensor, element_bits
from refinterp.graph.operators import facts

STORED_CODES: Final = frozenset({"int2", "int4", "int8", "uint8", "int16"})
"""Types that weights are stored in as codes."""


@dataclass(frozen=True, slots=True, eq=False)
class WeightFigures:
    """Weights by output channel.

    tensor, name, dtype, shape: of the weights.
    lowest, highest: the smallest and largest weight of each channel, reals, (channels,).
    scale: (channels,).
    used: the largest |code - zero point| of each channel over the largest the type has,
        (channels,).
    per_channel: whether channels have scales of their own.
    """

    tensor: int
    name: str
    dtype: str
    shape: tuple[int, ...]
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    scale: NDArray[np.float64]
    used: NDArray[np.float64]
    per_channel: bool


def weight_figures(model: Model, operator: int) -> WeightFigures | None:
    """Return the figures of an operator's weights in subgraph 0, None where it has none.

    Weights are the first quantized constant with at least two axes. Raises ModelError when its
    buffer does not hold what its shape asks for.
    """
    graph = model.subgraphs[0]
    step = graph.operators[operator]
    for index in step.inputs:
        if index == OPTIONAL:
            continue
        tensor = graph.tensors[index]
        if len(tensor.shape) < 2 or tensor.dtype not in STORED_CODES or tensor.quantization is None:
            continue
        codes = constant(model, tensor)
        if codes is not None and codes.size and tensor.quantization.scale.size:
            return _figures(index, tensor, step, codes)
    return None


def all_weights(model: Model, operators: Iterable[int]) -> dict[int, WeightFigures]:
    """Return the figures of those operators that have weights, by operator."""
    model = fold(model).model
    found = {operator: weight_figures(model, operator) for operator in sorted(set(operators))}
    return {operator: figures for operator, figures in found.items() if figures is not None}


def _figures(
    index: int, tensor: Tensor, step: Operator, codes: NDArray[np.generic]
) -> WeightFigures | None:
    grid = tensor.quantization
    assert grid is not None
    axis = facts(step.name).filter_axis or 0
    if grid.per_channel:
        axis = grid.quantized_dimension
    channels = codes.shape[axis] if axis < codes.ndim else 0
    if grid.scale.size not in (1, channels) or grid.zero_point.size not in (0, 1, channels):
        return None  # scales that fit no axis: a finding of `lint`
    zero = np.broadcast_to(grid.zero_point if grid.zero_point.size else 0, channels)
    scale = np.broadcast_to(grid.scale, channels).astype(np.float64)
    rows = np.moveaxis(codes, axis, 0).reshape(channels, -1).astype(np.int64)
    low, high = rows.min(axis=1) - zero, rows.max(axis=1) - zero
    bits = element_bits(str(tensor.dtype))
    most = (1 << bits) - 1 if tensor.dtype == "uint8" else (1 << (bits - 1)) - 1
    return WeightFigures(
        tensor=index,
        name=tensor.name,
        dtype=str(tensor.dtype),
        shape=tensor.shape,
        lowest=low * scale,
        highest=high * scale,
        scale=scale,
        used=np.maximum(np.abs(low), np.abs(high)) / most,
        per_channel=grid.per_channel,
    )
