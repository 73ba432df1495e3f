"""Weights, their scales and multipliers that are wrong."""

from __future__ import annotations

import numpy as np

from conformance.faults.editable import EditableModel
from conformance.faults.injection import Injection, Rng
from conformance.faults.places import biased, draw, free_outputs, plain, some_channels, weighted
from conformance.faults.recalibration import recalibrated
from conformance.faults.subjects import HealthyPair
from refinterp.graph.model import OPTIONAL
from refinterp.graph.operands import Weighted
from refinterp.graph.operators import facts


def _mixes(name: str) -> bool:
    """Whether an operator sums up over the channels it reads."""
    own = facts(name)
    return own.operands is Weighted and own.filter_axis == 0


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
            and _mixes(edited.operators[readers[0]].name)
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
