"""Channels: which operators keep them apart, and which of a filter say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.operators import OperatorFacts
from refinterp.graph.spec import TensorSpec


def keeps_channels(facts: OperatorFacts, operands: Sequence[TensorSpec | None]) -> bool:
    """Whether channel j of the result depends on channel j % n alone of an operand that has n.

    It says nothing of results whose channels are no multiple of n. Where the operator works along
    axes that an operand names, they must be constants and leave out the last axis.
    """
    if not facts.by_channel or not facts.along:
        return facts.by_channel
    names = facts.signature(len(operands))
    data, given = operands[0], operands[names.names.index(facts.along)]
    if data is None or given is None or given.data is None or not data.shape:
        return False
    rank = len(data.shape)
    if facts.along == "paddings":
        axes = np.flatnonzero(given.data.reshape(rank, -1).any(axis=1))
    else:
        axes = given.data.reshape(-1) % rank
    return rank - 1 not in axes


def unweighted(weights: NDArray[Any], axis: int) -> NDArray[np.bool_]:
    """Which indices of one axis of a filter have no weight but 0: (channels,).

    Along the axis of output channels these are the ones that read nothing, along that of input
    channels the ones that nothing reads.
    """
    others = tuple(i for i in range(weights.ndim) if i != axis % weights.ndim)
    return np.asarray(~np.any(weights, axis=others))
