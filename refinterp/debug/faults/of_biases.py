"""Biases at the ends of their type, and biases of another scale than kernels take them for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from refinterp.debug.faults.fault import Fault, called
from refinterp.debug.faults.thresholds import (
    BIAS_STEPS,
)
from refinterp.debug.reference.weighted import WeightedOperator
from refinterp.graph.model import OPTIONAL, Operator
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.registry import find

_SATURATED: Final = 2**31 - 128  # the largest float32 below 2^31: what float32 clamping leaves
_BIAS_TOLERANCE: Final = 1e-3  # of a scale; rounding to float32 costs 1e-7


def saturated(index: int, operator: Operator, specs: Sequence[TensorSpec]) -> Iterator[Fault]:
    """Biases at the ends of int32."""
    operands = [None if i == OPTIONAL else specs[i] for i in operator.inputs]
    entry = find(operator.name, operands)
    first = 1 if entry is None else max(entry.data, entry.weights or 0) + 1
    for tensor in operator.inputs[first:]:
        spec = None if tensor == OPTIONAL else specs[tensor]
        if spec is None or spec.dtype != "int32" or spec.data is None or not spec.data.size:
            continue
        if not spec.quantized and (entry is None or entry.weights is None):
            continue  # a shape or an index
        size = np.abs(spec.data.astype(np.int64)).reshape(-1)
        ends = np.flatnonzero(size >= _SATURATED)
        if ends.size:
            yield Fault(
                "bias_saturated",
                "error",
                index,
                tensor,
                f"bias {called(spec, tensor)}: {ends.size} of {size.size} values are at the end "
                f"of int32, the first at {ends[0]}: {spec.data.reshape(-1)[ends[0]]}; the reals "
                "they stand for do not fit",
                frozenset(ends.tolist()),
            )


def bias_scale(one: WeightedOperator) -> Iterator[Fault]:
    """Biases quantized with another scale than kernels take them for."""
    if one.bias == OPTIONAL or not one.specs[one.bias].quantized:
        return
    spec = one.specs[one.bias]
    if spec.scale.size not in (1, one.channels):
        return
    wanted = one.specs[one.x].step * one.scales
    scales = np.broadcast_to(spec.scale.astype(np.float64), (one.channels,))
    with np.errstate(all="ignore"):
        ratio = scales / wanted
        same = (np.abs(ratio - 1) <= _BIAS_TOLERANCE) | (scales == wanted)  # also where both are 0
    off = np.flatnonzero(~same & (one.bias_codes != 0))
    if not off.size:
        return
    worst = off[np.argmax(np.abs(np.log(np.clip(ratio[off], 1e-300, 1e300))))]
    moved = np.abs(one.bias_codes * (scales - wanted)) / one.specs[one.y].step
    most, steps = np.nanmax(moved[off]), moved[worst]
    scale = float(scales[worst])
    yield Fault(
        "bias_scale_mismatch",
        "error" if steps > 0.5 else "warning",
        one.operator,
        one.bias,
        f"bias {called(spec, one.bias)}: {off.size} of {one.channels} scales are not input scale "
        f"* weight scale; of channel {worst} it is {scale:g}, {ratio[worst]:.4g} times "
        f"{wanted[worst]:g}, which moves its output by {steps:.3g} step(s)",
        frozenset(off.tolist()),
        bits=math.log2(1 + most / BIAS_STEPS),
    )


def bias_ratio(one: WeightedOperator) -> float | None:
    """By how much all bias scales are off, if by the same: what the input's scale is off by."""
    spec = one.specs[one.bias]
    with np.errstate(all="ignore"):
        ratio = spec.scale.astype(np.float64) / (one.specs[one.x].step * one.scales)
    same = np.isfinite(ratio).all() and ratio.max() <= ratio.min() * (1 + _BIAS_TOLERANCE)
    return float(ratio.mean()) if same else None
