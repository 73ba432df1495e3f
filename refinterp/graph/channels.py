"""Whether an operator keeps channels, along the last axis, apart from each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
