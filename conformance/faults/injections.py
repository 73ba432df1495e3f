"""Ways to plant each cause in a healthy model, at a random layer and in random strength."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.faults.editable import EditableModel
from conformance.faults.injection import Injection, Rng
from conformance.faults.recalibration import recalibrated
from conformance.faults.subjects import HealthyPair
from refinterp.graph.model import OPTIONAL, Model
from refinterp.graph.operators import facts
from refinterp.run.executor import Executor
from refinterp.run.observe import Keeper
from refinterp.run.prepare import prepare
from refinterp.samples.convert import fit_input
from refinterp.samples.samples import Samples

# Where faults can go


def weighted(edited: EditableModel) -> list[int]:
    """Operators with constant weights and integers throughout."""
    return [
        i
        for i, o in enumerate(edited.operators)
        if facts(o.name).filter_axis is not None and edited.is_constant(o.inputs[1])
    ]


def biased(edited: EditableModel) -> list[int]:
    """Those with a bias in int32."""
    return [
        i
        for i in weighted(edited)
        if (bias := edited.parts(i)[2]) != OPTIONAL and edited.tensors[bias].dtype == "int32"
    ]


def _computes(name: str) -> bool:
    return facts(name).filter_axis is not None or name in ("ADD", "MUL", "MEAN")


def free_outputs(edited: EditableModel) -> list[int]:
    """Operators that compute an activation whose scale nothing else has to share."""
    sharing = {"AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION", "RESHAPE", "PAD", "SQUEEZE",
               "STRIDED_SLICE", "RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR", "TRANSPOSE",
               "REDUCE_MAX", "SPLIT", "BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND"}  # fmt: skip
    found = []
    for i, o in enumerate(edited.operators):
        readers = [edited.operators[r].name for r in edited.readers(o.outputs[0])]
        if _computes(o.name) and not sharing & set(readers):
            found.append(i)
    return found


def draw(rng: Rng, choices: list[int]) -> int | None:
    return int(rng.choice(choices)) if choices else None


def some_channels(rng: Rng, channels: int) -> np.ndarray:
    """One channel, or up to 60 % of them: (channels,) of bool."""
    some = np.zeros(channels, bool)
    if rng.random() < 0.7:
        some = rng.random(channels) < rng.uniform(0.05, 0.6)
    some[rng.integers(channels)] = True
    return some


def plain(
    subject: HealthyPair, edited: EditableModel, operator: int, detail: str, **more: Any
) -> Injection:
    return Injection(
        edited.build(), subject.twin, subject.samples, frozenset({operator}), detail, **more
    )


# Ranges


def range_off(low: float, high: float) -> Callable[[HealthyPair, Rng], Injection | None]:
    def inject(subject: HealthyPair, rng: Rng) -> Injection | None:
        edited = EditableModel(subject.model)
        operator = draw(rng, free_outputs(edited))
        if operator is None:
            return None
        bits = rng.uniform(low, high)
        y = edited.operators[operator].outputs[0]
        if rng.random() < 0.7:
            edited.rescale(y, 2.0**bits)
            return plain(subject, edited, operator, f"output scale * 2^{bits:.1f}")
        edited.set_grid(y, scale=edited.scale(y) * 2.0**bits)
        detail = f"output scale * 2^{bits:.1f}, biases that follow as they were"
        return plain(subject, edited, operator, detail)

    return inject


# Weights and biases


def spread(subject: HealthyPair, rng: Rng) -> Injection | None:
    """One channel's weights times 2^5..2^12.

    In both models and taken back by the layer that reads, or only its scale, in the quantized one.
    """
    edited, twin = EditableModel(subject.model), EditableModel(subject.twin)
    alone = rng.random() < 0.4
    places = []
    for i in weighted(edited):
        readers = edited.readers(edited.operators[i].outputs[0])
        activation = edited.operators[i].options.get("fused_activation_function")
        axis = edited.axis(i)
        many = edited.tensors[edited.operators[i].inputs[1]].shape[axis] >= 4
        follows = (
            len(readers) == 1
            and edited.operators[readers[0]].name in ("CONV_2D", "FULLY_CONNECTED")
            and activation in ("NONE", "RELU")
        )
        own = edited.scale(edited.operators[i].inputs[1]).size > 1
        if many and own and (alone or follows):
            places.append(i)
    operator = draw(rng, places)
    if operator is None:
        return None
    _x, w, _bias = edited.parts(operator)
    if alone:
        return _scale_alone(subject, edited, operator, rng)
    bits = float(rng.integers(6, 11))
    factor = 2.0**bits
    y = edited.operators[operator].outputs[0]
    channel = int(rng.integers(edited.scale(w).size))
    follower = edited.readers(y)[0]
    up = np.ones(edited.scale(w).size)
    up[channel] = factor
    for side, reals in ((edited, False), (twin, True)):
        _, sw, sb = side.parts(operator)
        _, fw, _ = side.parts(follower)
        axis = side.axis(operator)
        if reals:
            shape = [1] * len(side.tensors[sw].shape)
            shape[axis] = -1
            side.set_values(sw, side.values(sw) * up.reshape(shape))
            if sb != OPTIONAL:
                side.set_values(sb, side.values(sb) * up)
            weights = side.values(fw).copy()
            weights[..., channel] /= factor
            side.set_values(fw, weights)
        else:
            side.set_grid(sw, scale=side.scale(sw) * up)
            if sb != OPTIONAL:
                side.set_grid(sb, scale=side.scale(sb) * up)
            weights = side.values(fw).astype(np.float64)
            weights[..., channel] /= factor
            side.set_values(fw, np.rint(weights))
    model = recalibrated(edited.build(), twin.build(), subject.samples)
    detail = f"channel {channel} * 2^{bits:.0f} in both models, taken back by operator {follower}"
    return Injection(model, twin.build(), subject.samples, frozenset({operator}), detail)


def _scale_alone(
    subject: HealthyPair, edited: EditableModel, operator: int, rng: Rng
) -> Injection | None:
    """One channel quantized with a scale that is far too large for its weights."""
    w = edited.parts(operator)[1]
    channel = int(rng.integers(edited.scale(w).size))
    bits = int(rng.integers(4, 7))
    codes = np.moveaxis(edited.values(w).astype(np.float64), edited.axis(operator), 0)
    codes[channel] /= 2.0**bits
    scales = edited.scale(w)
    scales[channel] *= 2.0**bits
    if not np.rint(codes[channel]).any():
        return None
    edited.set_values(w, np.rint(np.moveaxis(codes, 0, edited.axis(operator))))
    edited.set_grid(w, scale=scales)
    edited.follow_bias(operator)
    detail = f"weights of channel {channel} quantized with 2^{bits} times their scale"
    return plain(subject, edited, operator, detail)


def bias_saturated(subject: HealthyPair, rng: Rng) -> Injection | None:
    edited = EditableModel(subject.model)
    operator = draw(rng, biased(edited))
    if operator is None:
        return None
    bias = edited.parts(operator)[2]
    codes = edited.values(bias).astype(np.int64)
    some = some_channels(rng, codes.size)
    ends = rng.choice([2**31 - 1, -(2**31), 2**31 - 128, -(2**31 - 1)], int(some.sum()))
    codes[some] = ends
    edited.set_values(bias, codes)
    return plain(subject, edited, operator, f"{int(some.sum())} of {codes.size} biases at the end")


def overflow(subject: HealthyPair, rng: Rng) -> Injection | None:
    edited = EditableModel(subject.model)
    operator = draw(rng, biased(edited))
    if operator is None:
        return None
    _x, w, bias = edited.parts(operator)
    codes = edited.values(bias).astype(np.int64)
    channel = int(rng.integers(codes.size))
    weights = np.moveaxis(edited.values(w).astype(np.int64), edited.axis(operator), 0)
    outwards = 1 if weights[channel].sum() >= 0 else -1
    codes[channel] = outwards * (2**31 - int(rng.integers(200, 5000)))
    edited.set_values(bias, codes)
    if not _wraps(edited.build(), subject.samples, operator, channel):
        return None
    return plain(subject, edited, operator, f"bias of channel {channel}: {codes[channel]}")


def _wraps(model: Model, samples: Samples, operator: int, channel: int) -> bool:
    """Whether a channel with a bias at the end of int32 reaches both ends: its sums wrap around."""
    program = prepare(model)
    executor = Executor(program)
    kept = Keeper({operator})
    output = program.graph.operators[operator].outputs[0]
    codes: set[int] = set()
    for sample in samples:
        for tensor, values in zip(program.graph.inputs, sample, strict=True):
            executor.input(tensor)[0] = fit_input(values, program.specs[tensor])[0]
        executor.invoke([kept])
        codes.update(np.unique(kept.tensors[output][..., channel]).tolist())
    return len(codes) > 1


def multiplier(subject: HealthyPair, rng: Rng) -> Injection | None:
    """Factors of 1 and more by the output's or the weights' scale, or that vanish."""
    edited = EditableModel(subject.model)
    operator = draw(rng, [i for i in weighted(edited) if i in free_outputs(edited)])
    if operator is None:
        return None
    x, w, _ = edited.parts(operator)
    y = edited.operators[operator].outputs[0]
    factors = edited.scale(x) * edited.scale(w) / edited.scale(y)
    kind = rng.random()
    if kind < 0.5:
        wanted = 2.0 ** rng.uniform(0.1, 6)
        edited.rescale(y, factors.min() / wanted)
        detail = f"output scale so that multipliers are {wanted:.3g}"
    elif kind < 0.75:
        wanted = 2.0 ** rng.uniform(0.1, 6)
        edited.set_grid(w, scale=edited.scale(w) * (wanted / factors.min()))
        if rng.random() < 0.5:
            edited.follow_bias(operator)
        detail = f"weight scales so that multipliers are {wanted:.3g}"
    else:
        wanted = 2.0 ** rng.uniform(-44, -34)
        edited.rescale(y, factors.max() / wanted)
        detail = f"multipliers of {wanted:.3g} by output scale"
    return plain(subject, edited, operator, detail)


def dead(subject: HealthyPair, rng: Rng) -> Injection | None:
    """Weights of zero, or biases far out of the weights' reach."""
    edited = EditableModel(subject.model)
    operator = draw(rng, weighted(edited))
    if operator is None:
        return None
    w, bias = edited.parts(operator)[1:]
    codes = np.moveaxis(edited.values(w).copy(), edited.axis(operator), 0)
    some = some_channels(rng, len(codes))
    if rng.random() < 0.7 or operator not in biased(edited):
        codes[some] = edited.zero(w) if str(codes.dtype) == "uint8" else 0
        edited.set_values(w, np.moveaxis(codes, 0, edited.axis(operator)))
        return plain(subject, edited, operator, f"weights of {int(some.sum())} channels are 0")
    values = edited.values(bias).astype(np.int64)
    values[some] = -(2 ** int(rng.integers(27, 30)))
    edited.set_values(bias, values)
    return plain(
        subject, edited, operator, f"{int(some.sum())} biases of {values[some][0]}, out of reach"
    )


