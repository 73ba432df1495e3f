"""Sums that data has driven out of int32."""

from __future__ import annotations

import numpy as np

from refinterp.debug.faults.fault import Fault
from refinterp.debug.measure.accumulators import AccumulatorRange
from refinterp.debug.reference.weighted import WeightedOperator


def overflow_fault(weighted: WeightedOperator, sums: AccumulatorRange) -> Fault | None:
    """What the sums of an operator have shown, None if they stayed inside int32."""
    over = np.flatnonzero(sums.over)
    if not over.size:
        return None
    worst = int(over[np.argmax(np.maximum(sums.largest, -sums.smallest)[over])])
    return Fault(
        "accumulator_overflow",
        "error",
        weighted.operator,
        weighted.y,
        f"{weighted.name}: the sums of {over.size} of {weighted.channels} channels leave int32 on "
        f"this data: channel {worst} goes from {sums.smallest[worst]:.4g} to "
        f"{sums.largest[worst]:.4g}, its bias being {weighted.bias_codes[worst]}; int32 ends at "
        f"{2**31 - 1}",
        frozenset(over.tolist()),
        measured=True,
    )
