"""What is wrong with hybrid layers: scales that do not fit their weights, outliers in their data.

Thresholds follow from the arithmetic. A scale that a converter makes lets the largest weight take
the largest code. Weights whose largest code is an eighth of that have lost 3 of their bits. Around
the same 3 bits are lost to values of the data whose reach is 8 times that of the others, as all
share the step of the largest. Whether that matters the output tells: with all bits in use it is
within 35 to 50 dB of what the reals give.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.faults.fault import Fault
from refinterp.debug.faults.of_the_weights import weight_faults
from refinterp.debug.faults.thresholds import BITS_APART
from refinterp.debug.measure.run_time import RunTimeFigures
from refinterp.debug.reference.hybrid import Hybrid, Stored, codes_of, step_sizes
from refinterp.debug.reference.pairing import Pairing
from refinterp.debug.reference.shadow import is_code
from refinterp.debug.reference.weighted import WeightedOperator
from refinterp.debug.result import Layer
from refinterp.graph.model import OPTIONAL, PACKED_BITS, element_bits
from refinterp.graph.operators import facts
from refinterp.graph.spec import TensorSpec
from refinterp.run.program import Program, Step

_MOST: Final = 0.5  # of the channels: fewer may be small because they are of no use,
_MANY: Final = 0.25  # unless these are enough to harm the whole layer
_HARM_DB: Final = 30.0  # what healthy layers are above
_LESS_HARM_DB: Final = 45.0  # where they are not, a lone feature of 4 bits more explains it
_LONE_BITS: Final = 4.0
_FEW_FEATURES: Final = 0.25  # of all: more are no outliers
_HALF_STEPS: Final = 1.0  # of float16: half a step is rounding, more another weight

F64 = NDArray[np.float64]


def hybrid_faults(
    program: Program,
    twin: Program | None,
    pairing: Pairing,
    hybrids: Mapping[int, Hybrid],
    layers: Sequence[Layer],
) -> list[Fault]:
    """Return the faults of hybrid layers. twin: the float model, None where there is none."""
    steps = {step.operator: step for step in program.steps}
    others = {} if twin is None else {step.operator: step for step in twin.steps}
    faults: list[Fault] = []
    lost = {one.operator: one.weights.errors.sqnr_db for one in layers if one.weights is not None}
    for operator, own in hybrids.items():
        step = steps[operator]
        partner = others.get(pairing.operators.get(operator, OPTIONAL))
        for stored in own.constants:
            reals = None if twin is None else _partner(twin, partner, stored, program)
            harmed = lost.get(operator, math.inf) < _HARM_DB
            faults += _weights(step, stored, reals, program, harmed=harmed)
    for layer in layers:
        if layer.activations is not None and layer.activations.run_time is not None:
            faults += _outliers(layer, layer.activations.run_time, hybrids[layer.operator])
    return faults


def _partner(
    twin: Program, partner: Step | None, stored: Stored, program: Program
) -> TensorSpec | None:
    """The float model's constant at the same place, if it has one of the same shape."""
    if partner is None or stored.place >= len(partner.inputs):
        return None
    tensor = partner.inputs[stored.place]
    if tensor == OPTIONAL or twin.specs[tensor].data is None:
        return None
    spec = twin.specs[tensor]
    return spec if spec.shape == program.specs[stored.tensor].shape else None


def _weights(
    step: Step, stored: Stored, reals: TensorSpec | None, program: Program, *, harmed: bool
) -> Iterator[Fault]:
    """Scales that do not fit, and constants that are not the float model's.

    harmed: whether the layer's output shows what storing its constants so loses.
    """
    spec = program.specs[stored.source]
    codes = codes_of(spec)
    if codes is None:
        if reals is not None:
            yield from _halves(step, stored, spec, reals)
        return
    if not codes.size or not np.isfinite(spec.scale).all():
        return
    axis = spec.quantized_dimension if spec.scale.size > 1 else facts(step.name).filter_axis or 0
    if spec.block_size or axis >= codes.ndim or spec.scale.size not in (1, codes.shape[axis]):
        rows, scales = codes.reshape(spec.scale.size, -1), spec.scale.astype(np.float64)
        faults = list(_codes(step, stored, spec, rows, "block", harmed=harmed))
        if reals is not None and not faults:
            faults += _apart(step, stored, spec, codes, reals)
    else:
        rows = np.moveaxis(codes, axis, 0).reshape(codes.shape[axis], -1)
        scales = np.broadcast_to(spec.scale.astype(np.float64), (len(rows),))
        kind = "channel" if spec.scale.size > 1 else "tensor"
        faults = list(_codes(step, stored, spec, rows, kind, harmed=harmed))
        if reals is not None:
            own = _as_weighted(step, stored, program, axis, rows, scales)
            faults += weight_faults(own, reals, None)
    yield from faults