def bias_scale(subject: HealthyPair, rng: Rng) -> Injection | None:
    edited = EditableModel(subject.model)
    operator = draw(rng, [i for i in weighted(edited) if edited.parts(i)[2] != OPTIONAL])
    if operator is None:
        return None
    bias = edited.parts(operator)[2]
    factor = float(rng.choice([1 / 16, 1 / 4, 1 / 2, 1.01, 1.1, 2, 3, 10]))
    edited.set_values(bias, np.rint(edited.values(bias) / factor))
    edited.set_grid(bias, scale=edited.scale(bias) * factor)
    return plain(subject, edited, operator, f"bias quantized with {factor:.3g} times its scale")


def other_weights(subject: HealthyPair, rng: Rng) -> Injection | None:
    edited = EditableModel(subject.model)
    operator = draw(rng, weighted(edited))
    if operator is None:
        return None
    w, bias = edited.parts(operator)[1:]
    codes = np.moveaxis(edited.values(w).copy(), edited.axis(operator), 0)
    kind = int(rng.integers(6))
    if kind == 0:
        channel = int(rng.integers(len(codes)))
        codes[channel] = -codes[channel]
        detail = f"weights of channel {channel} negated"
    elif kind == 1:
        codes = codes[rng.permutation(len(codes))]
        detail = "channels of the weights permuted"
    elif kind == 2:
        flat = codes.reshape(-1)
        some = rng.choice(flat.size, max(1, flat.size // 20), replace=False)
        flat[some] = rng.integers(-127, 128, some.size)
        detail = "5 % of the weights drawn anew"
    elif kind == 3:
        codes = rng.permutation(codes.reshape(-1)).reshape(codes.shape)
        detail = "all weights shuffled"
    elif kind == 4:
        codes = -codes
        detail = "all weights negated"
    else:
        if operator not in biased(edited):
            return None
        values = edited.values(bias)
        edited.set_values(bias, rng.permutation(values))
        detail = "biases shuffled"
    edited.set_values(w, np.moveaxis(codes, 0, edited.axis(operator)))
    return plain(subject, edited, operator, detail, needs_twin=True)


def wrong_dimension(subject: HealthyPair, rng: Rng) -> Injection | None:
    """Weights quantized along another dimension of the same size, as the file then says.

    Or the file says another dimension than they were quantized along.
    """
    edited, twin = EditableModel(subject.model), EditableModel(subject.twin)
    only_said = rng.random() < 0.3
    places = []
    for i in weighted(edited):
        w = edited.parts(i)[1]
        shape = edited.tensors[w].shape
        others = [
            a
            for a, s in enumerate(shape)
            if a != edited.axis(i) and (only_said or s == shape[edited.axis(i)])
        ]
        if edited.scale(w).size > 1 and others:
            places.append((i, int(rng.choice(others))))
    if not places:
        return None
    operator, axis = places[int(rng.integers(len(places)))]
    _, w, _ = edited.parts(operator)
    if only_said:
        edited.set_grid(w, quantized_dimension=axis)
        return plain(subject, edited, operator, f"the file says dimension {axis}")
    reals = twin.values(twin.parts(operator)[1]).astype(np.float64)
    rest = tuple(a for a in range(reals.ndim) if a != axis)
    scales = np.float32(np.maximum(np.abs(reals).max(axis=rest), 1e-9) / 127).astype(np.float64)
    shape = [1] * reals.ndim
    shape[axis] = -1
    edited.set_values(w, np.clip(np.rint(reals / scales.reshape(shape)), -127, 127))
    edited.set_grid(w, scale=scales, quantized_dimension=axis)
    edited.follow_bias(operator)
    return plain(subject, edited, operator, f"weights quantized along dimension {axis}")


# Data


def input_scaling(subject: HealthyPair, rng: Rng) -> Injection | None:
    """Data of another scaling or offset, or an input whose zero point is another's."""
    edited = EditableModel(subject.model)
    x = subject.model.subgraphs[0].inputs[0]
    step = edited.scale(x)[0]
    ends = np.iinfo(np.dtype(str(edited.tensors[x].dtype)))
    low, span = (ends.min - edited.zero(x)) * step, (ends.max - ends.min) * step
    at = frozenset(edited.readers(x))
    kind = int(rng.integers(6))
    if kind == 5:
        moved = edited.zero(x) + rng.choice([-128, 128, 100, -100])
        zero = int(np.clip(moved, ends.min, ends.max))
        edited.set_grid(x, zero_point=zero)
        detail = f"zero point of the input: {zero}"
        return Injection(edited.build(), subject.twin, subject.samples, at, detail)
    few = range(min(4, subject.samples.count))
    mean = float(np.mean([subject.samples.get(i)[0].mean() for i in few]))
    doubled = (lambda v: 2 * v - span) if low == 0 else (lambda v: v + span / 2)
    change, detail = (
        (lambda v: v * 255, "data * 255"),
        (lambda v: v / 255, "data / 255"),
        (doubled, "data on -1..1 for 0..1" if low == 0 else "data half a range beside"),
        (lambda v: v - mean, "data without its mean"),
        (lambda v: v * 128 + 128, "data * 128 + 128"),
    )[kind]
    if kind == 3 and abs(mean) < span / 8:
        return None  # hardly any change
    samples = Samples(
        subject.samples.count,
        lambda i: [change(values).astype(np.float32) for values in subject.samples.get(i)],
        "changed",
    )
    return Injection(subject.model, subject.twin, samples, at, detail)


# Scales and zero points


def fixed(subject: HealthyPair, rng: Rng) -> Injection | None:
    edited = EditableModel(subject.model)
    operator = draw(rng, [i for i, o in enumerate(edited.operators) if facts(o.name).fixed])
    if operator is None:
        return None
    y = edited.operators[operator].outputs[0]
    factor = float(rng.choice([0.25, 0.5, 1.1, 1.5, 2.0, 4.0, 16.0]))
    edited.set_grid(y, scale=edited.scale(y) * factor)
    return plain(subject, edited, operator, f"{edited.operators[operator].name} scale * {factor}")


def zero_point(subject: HealthyPair, rng: Rng) -> Injection | None:
    edited = EditableModel(subject.model)
    wanted = int(rng.choice([-1, 1]) * rng.integers(130, 4000))
    if rng.random() < 0.7:
        operator = draw(rng, free_outputs(edited))
        tensor = None if operator is None else edited.operators[operator].outputs[0]
    else:
        operator = draw(rng, weighted(edited))
        tensor = None if operator is None else edited.parts(operator)[1]
    if operator is None or tensor is None:
        return None
    size = edited.tensors[tensor].quantization.zero_point.size
    edited.set_grid(tensor, zero_point=np.full(size, wanted))
    what = "output" if tensor in edited.operators[operator].outputs else "weights"
    return plain(subject, edited, operator, f"zero point of the {what}: {wanted}")


def bad_scale(subject: HealthyPair, rng: Rng) -> Injection | None:
    edited = EditableModel(subject.model)
    wanted = float(rng.choice([0.0, np.inf, np.nan, 1e-40, -0.01]))
    place = rng.random()
    if place < 0.5:
        operator = draw(rng, free_outputs(edited))
        tensor = None if operator is None else edited.operators[operator].outputs[0]
    else:
        operator = draw(rng, weighted(edited) if place < 0.8 else biased(edited))
        tensor = None if operator is None else edited.parts(operator)[1 if place < 0.8 else 2]
    if operator is None or tensor is None:
        return None
    scales = edited.scale(tensor)
    scales[rng.integers(scales.size)] = wanted
    edited.set_grid(tensor, scale=scales)
    what = "output" if place < 0.5 else "weights" if place < 0.8 else "bias"
    return plain(subject, edited, operator, f"a scale of the {what}: {wanted}")


# Joins


def concat(subject: HealthyPair, rng: Rng) -> Injection | None:
    """One branch's layer 2^-4..2^-10 as large, in both models."""
    return _lesser(subject, rng, "CONCATENATION", "branch", ranged=False)


def residual(subject: HealthyPair, rng: Rng) -> Injection | None:
    """One side of an addition 2^-4..2^-10 as large in both models, with a range of its own."""
    return _lesser(subject, rng, "ADD", "side", ranged=True)


def _lesser(
    subject: HealthyPair, rng: Rng, name: str, word: str, *, ranged: bool
) -> Injection | None:
    """Shrink a layer that one operator of a name reads; ranged: and its output's range with it."""
    places = []
    edited, twin = EditableModel(subject.model), EditableModel(subject.twin)
    for i, o in enumerate(edited.operators):
        if o.name == name:
            for x in o.inputs:
                writer = edited.writer(x)
                if writer in weighted(edited) and len(edited.readers(x)) == 1:
                    places.append((i, writer))
    if not places:
        return None
    operator, layer = places[int(rng.integers(len(places)))]
    bits = rng.uniform(4, 10)
    _shrink(edited, twin, layer, 2.0**-bits)
    if ranged:
        edited.rescale(edited.operators[layer].outputs[0], 2.0**-bits)
    detail = f"{word} of operator {layer} * 2^-{bits:.1f} in both models"
    model = recalibrated(edited.build(), twin.build(), subject.samples)
    return Injection(model, twin.build(), subject.samples, frozenset({operator}), detail)


def _shrink(edited: EditableModel, twin: EditableModel, operator: int, factor: float) -> None:
    """Scale a layer's weights and bias in both models; the int8 codes stay."""
    for side in (edited, twin):
        _, w, bias = side.parts(operator)
        for tensor in (w, bias):
            if tensor == OPTIONAL:
                continue
            if side is twin:
                side.set_values(tensor, side.values(tensor) * np.float32(factor))
            else:
                side.set_grid(tensor, scale=side.scale(tensor) * factor)
