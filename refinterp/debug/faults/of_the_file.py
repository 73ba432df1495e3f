"""Faults that a model's file shows by itself: its quantization breaks the kernels' contract.

Thresholds follow from the arithmetic, not from experience with models:

- int8 has 8 bits. A side of an addition or a branch of a concatenation that keeps at most 6 of
  them while another keeps at least 3 more has lost what the other has not: 18 dB.
- A scale 2^8 and more away from the median of its channels puts a whole channel into one code, or
  all others; a channel whose largest weight takes at most 3 of its 7 bits has as little left.
- A sum is worth less than one code only if it is multiplied by less than 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.faults.fault import Fault
from refinterp.debug.reference.fixed_outputs import fixed_output
from refinterp.debug.reference.shadow import is_code
from refinterp.debug.reference.silent import silent_channels, silent_tensors
from refinterp.debug.reference.weighted import WeightedOperator, weighted_operators
from refinterp.graph.constants import has_constant
from refinterp.graph.model import OPTIONAL, STORAGE, Model, Operator
from refinterp.graph.operators import facts
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.registry import find

KEPT_BITS: Final = 6.0
BITS_APART: Final = 3.0
SPREAD_BITS: Final = 8.0
_WEIGHT_CODES: Final = 8  # a largest weight code up to this leaves 3 bits and the sign
_INT32: Final = 2**31 - 1
_SATURATED: Final = 2**31 - 128  # the largest float32 below 2^31: what float32 clamping leaves
_BIAS_TOLERANCE: Final = 1e-3  # of a scale; rounding to float32 costs 1e-7
BIAS_STEPS: Final = 128  # steps that a bias moves an output by to double what one side of it takes
_VANISHED: Final = 2.0**-32  # kernels take smaller multipliers for 0


def contract_faults(
    model: Model,
    subgraph: int,
    specs: Sequence[TensorSpec],
    weighted: Iterable[WeightedOperator] | None = None,
) -> tuple[Fault, ...]:
    """Return all faults of one subgraph that need no data; specs: its tensors, with constants.

    weighted: what `weighted_operators` gives for it, if that has been asked for already.
    """
    graph = model.subgraphs[subgraph]
    operators = graph.operators
    known = {i for i, tensor in enumerate(graph.tensors) if has_constant(model, tensor)}
    users = first_users(operators)
    defined = {
        t: wanted
        for one in operators
        for t in one.outputs
        if one.inputs and (wanted := fixed_output(one.name, specs[one.inputs[0]], specs[t]))
    }
    weights = _weights(operators, specs)
    folded = tuple(weighted_operators(operators, specs) if weighted is None else weighted)
    silent = silent_channels(folded)
    for one in folded:
        if one.w in silent and one.bias != OPTIONAL:  # what a switched-off channel adds its 0 to
            silent.setdefault(one.bias, silent[one.w])
    mute = silent_tensors(operators, specs)
    faults = [
        *_scales(specs, users, mute, silent),
        *_zeros(specs, users, known, weights, defined),
        *_dimensions(operators, specs),
    ]
    unusable = {f.tensor for f in faults if f.id == "bad_scale" and f.severity == "error"}
    for index, operator in enumerate(operators):
        faults += _saturated(index, operator, specs)
        if not (unusable | mute) & {*operator.inputs, *operator.outputs}:
            faults += _fixed(index, operator, specs)
            faults += _addition(index, operator, specs)
            faults += _copied(index, operator, specs)
            faults += _concatenation(index, operator, operators, specs)
    for one in folded:
        if unusable & {one.x, one.w, one.y}:
            continue
        faults += _bias_scale(one)
        faults += _multiplier(one, silent.get(one.w))
        faults += _overflow(one, operators[one.operator])
        faults += _spread(one)
        faults += _dead(one)
    return tuple(faults)


def first_users(operators: Sequence[Operator]) -> dict[int, int]:
    """Tensor → the operator that writes it, or else the first that reads it."""
    users: dict[int, int] = {}
    for index, operator in enumerate(operators):
        for tensor in operator.outputs:
            users[tensor] = index
    for index, operator in enumerate(operators):
        for tensor in operator.inputs:
            users.setdefault(tensor, index)
    return users


def _called(spec: TensorSpec, tensor: int) -> str:
    return f"tensor {tensor} ({spec.name!r})"


def _scales(
    specs: Sequence[TensorSpec],
    users: Mapping[int, int],
    mute: frozenset[int],
    silent: Mapping[int, NDArray[np.bool_]],
) -> Iterator[Fault]:
    """Scales that are no scales; a note where they are of what stands for 0 anyway."""
    tiny = float(np.finfo(np.float32).tiny)
    for tensor, spec in enumerate(specs):
        if tensor not in users or tensor == OPTIONAL or not is_code(spec):
            continue
        bad = np.flatnonzero(~(np.isfinite(spec.scale) & (spec.scale >= tiny)))
        if bad.size:
            least = spec.scale.min()
            harmless = bool(np.isfinite(spec.scale).all() and least >= 0) and (
                tensor in mute
                or (
                    tensor in silent
                    and silent[tensor].size == spec.scale.size
                    and bool(silent[tensor][bad].all())
                )
            )
            yield Fault(
                "bad_scale",
                "note" if harmless else "error",
                users[tensor],
                tensor,
                f"{_called(spec, tensor)}: {bad.size} of {spec.scale.size} scale(s) are not "
                f"positive, finite and normal; the first, of channel {bad[0]}, is "
                f"{spec.scale[bad[0]]:g}; "
                + (
                    "every value they are of stands for 0 all the same, so nothing depends on them"
                    if harmless
                    else f"allowed: {tiny:.3g} and more"
                ),
            )


def _zeros(
    specs: Sequence[TensorSpec],
    users: Mapping[int, int],
    constants: set[int],
    weights: set[int],
    defined: Mapping[int, tuple[float, int]],
) -> Iterator[Fault]:
    """Zero points that are no codes."""
    for tensor, spec in enumerate(specs):
        if tensor not in users or tensor == OPTIONAL or not is_code(spec):
            continue
        low, high = _zero_points(spec, constant=tensor in constants, weights=tensor in weights)
        if tensor in defined:
            low, high = min(low, defined[tensor][1]), max(high, defined[tensor][1])
        wrong = np.flatnonzero((spec.zero_point < low) | (spec.zero_point > high))
        if wrong.size:
            what = "weights" if tensor in constants else "activations"
            yield Fault(
                "zero_point_out_of_range",
                "error",
                users[tensor],
                tensor,
                f"{_called(spec, tensor)}: the zero point is {spec.zero_point[wrong[0]]}; allowed "
                f"for {spec.dtype} {what}: {low if low == high else f'{low}..{high}'}",
            )


def _weights(operators: Sequence[Operator], specs: Sequence[TensorSpec]) -> set[int]:
    """Tensors that are the weights of an operator with output channels."""
    found = set()
    for operator in operators:
        if facts(operator.name).filter_axis is not None:
            operands = [None if i == OPTIONAL else specs[i] for i in operator.inputs]
            entry = find(operator.name, operands)
            if entry is not None and entry.weights is not None:
                found.add(operator.inputs[entry.weights])
    return found


def _zero_points(spec: TensorSpec, *, constant: bool, weights: bool) -> tuple[int, int]:
    """The zero points a tensor may have: kernels take them for 0 where the type is symmetric."""
    limits = np.iinfo(STORAGE[spec.dtype])
    if spec.dtype in ("int16", "int32", "int64") or (constant and spec.scale.size > 1):
        return 0, 0
    if constant and weights and spec.dtype in ("int2", "int4", "int8"):
        return 0, 0  # some kernels count it in, the specification allows none
    return int(limits.min), int(limits.max)


def _dimensions(operators: Sequence[Operator], specs: Sequence[TensorSpec]) -> Iterator[Fault]:
    """Weights whose scales run along another dimension than their output channels."""
    for index, operator in enumerate(operators):
        axis = facts(operator.name).filter_axis
        operands = [None if i == OPTIONAL else specs[i] for i in operator.inputs]
        entry = None if axis is None else find(operator.name, operands)
        if axis is None or entry is None or entry.weights is None:
            continue
        tensor = operator.inputs[entry.weights]
        spec = specs[tensor]
        if not is_code(spec) or spec.scale.size < 2 or axis >= len(spec.shape):
            continue
        along = spec.quantized_dimension
        if spec.block_size or (along == axis and spec.scale.size == spec.shape[axis]):
            continue
        yield Fault(
            "wrong_quantized_dimension",
            "error",
            index,
            tensor,
            f"{_called(spec, tensor)} of shape {list(spec.shape)}: {spec.scale.size} scales along "
            f"dimension {along}; {operator.name} needs one, or {spec.shape[axis]} along dimension "
            f"{axis}",
        )


def _saturated(index: int, operator: Operator, specs: Sequence[TensorSpec]) -> Iterator[Fault]:
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
                f"bias {_called(spec, tensor)}: {ends.size} of {size.size} values are at the end "
                f"of int32, the first at {ends[0]}: {spec.data.reshape(-1)[ends[0]]}; the reals "
                "they stand for do not fit",
                frozenset(ends.tolist()),
            )


def _fixed(index: int, operator: Operator, specs: Sequence[TensorSpec]) -> Iterator[Fault]:
    """Outputs whose scale the operator's definition fixes."""
    if not operator.inputs or operator.inputs[0] == OPTIONAL:
        return
    for tensor in operator.outputs:
        spec = specs[tensor]
        wanted = fixed_output(operator.name, specs[operator.inputs[0]], spec)
        if wanted is None or spec.scale.size != 1:
            continue
        scale, zero = wanted
        if abs(spec.step - scale) > 1e-3 * scale or spec.zero != zero:
            yield Fault(
                "fixed_output_scale",
                "error",
                index,
                tensor,
                f"{operator.name} writes {_called(spec, tensor)} with scale {spec.step:g} and zero "
                f"point {spec.zero}; {spec.dtype} needs scale 1/{1 / scale:g} ({scale:g}) and "
                f"zero point {zero}",
            )


