"""Whether a quantized operator's weights and bias are its float partner's.

Rounding moves a weight by half a step, clipping only at the ends of the codes. So a code that lies
further than a whole step from its partner is another weight. Where the partner's weights are codes
themselves (dynamic-range models), half of their step is allowed as well. Biases are compared in
steps of the output, where they act: half a step more than rounding is another bias.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.faults.fault import Fault
from refinterp.debug.faults.thresholds import BIAS_STEPS
from refinterp.debug.reference.shadow import is_code
from refinterp.debug.reference.weighted import WeightedOperator
from refinterp.graph.model import OPTIONAL
from refinterp.graph.spec import TensorSpec
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.samples.convert import dequantize

_STEPS: Final = 1.0  # half for rounding, half for converters that round otherwise
_BIAS_STEPS: Final = 0.5
_SCALE_BITS: Final = 3.5


def weight_faults(
    one: WeightedOperator, weights: TensorSpec, bias: TensorSpec | None
) -> Iterator[Fault]:
    """Compare with the float partner's constants: weights of the same shape, and its bias."""
    spec = one.specs[one.w]
    if weights.data is None or weights.shape != spec.shape:
        return
    reals = np.moveaxis(_reals(weights), one.axis, 0).reshape(one.channels, -1)
    slack = 0.5 * float(weights.scale.max()) if is_code(weights) else 0.0
    with np.errstate(all="ignore"):
        apart = _apart(one.codes, reals, one.scales, spec) - slack / one.scales[:, None]
    wrong = ~(apart <= _STEPS)  # nan, too
    off = _bias_apart(one, bias)
    channels = np.flatnonzero(wrong.any(axis=1) | (off > _BIAS_STEPS))
    if not channels.size:
        return
    along = _other_dimension(spec, reals, one) if wrong.any() else None
    if along is not None:
        yield Fault(
            "wrong_quantized_dimension",
            "error",
            one.operator,
            one.w,
            f"{one.name}: the weights {spec.name!r} of shape {list(spec.shape)} are the float "
            f"model's if their {spec.scale.size} scales run along dimension {along}, but kernels "
            f"take them along dimension {one.axis}",
        )
        return
    yield from _scales_off(one, reals, np.flatnonzero(wrong.any(axis=1)))
    parts = []
    if wrong.any():
        row, column = np.unravel_index(
            int(np.argmax(np.nan_to_num(apart, nan=np.inf))), wrong.shape
        )
        parts.append(
            f"{int(wrong.sum())} of {wrong.size} weights are further from the float model's than "
            f"rounding explains, in channel {row} by {apart[row, column]:.3g} steps "
            f"({one.codes[row, column] * one.scales[row]:.4g} for {reals[row, column]:.4g})"
        )
    if (off > _BIAS_STEPS).any():
        worst = int(np.argmax(off))
        parts.append(
            f"{int((off > _BIAS_STEPS).sum())} of {off.size} biases are not the float model's, of "
            f"channel {worst} by {off[worst]:.3g} steps of the output"
        )
    yield Fault(
        "weights_disagree",
        "error",
        one.operator,
        one.w if wrong.any() else one.bias,
        f"{one.name} {spec.name!r}: {'; '.join(parts)}",
        frozenset(channels.tolist()),
        measured=True,
        bits=None if wrong.any() else math.log2(1 + off.max() / BIAS_STEPS),
    )


