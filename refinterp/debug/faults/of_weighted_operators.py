"""What the integers of operators with weights show: multipliers, sums, scales, channels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.faults.fault import Fault
from refinterp.debug.faults.thresholds import (
    BITS_APART,
    SPREAD_BITS,
    WEIGHT_CODES,
)
from refinterp.debug.reference.weighted import WeightedOperator
from refinterp.graph.model import OPTIONAL, Operator

_INT32: Final = 2**31 - 1
_VANISHED: Final = 2.0**-32  # kernels take smaller multipliers for 0


def multiplier(one: WeightedOperator, silent: NDArray[np.bool_] | None) -> Iterator[Fault]:
    """Factors of 1 and more, or so small that kernels take them for 0, of channels with weights.

    silent: channels that add less than half a code whatever the input: a note, if no more is wrong.
    """
    factors = one.factors
    used = one.codes.any(axis=1) | (one.bias_codes != 0)
    large = np.flatnonzero((factors >= 1) & used)
    small = np.flatnonzero((factors < _VANISHED) & one.codes.any(axis=1))
    if not large.size and small.size and silent is not None and silent[small].all():
        yield _silenced(one, small)
        return
    if not large.size and not small.size:
        return
    first = int(large[0] if large.size else small[0])
    shift = math.frexp(factors[first])[1]
    yield Fault(
        "multiplier_out_of_range",
        "error",
        one.operator,
        one.y,
        f"{one.name}: input scale * weight scale / output scale is {factors[first]:.3g} "
        f"(shift {shift}) in channel {first}, and out of range in {large.size + small.size} of "
        f"{one.channels} channels; allowed: below 1 and at least 2^-32",
        frozenset((*large.tolist(), *small.tolist())),
    )


def _silenced(one: WeightedOperator, channels: NDArray[np.intp]) -> Fault:
    first = int(channels[0])
    return Fault(
        "multiplier_out_of_range",
        "note",
        one.operator,
        one.y,
        f"{one.name}: input scale * weight scale / output scale is {one.factors[first]:.3g} in "
        f"channel {first}, below 2^-32 and so taken for 0, in {channels.size} of {one.channels} "
        f"channels: whatever the input, they give the code of 0, {one.specs[one.y].zero}, or what "
        "the activation makes of it; exact arithmetic would not add half a code either",
        frozenset(channels.tolist()),
    )


def overflow(one: WeightedOperator, operator: Operator) -> Iterator[Fault]:
    """Sums that may leave int32; data must show whether they do."""
    x = one.specs[one.x]
    if x.dtype == "int16" and operator.options.get("quantized_bias_type") != "int32":
        return  # 64-bit sums
    least, most = one.reach()
    over = np.flatnonzero((most > _INT32) | (least < -_INT32 - 1))
    if not over.size:
        return
    certain = bool(np.any((least > _INT32) | (most < -_INT32 - 1)))
    worst = over[np.argmax(np.maximum(most, -least)[over])]
    yield Fault(
        "accumulator_overflow",
        "error" if certain else "warning",
        one.operator,
        one.y,
        f"{one.name}: the sums of {over.size} of {one.channels} channels can leave int32 "
        f"({-_INT32 - 1}..{_INT32}): channel {worst} reaches {least[worst]}..{most[worst]}, its "
        f"bias being {one.bias_codes[worst]}",
        frozenset(over.tolist()),
    )


def spread(one: WeightedOperator) -> Iterator[Fault]:
    """Scales of channels too far apart for one output scale, or too large for their weights."""
    if one.specs[one.w].scale.size < 2:
        return
    used = np.flatnonzero(one.codes.any(axis=1) & ~one.stuck())
    if used.size < 2:
        return
    scales = one.scales[used]
    bits = np.log2(scales / np.median(scales))
    biases = _bits_of_biases(one)[used]
    far = used[(bits >= SPREAD_BITS) | ((bits >= BITS_APART) & (biases >= BITS_APART))]
    full = (1 << (_weight_bits(one) - 1)) - 1
    largest = np.abs(one.codes).max(axis=1)
    empty = used[(largest[used] <= WEIGHT_CODES) & (full > 2 * WEIGHT_CODES)]
    if not far.size and not empty.size:
        return
    if far.size:
        worst = int(used[np.argmax(bits)])
        text = (
            f"the scales of {far.size} of {one.channels} channels are too far above the median "
            f"{np.median(scales):.3g}: channel {worst} has {one.scales[worst]:.3g}, "
            f"2^{bits.max():.1f} times it"
        )
        if biases[np.argmax(bits)] >= BITS_APART:
            text += f"; its bias was quantized for 2^-{biases[np.argmax(bits)]:.1f} of that scale"
    else:
        worst = int(empty[np.argmin(largest[empty])])
        text = (
            f"the scales of {empty.size} of {one.channels} channels are too large for their "
            f"weights: the largest code of channel {worst} is {largest[worst]} of {full}, its "
            f"scale {one.scales[worst]:.3g}, the median {np.median(scales):.3g}"
        )
    yield Fault(
        "weight_scale_spread",
        "warning",
        one.operator,
        one.w,
        f"{one.name}: {text}",
        frozenset((*far.tolist(), *empty.tolist())),
    )


def _bits_of_biases(one: WeightedOperator) -> NDArray[np.float64]:
    """By how many bits weight scales are above those that biases were quantized for, (channels,).

    0 without a bias that tells.
    """
    if one.bias == OPTIONAL or one.specs[one.bias].scale.size != one.channels:
        return np.zeros(one.channels)
    with np.errstate(all="ignore"):
        made_for = one.specs[one.bias].scale.astype(np.float64) / one.specs[one.x].step
        bits = np.nan_to_num(np.log2(one.scales / made_for), nan=0.0, posinf=0.0, neginf=0.0)
    return np.asarray(
        bits - np.median(bits)
    )  # what all are off by is the input's scale or the biases'


def _weight_bits(one: WeightedOperator) -> int:
    return {"int4": 4, "int2": 2}.get(one.specs[one.w].dtype, 8)


def dead(one: WeightedOperator) -> Iterator[Fault]:
    """Channels whose code is the same for every input."""
    stuck: NDArray[np.bool_] = one.stuck()
    empty = np.asarray(~one.codes.any(axis=1))
    dead = np.flatnonzero(stuck)
    if not dead.size:
        return
    first = int(dead[0])
    with np.errstate(all="ignore"):
        code = float(np.rint(one.bias_codes[first] * one.factors[first]) + one.specs[one.y].zero)
    yield Fault(
        "dead_channels",
        "warning",
        one.operator,
        one.y,
        f"{one.name}: {dead.size} of {one.channels} channels give the same code for every input, "
        f"{int(empty[dead].sum())} of them for want of weights that are not 0; channel {first}: "
        f"{min(max(code, one.low), one.high):.0f}",
        frozenset(dead.tolist()),
    )