def bits_kept(source: TensorSpec, target: TensorSpec) -> float:
    """How many bits of a tensor are left when its codes are counted in another's steps."""
    levels = np.iinfo(STORAGE[source.dtype])
    return math.log2((int(levels.max) - int(levels.min)) * source.step / target.step)


def _bits(spec: TensorSpec) -> int:
    return int(STORAGE[spec.dtype].itemsize) * 8


def _addition(index: int, operator: Operator, specs: Sequence[TensorSpec]) -> Iterator[Fault]:
    """Additions whose output step swallows one side."""
    if not facts(operator.name).adds or len(operator.inputs) != 2:
        return
    y = specs[operator.outputs[0]]
    sides = [specs[i] for i in operator.inputs]
    if any(not is_code(s) or s.scale.size != 1 or _bits(s) != _bits(y) for s in (*sides, y)):
        return
    kept = [bits_kept(side, y) for side in sides]
    least = min(kept)
    if least > KEPT_BITS or max(kept) - least < BITS_APART:
        return
    tensor = operator.inputs[kept.index(least)]
    if specs[tensor].data is not None:
        return  # an offset may be as small as it likes
    other = operator.inputs[1 - kept.index(least)]
    yield Fault(
        "residual_side_lost",
        "warning",
        index,
        tensor,
        f"{operator.name}: {_called(specs[tensor], tensor)} has scale {specs[tensor].step:g}, the "
        f"sum {y.step:g}: all its codes together make {2**least:.2g} steps of the sum "
        f"({max(least, 0):.1f} bits are left, of {_called(specs[other], other)} {max(kept):.1f})",
        bits=_bits(y) - least,
    )