def _scales_off(
    one: WeightedOperator, reals: NDArray[np.float64], wrong: NDArray[np.int64]
) -> Iterator[Fault]:
    """Channels whose codes are the float model's, but whose scale is 2^3.5 and more off.

    Where it is so for most channels it is another matter than a spread.
    """
    if not 0 < wrong.size <= one.channels // 2:
        return
    codes = one.codes[wrong].astype(np.float64)
    with np.errstate(all="ignore"):
        fitted = (codes * reals[wrong]).sum(axis=1) / (codes * codes).sum(axis=1)
        same = np.abs(codes - reals[wrong] / fitted[:, None]).max(axis=1) <= _STEPS
        bits = np.log2(one.scales[wrong] / fitted)
    off = same & (np.abs(bits) >= _SCALE_BITS)  # nan is not
    if not off.any():
        return
    worst = int(np.argmax(np.where(off, np.abs(bits), 0)))
    yield Fault(
        "weight_scale_spread",
        "error",
        one.operator,
        one.w,
        f"{one.name}: the codes of {int(off.sum())} of {one.channels} channels are the float "
        f"model's, but not their scales: that of channel {wrong[worst]} is "
        f"{one.scales[wrong[worst]]:.3g}, 2^{bits[worst]:.1f} times {fitted[worst]:.3g}",
        frozenset(wrong[off].tolist()),
        measured=True,
    )


def _reals(spec: TensorSpec) -> NDArray[np.float64]:
    assert spec.data is not None
    return (dequantize(spec.data, spec) if is_code(spec) else spec.data).astype(np.float64)


def _apart(
    codes: NDArray[np.int16],
    reals: NDArray[np.float64],
    scales: NDArray[np.float64],
    spec: TensorSpec,
) -> NDArray[np.float64]:
    """Steps between codes and where reals lie between the ends of the codes, (channels, terms)."""
    low, high = _ends(spec)
    with np.errstate(all="ignore"):
        places = reals / scales[:, None]
    ends = np.where(codes < low, codes, low)  # a converter that uses -128 may
    return np.asarray(np.abs(codes - np.clip(places, ends, high)))


def _ends(spec: TensorSpec) -> tuple[int, int]:
    bits = {"int4": 4, "int2": 2}.get(spec.dtype)
    if bits is not None:
        return -(1 << (bits - 1)) + 1, (1 << (bits - 1)) - 1
    low, high = INTEGER_RANGE[spec.dtype]
    return (low - spec.zero, high - spec.zero) if low == 0 else (low + 1, high)


def _bias_apart(one: WeightedOperator, bias: TensorSpec | None) -> NDArray[np.float64]:
    """Steps of the output between the biases, beyond what rounding explains: (channels,)."""
    if bias is None or bias.data is None or bias.data.size != one.channels:
        return np.zeros(one.channels)
    reals = _reals(bias).reshape(-1)
    with np.errstate(all="ignore"):
        step = one.specs[one.x].step * one.scales
        own = one.bias_codes if one.bias != OPTIONAL else np.zeros(one.channels)
        off = np.abs(own - reals / step) - 0.5 - np.abs(reals / step) * 2.0**-22
        return np.nan_to_num(np.maximum(off, 0.0) * one.factors, nan=0.0, posinf=0.0)


def _other_dimension(
    spec: TensorSpec, reals: NDArray[np.float64], one: WeightedOperator
) -> int | None:
    """The dimension along which the scales would make the weights agree, if another does."""
    data = spec.data
    if spec.scale.size < 2 or data is None:
        return None
    whole = np.moveaxis(
        reals.reshape(one.channels, *(s for i, s in enumerate(spec.shape) if i != one.axis)),
        0,
        one.axis,
    )
    for axis, size in enumerate(spec.shape):
        if axis == one.axis or size != spec.scale.size:
            continue
        shape = [1] * len(spec.shape)
        shape[axis] = -1
        with np.errstate(all="ignore"):
            places: NDArray[Any] = whole / spec.scale.astype(np.float64).reshape(shape)
        low, high = _ends(spec)
        if np.all(np.abs(data - np.clip(places, low, high)) <= _STEPS):
            return axis
    return None


def partner_constants(
    inputs: Sequence[int], specs: Sequence[TensorSpec], data: int, weights: int
) -> tuple[TensorSpec, TensorSpec | None] | None:
    """A float operator's weights and bias by the places they have among its inputs."""
    if weights >= len(inputs) or inputs[weights] == OPTIONAL:
        return None
    bias = None
    for place in inputs[max(data, weights) + 1 :]:
        if place != OPTIONAL and specs[place].data is not None:
            bias = specs[place]
    return specs[inputs[weights]], bias