def _codes(
    step: Step,
    stored: Stored,
    spec: TensorSpec,
    rows: NDArray[np.int32],
    kind: str,
    *,
    harmed: bool,
) -> Iterator[Fault]:
    """Scales so large that weights take few of the codes; rows: codes that belong together.

    kind: what has a scale: the tensor, a channel or a block.
    """
    full = (1 << (element_bits(spec.dtype) - 1)) - 1
    largest = np.abs(rows).max(axis=1)
    limit = max(1, int(full / 2**BITS_APART))
    alive = largest > 0
    few = alive & (largest <= limit)
    if not few.any() or full <= 1:
        return
    name = f"{step.name}: the weights {spec.name!r}"
    most = int(largest.max())
    if few.sum() == alive.sum():
        yield Fault(
            "weight_range_too_wide",
            "warning",
            step.operator,
            stored.source,
            f"{name} take codes up to {most} of {full}: their scale is {full / most:.3g} times as "
            f"large as they need, and {math.log2(full / most):.1f} of their bits are lost",
            bits=math.log2(full / most),
        )
        return
    if kind == "tensor" and few.sum() < (_MANY if harmed else _MOST) * alive.sum():
        return
    worst = int(np.flatnonzero(few)[np.argmin(largest[few])])
    shared = (
        f"{name} have one scale for all channels, made for a largest weight that the others do not "
        f"come near: {int(few.sum())} of {int(alive.sum())} channels take codes up to {limit} of "
        f"{full} only, channel {worst} up to {largest[worst]}; channel {int(np.argmax(largest))} "
        f"takes {most}"
    )
    own = (
        f"{name}: the scales of {int(few.sum())} of {int(alive.sum())} {kind}s are too large for "
        f"their weights: the largest code of {kind} {worst} is {largest[worst]} of {full}"
    )
    yield Fault(
        "weight_scale_spread",
        "warning",
        step.operator,
        stored.source,
        shared if kind == "tensor" else own,
        frozenset(np.flatnonzero(few).tolist()) if kind == "channel" else None,
        advice="quantize the weights with a scale for each output channel, where the runtime has "
        "a kernel for it, equalize them across the layers, or keep this layer in float"
        if kind == "tensor"
        else None,
    )


def _as_weighted(
    step: Step,
    stored: Stored,
    program: Program,
    axis: int,
    rows: NDArray[np.int32],
    scales: F64,
) -> WeightedOperator:
    """The constant in the form in which `of_the_weights` compares them; it has no bias."""
    nothing = np.zeros(len(rows), np.int64)
    x = step.inputs[step.entry.data]
    return WeightedOperator(
        step.operator, step.name, axis, x, stored.source, OPTIONAL, step.outputs[0], program.specs,
        rows.astype(np.int16), nothing, nothing, scales, nothing, 0, 0,
    )  # fmt: skip


def _apart(
    step: Step, stored: Stored, spec: TensorSpec, codes: NDArray[np.int32], reals: TensorSpec
) -> Iterator[Fault]:
    """Weights in blocks that are not the float model's."""
    assert reals.data is not None
    if is_code(reals):
        return
    full = (1 << (PACKED_BITS.get(spec.dtype, 8) - 1)) - 1
    with np.errstate(all="ignore"):
        places = np.clip(reals.data.reshape(codes.shape) / step_sizes(spec), -full - 1, full)
    yield from _disagree(step, stored, spec, np.abs(codes - places) - 1.0)


def _halves(step: Step, stored: Stored, spec: TensorSpec, reals: TensorSpec) -> Iterator[Fault]:
    """Float16 weights that are not the float model's."""
    assert spec.data is not None
    assert reals.data is not None
    if is_code(reals):
        return
    with np.errstate(all="ignore"):
        off = np.abs(spec.data.astype(np.float64) - reals.data.reshape(spec.shape))
        yield from _disagree(step, stored, spec, off / step_sizes(spec) - _HALF_STEPS)


def _disagree(step: Step, stored: Stored, spec: TensorSpec, beyond: F64) -> Iterator[Fault]:
    wrong = ~(beyond <= 0)  # nan, too
    if wrong.any():
        yield Fault(
            "weights_disagree",
            "error",
            step.operator,
            stored.source,
            f"{step.name} {spec.name!r}: {int(wrong.sum())} of {wrong.size} weights are further "
            "from the float model's than rounding explains",
            measured=True,
        )


def _outliers(layer: Layer, run_time: RunTimeFigures, own: Hybrid) -> Iterator[Fault]:
    """Few values of the data that make the step of all others too large."""
    assert layer.activations is not None
    assert own.units is not None
    loses = layer.activations.errors.sqnr_db
    unit = "image" if run_time.images else "row"
    where = _features(run_time.feature_reach)
    lone = where is not None and where[2] >= 2**_LONE_BITS * where[3]
    if not loses < (_LESS_HARM_DB if lone else _HARM_DB):
        return
    if where is None and run_time.outlier_bits < BITS_APART:
        return
    if where is None:
        text = (
            f"the largest values of a {unit} are 2^{run_time.outlier_bits:.1f} times the 95 % "
            "smallest, and it is their range that"
        )
        bits = run_time.outlier_bits
    else:
        feature, count, largest, rest = where
        bits = math.log2(largest / rest)
        others = f" and {count - 1} more" if count > 1 else ""
        text = (
            f"feature {feature}{others} of {run_time.feature_reach.size} reaches {largest:.3g}, "
            f"2^{bits:.1f} times the median feature's {rest:.3g}, and so the range that"
        )
    yield Fault(
        "activation_outlier",
        "error",
        layer.operator,
        own.units.tensor,
        f"{layer.op_name}: {text} each {unit} of its data is quantized by at run time has a step "
        f"of up to {run_time.step_highest:.3g}: {max(0.0, 8 - bits):.1f} of 8 bits are left to "
        f"the others; quantizing the data costs this layer all but {loses:.1f} dB",
        measured=True,
        bits=bits,
    )


def _features(reach: F64) -> tuple[int, int, float, float] | None:
    """The feature of the largest reach, how many are like it, its reach and the median's."""
    alive = reach[reach > 0]
    if alive.size < 2:
        return None
    rest = float(np.median(np.sort(alive)[:-1])) if alive.size < 4 else float(np.median(alive))
    far = reach >= 2**BITS_APART * rest
    if not far.any() or far.sum() > max(1.0, _FEW_FEATURES * alive.size):
        return None
    worst = int(np.argmax(reach))
    return worst, int(far.sum()), float(reach[worst]), rest