def _same_values(name: str) -> bool:
    return facts(name).conversion or facts(name).reshapes


def _concatenation(
    index: int, operator: Operator, operators: Sequence[Operator], specs: Sequence[TensorSpec]
) -> Iterator[Fault]:
    """Concatenations whose step swallows a branch that had a finer one."""
    if not facts(operator.name).joins:
        return
    y = specs[operator.outputs[0]]
    if not is_code(y) or y.scale.size != 1:
        return
    writers = {t: one for one in operators for t in one.outputs}
    kept = {}
    for tensor in dict.fromkeys(operator.inputs):
        source = tensor
        while source in writers and _same_values(writers[source].name):
            before = writers[source].inputs[0]
            if not is_code(specs[before]) or specs[before].dtype != y.dtype:
                break
            source = before
        if not is_code(specs[source]) or specs[source].scale.size != 1:
            return
        kept[tensor] = bits_kept(specs[source], y)
    best = max(kept.values())
    for tensor, bits in kept.items():
        if bits <= KEPT_BITS and best - bits >= BITS_APART:
            yield Fault(
                "concat_scale_mismatch",
                "warning",
                index,
                tensor,
                f"{operator.name}: the branch {_called(specs[tensor], tensor)} comes with a step "
                f"{2 ** (_bits(y) - bits):.3g} times finer than the result's {y.step:g}: "
                f"{max(bits, 0):.1f} of its {_bits(y)} bits are left, of another branch's "
                f"{min(best, _bits(y)):.1f}",
                bits=_bits(y) - bits,
            )


def _copied(index: int, operator: Operator, specs: Sequence[TensorSpec]) -> Iterator[Fault]:
    """Branches of a concatenation that have another scale than the result their codes go to."""
    if not facts(operator.name).joins:
        return
    y = specs[operator.outputs[0]]
    if not is_code(y) or y.scale.size != 1 or y.dtype == "uint8":  # uint8 is rescaled
        return
    for tensor in dict.fromkeys(operator.inputs):
        x = specs[tensor]
        if not is_code(x) or x.scale.size != 1 or x.dtype != y.dtype:
            continue
        if x.step != y.step or x.zero != y.zero:
            yield Fault(
                "concat_scale_mismatch",
                "error",
                index,
                tensor,
                f"{operator.name}: the branch {_called(x, tensor)} has scale {x.step:g} and zero "
                f"point {x.zero}, the result {y.step:g} and {y.zero}; codes are copied, so they "
                "must be the same",
            )


def _bias_scale(one: WeightedOperator) -> Iterator[Fault]:
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
        f"bias {_called(spec, one.bias)}: {off.size} of {one.channels} scales are not input scale "
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


def _multiplier(one: WeightedOperator, silent: NDArray[np.bool_] | None) -> Iterator[Fault]:
    """Factors that are no fraction, or vanish, of channels that have weights.

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


def _overflow(one: WeightedOperator, operator: Operator) -> Iterator[Fault]:
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


def _spread(one: WeightedOperator) -> Iterator[Fault]:
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
    empty = used[(largest[used] <= _WEIGHT_CODES) & (full > 2 * _WEIGHT_CODES)]
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


def _dead(one: WeightedOperator) -> Iterator[Fault]:
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
