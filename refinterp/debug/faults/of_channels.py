"""Channels that stand still, and channels that leave the others no room, as data shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from refinterp.debug.faults.fault import Fault
from refinterp.debug.faults.tensor_ranges import FEW, ObservedRange
from refinterp.debug.faults.thresholds import BITS_APART
from refinterp.debug.reference.weighted import WeightedOperator

_LOCAL_STEPS: Final = 2.0  # what the operator itself must lose on a channel to have stopped it
_ALIVE_STEPS: Final = 16.0  # 4 bits: what a channel's reference moves over if it says something
_ALIVE_IN_FEW: Final = 64.0  # where it is seen so seldom that it may stand still by chance
_OUTLIER_BITS: Final = 4.0
_FEW_STEPS: Final = 16.0  # 4 bits


def still_channels(
    weighted: Sequence[WeightedOperator],
    ranges: Mapping[int, ObservedRange],
    dead: Mapping[int, frozenset[int]],
) -> Iterator[Fault]:
    """Channels whose code stands still while the reference's moves."""
    for one in weighted:
        tensor = ranges.get(one.y)
        if tensor is None or not tensor.usable:
            continue
        lowest, highest = tensor.codes.channel_lowest, tensor.codes.channel_highest
        if lowest.size != one.channels:
            continue
        span = (tensor.reals.channel_highest - tensor.reals.channel_lowest) / one.specs[one.y].step
        local = tensor.local_steps
        lost = np.inf if local is None or local.size != span.size else local
        fixed = dead.get(one.operator, frozenset())
        values = tensor.elements // one.channels
        alive = np.full(one.channels, _ALIVE_STEPS if values >= FEW else _ALIVE_IN_FEW, np.float64)
        alive[sorted(fixed)] = _LOCAL_STEPS  # no code but one for all that the reference says
        still = np.flatnonzero((lowest == highest) & (span >= alive) & (lost >= _LOCAL_STEPS))
        if not still.size:
            continue
        always = fixed & set(still.tolist())
        if always:  # what no input moves, no fault further up keeps still
            still = np.array(sorted(always))
        worst = int(still[np.argmax(span[still])])
        few = "" if values >= FEW else f"; {values} values of each were seen: more samples tell"
        yield Fault(
            "dead_channels",
            "error",
            one.operator,
            one.y,
            f"{one.name}: {still.size} of {one.channels} channels give one code for all data while "
            f"their reference moves: channel {worst} stays at {lowest[worst]}, its reference moves "
            f"over {span[worst]:.3g} steps{'; no input would move them' if always else few}",
            frozenset(still.tolist()) | fixed,
            measured=not always,
        )


def overwhelming_channels(
    weighted: Sequence[WeightedOperator], ranges: Mapping[int, ObservedRange]
) -> Iterator[Fault]:
    """Channels whose weights are so large that their values leave the others few steps."""
    for one in weighted:
        tensor = ranges.get(one.y)
        if tensor is None or not tensor.usable or one.channels < 4:
            continue
        low, high = tensor.reals.channel_lowest, tensor.reals.channel_highest
        if low.size != one.channels:
            continue
        size = one.scales * np.abs(one.codes).max(axis=1)
        alive = (size > 0) & np.isfinite(size)
        if alive.sum() < 4:
            continue
        with np.errstate(all="ignore"):
            bits = np.log2(size / np.median(size[alive]))
        far = bits >= _OUTLIER_BITS
        if not far.any() or far.sum() > one.channels // 4:
            continue
        steps = (np.maximum(high, 0) - np.minimum(low, 0)) / one.specs[one.y].step
        rest = alive & ~far
        usual = float(np.median(steps[rest]))
        largest = float(steps[far].max())
        lost = usual <= _FEW_STEPS or largest > 2 * tensor.levels
        if largest < 2**BITS_APART * usual or not lost:
            continue
        worst = int(np.argmax(np.where(far, bits, -np.inf)))
        yield Fault(
            "weight_scale_spread",
            "error",
            one.operator,
            one.w,
            f"{one.name}: the weights of {int(far.sum())} of {one.channels} channels are 2^"
            f"{_OUTLIER_BITS:g} and more above the median, those of channel {worst} 2^"
            f"{bits[worst]:.1f}: its values take {largest:.3g} steps, the median channel's "
            f"{usual:.3g} of {tensor.levels}",
            frozenset(np.flatnonzero(far).tolist()),
            measured=True,
        )
