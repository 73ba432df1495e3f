"""Channels of an activation that no operator uses: all weights that they meet are 0.

Training that prunes leaves both sides at 0: a channel's own weights, and those of its readers. A
channel that stands still by a fault still has readers that count on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.reference.weighted import WeightedOperator
from refinterp.graph.channels import keeps_channels, unweighted
from refinterp.graph.model import OPTIONAL
from refinterp.graph.operands import Weighted
from refinterp.graph.operators import facts
from refinterp.graph.spec import TensorSpec
from refinterp.run.program import Step

Flags = NDArray[np.bool_]


def unused_channels(
    tensor: int,
    channels: int,
    steps: Sequence[Step],
    weighted: Mapping[int, WeightedOperator],
    specs: Sequence[TensorSpec],
) -> Flags:
    """Return which channels of a tensor, along its last axis, no reader uses: (channels,).

    Channels of a tensor without readers, an output of the model, all count as used.
    """
    readers = [step for step in steps if tensor in step.inputs]
    used = np.full(channels, not readers, bool)
    for step in readers:
        reader = weighted.get(step.operator)
        if reader is not None and reader.x == tensor:
            used |= _taken(reader, channels, steps, weighted, specs)
            continue
        y = step.outputs[0] if len(step.outputs) == 1 else None
        operands = [specs[i] if i != OPTIONAL else None for i in step.inputs]
        apart = keeps_channels(facts(step.name), operands)
        if y is None or not apart or not _fits(specs[y], channels):
            return np.zeros(channels, bool)
        after = unused_channels(y, specs[y].shape[-1], steps, weighted, specs)
        used |= ~after.reshape(-1, channels).all(axis=0)
    return ~used


def _fits(spec: TensorSpec, channels: int) -> bool:
    return bool(spec.shape) and spec.shape[-1] > 0 and spec.shape[-1] % channels == 0


def _taken(
    reader: WeightedOperator,
    channels: int,
    steps: Sequence[Step],
    weighted: Mapping[int, WeightedOperator],
    specs: Sequence[TensorSpec],
) -> Flags:
    """Channels that an operator with weights takes up."""
    if facts(reader.name).depthwise:
        if reader.channels % channels:
            return np.ones(channels, bool)
        after = unused_channels(reader.y, reader.channels, steps, weighted, specs)
        lost = unweighted(reader.codes, 0) | after
        return np.asarray(~lost.reshape(channels, -1).all(axis=1))
    rows = facts(reader.name).filter_axis == 0 and facts(reader.name).operands is Weighted
    if not rows or reader.codes.shape[1] % channels:
        return np.ones(channels, bool)
    return ~unweighted(reader.codes.reshape(-1, channels), -1)
