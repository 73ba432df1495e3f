"""Ways to plant faults of dynamic-range models, in a float model at a random layer.

Each changes the float model, what becomes of its weights when they are quantized, or both. The
float model the debugger is given computes what the faulty one should: only quantizing can lose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from conformance.faults.editable import EditableModel
from conformance.faults.injection import Rng
from conformance.faults.subjects import HealthyPair
from conformance.models.dynamic_range import by_channel, by_tensor, dynamic_range, weighted
from refinterp.debug.measure.trace import Trace
from refinterp.graph.model import OPTIONAL, Model
from refinterp.graph.operators import facts
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare
from refinterp.samples.samples import Samples

HYBRID_CAUSES = frozenset({"activation_outlier", "weight_range_too_wide"})
"""Causes that only hybrid layers have; the others' are planted in integer models."""

_LINEAR = ("NONE", "RELU")  # a channel times k stays that channel times k
_PASSING = frozenset({"MAX_POOL_2D", "AVERAGE_POOL_2D", "MEAN"})


@dataclass(frozen=True)
class HybridInjection:
    """A faulty model, its float model, data; where and as what the fault may be reported."""

    model: Model
    twin: Model
    samples: Samples
    operators: frozenset[int]
    causes: frozenset[str]
    detail: str
    needs_twin: bool = False


@dataclass(frozen=True)
class HybridFaultKind:
    """A fault and the way to plant it; inject returns None where it does not fit the model."""

    name: str
    inject: Callable[[HealthyPair, Rng], HybridInjection | None]


def _draw(rng: Rng, choices: list[int]) -> int | None:
    return int(rng.choice(choices)) if choices else None


def _activation(edited: EditableModel, operator: int) -> object:
    return edited.operators[operator].options.get("fused_activation_function", "NONE")


def _per_tensor(edited: EditableModel) -> list[int]:
    """Operators whose kernel takes one scale for all channels."""
    return [i for i in weighted(edited.model) if not facts(edited.operators[i].name).depthwise]


def _times(edited: EditableModel, operator: int, channel: int, factor: float) -> None:
    """Multiply one output channel: its weights and its bias."""
    _, w, bias = edited.parts(operator)
    values = edited.values(w)
    np.moveaxis(values, edited.axis(operator), 0)[channel] *= np.float32(factor)
    edited.set_values(w, values)
    if bias != OPTIONAL and edited.is_constant(bias):
        own = edited.values(bias)
        own.reshape(-1)[channel] *= np.float32(factor)
        edited.set_values(bias, own)


def _input_channel(edited: EditableModel, operator: int, channel: int, factor: float) -> bool:
    """Multiply the weights of one channel of the data; False where they do not lie so."""
    x, w, _ = edited.parts(operator)
    values = edited.values(w)
    channels = edited.tensors[x].shape[-1]
    if facts(edited.operators[operator].name).depthwise:
        if values.shape[-1] != channels:
            return False
        values[..., channel] *= np.float32(factor)
    elif values.shape[-1] % channels:
        return False
    else:
        values.reshape(-1, channels)[:, channel] *= np.float32(factor)
    edited.set_values(w, values)
    return True


def _counterpart(edited: EditableModel, tensor: int) -> int | None:
    """The only operator with weights that reads a tensor, through pooling at most."""
    while True:
        readers = edited.readers(tensor)
        if len(readers) != 1 or tensor in edited.graph.outputs:
            return None
        reader = edited.operators[readers[0]]
        if readers[0] in weighted(edited.model):
            return readers[0] if reader.inputs[0] == tensor else None
        if reader.name not in _PASSING or _activation(edited, readers[0]) not in _LINEAR:
            return None
        tensor = reader.outputs[0]


# Scales of weights


def blown_up(subject: HealthyPair, rng: Rng) -> HybridInjection | None:
    """One channel's weights far above the others', one scale for all."""
    edited = EditableModel(subject.twin)
    operator = _draw(rng, [i for i in _per_tensor(edited) if _activation(edited, i) in _LINEAR])
    if operator is None:
        return None
    w = edited.parts(operator)[1]
    channels = edited.tensors[w].shape[edited.axis(operator)]
    if channels < 4:
        return None
    channel, bits = int(rng.integers(channels)), float(rng.uniform(4.0, 8.0))
    values = edited.values(w)
    own = float(np.abs(np.moveaxis(values, edited.axis(operator), 0)[channel]).max())
    if own == 0:
        return None
    factor = 2**bits * float(np.abs(values).max()) / own / 2  # so many bits above the others
    _times(edited, operator, channel, factor)
    reader = _counterpart(edited, edited.operators[operator].outputs[0])
    if reader is not None:
        _input_channel(edited, reader, channel, 1 / factor)
    twin = edited.build()
    detail = f"weights of channel {channel} * {factor:.3g}, one scale for all"
    # the reader's data have an outlier in that channel, which follows
    model = _one_per_tensor(twin, operator)
    if rng.random() < 0.5:
        model = dynamic_range(twin, per_channel=False)
        detail += ", as in all layers"
    return HybridInjection(
        model, twin, subject.samples, frozenset({operator}), frozenset({"weight_scale_spread"}),
        detail,
    )  # fmt: skip


def _one_per_tensor(twin: Model, operator: int) -> Model:
    """The dynamic-range model in which one operator has one scale, the others one per channel."""
    edited = EditableModel(twin)
    w, axis = edited.parts(operator)[1], edited.axis(operator)
    return dynamic_range(twin, scales={operator: by_tensor(edited.values(w), axis)})


def wrong_scale(subject: HealthyPair, rng: Rng) -> HybridInjection | None:
    """The right codes, and a scale of some channels, or of all, that is another."""
    edited = EditableModel(subject.twin)
    operator = _draw(rng, weighted(subject.twin))
    if operator is None:
        return None
    healthy = dynamic_range(subject.twin, per_channel=bool(rng.random() < 0.7))
    faulty = EditableModel(healthy)
    w = faulty.parts(operator)[1]
    scale = faulty.scale(w)
    some = np.zeros(scale.size, bool)
    some[rng.integers(scale.size)] = True
    if rng.random() < 0.6:
        some |= rng.random(scale.size) < rng.uniform(0.1, 1.0)
    factor = 2.0 ** float(rng.choice([-1, 1]) * rng.uniform(0.8, 5.0))
    codes = np.moveaxis(faulty.values(w), edited.axis(operator), 0)
    if not np.abs(codes.reshape(len(codes), -1)).max(axis=1)[some if some.size > 1 else ...].any():
        return None
    faulty.set_grid(w, scale=np.where(some, scale * factor, scale))
    return HybridInjection(
        faulty.build(), subject.twin, subject.samples, frozenset({operator}),
        frozenset({"weights_disagree", "weight_scale_spread"}),
        f"scale of {int(some.sum())} of {some.size} * {factor:.3g}", needs_twin=True,
    )  # fmt: skip


def few_codes(subject: HealthyPair, rng: Rng) -> HybridInjection | None:
    """A scale so large that the weights take few of the codes, all channels or some."""
    edited = EditableModel(subject.twin)
    channels = bool(rng.random() < 0.6)
    operator = _draw(rng, weighted(subject.twin) if channels else _per_tensor(edited))
    if operator is None:
        return None
    w, axis = edited.parts(operator)[1], edited.axis(operator)
    values = edited.values(w)
    scale = (by_channel if channels else by_tensor)(values, axis)
    some = np.ones(scale.size, bool)
    if scale.size > 1 and rng.random() < 0.5:
        some = rng.random(scale.size) < rng.uniform(0.2, 0.7)
        some[rng.integers(scale.size)] = True
    alive = np.abs(np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)).max(axis=1) > 0
    if scale.size > 1 and not (some & alive).any():
        return None
    whole = some.all() or (scale.size > 1 and some[alive].all())
    factor = 2.0 ** float(rng.uniform(3.2, 5.0))
    made = np.where(some, scale * np.float32(factor), scale).astype(np.float32)
    model = dynamic_range(subject.twin, scales={operator: made})
    return HybridInjection(
        model, subject.twin, subject.samples, frozenset({operator}),
        frozenset({"weight_range_too_wide" if whole else "weight_scale_spread"}),
        f"weights quantized with scale * {factor:.3g}, {int(some.sum())} of {some.size}",
    )  # fmt: skip


# Outliers in the data


def input_outlier(subject: HealthyPair, rng: Rng) -> HybridInjection | None:
    """One feature of the input far above the others, its weights so much smaller."""
    edited = EditableModel(subject.twin)
    graph = subject.twin.subgraphs[0]
    x = graph.inputs[0]
    features = graph.tensors[x].shape[-1]
    readers = [i for i in edited.readers(x) if i in weighted(subject.twin)]
    if len(graph.inputs) != 1 or len(readers) != 1 or edited.readers(x) != readers or features < 4:
        return None
    reach = np.max([np.abs(s[0]).reshape(-1, features).max(axis=0) for s in subject.samples], 0)
    usual = np.flatnonzero(reach >= 0.5 * np.median(reach))  # not a feature of no use
    feature, bits = int(rng.choice(usual)), float(rng.uniform(6.0, 9.0))
    factor = np.float32(2.0**bits * np.median(reach) / reach[feature])
    if not _input_channel(edited, readers[0], feature, 1 / float(factor)):
        return None
    twin = edited.build()
    samples = _scaled(subject.samples, feature, factor)
    return HybridInjection(
        dynamic_range(twin), twin, samples, frozenset(readers),
        frozenset({"activation_outlier"}), f"feature {feature} of the input * {factor:.3g}",
    )  # fmt: skip


def _scaled(samples: Samples, feature: int, factor: np.float32) -> Samples:
    """The samples with one feature of the last axis multiplied."""

    def get(index: int) -> list[np.ndarray]:
        (values,) = samples.get(index)
        made = np.array(values, np.float32)
        made[..., feature] *= factor
        return [made]

    return replace(samples, get=get, origin=f"{samples.origin}, feature {feature} * {factor:.3g}")


def inner_outlier(subject: HealthyPair, rng: Rng) -> HybridInjection | None:
    """One channel of an activation far above the others, who reads it having smaller weights."""
    edited = EditableModel(subject.twin)
    able = [
        i
        for i in weighted(subject.twin)
        if _activation(edited, i) in _LINEAR
        and _counterpart(edited, edited.operators[i].outputs[0]) is not None
    ]
    operator = _draw(rng, able)
    if operator is None:
        return None
    y = edited.operators[operator].outputs[0]
    reader = _counterpart(edited, y)
    assert reader is not None
    reach = _reach(subject, y)
    usual = np.flatnonzero(reach >= 0.5 * np.median(reach[reach > 0])) if reach.any() else reach
    if usual.size < 4:
        return None
    channel, bits = int(rng.choice(usual)), float(rng.uniform(6.0, 9.0))
    factor = float(np.float32(2.0**bits * np.median(reach[reach > 0]) / reach[channel]))
    _times(edited, operator, channel, factor)
    if not _input_channel(edited, reader, channel, 1 / factor):
        return None
    twin = edited.build()
    return HybridInjection(
        dynamic_range(twin), twin, subject.samples, frozenset({reader}),
        frozenset({"activation_outlier"}),
        f"channel {channel} of what operator {operator} writes * {factor:.3g}",
    )  # fmt: skip


def _reach(subject: HealthyPair, tensor: int) -> np.ndarray:
    """The largest size of each channel of an activation of the float model, on its data."""
    program = prepare(subject.twin)
    executor = Executor(program)
    trace = Trace(executor)
    found = []
    for sample in subject.samples:
        for place, values in zip(program.graph.inputs, sample, strict=True):
            executor.input(place)[0] = values
        trace.run()
        value = np.abs(trace.sample(tensor, 0))
        found.append(value.reshape(-1, value.shape[-1]).max(axis=0))
    return np.max(found, axis=0)


HYBRID_FAULTS: tuple[HybridFaultKind, ...] = (
    HybridFaultKind("a channel's weights blown up, one scale", blown_up),
    HybridFaultKind("a wrong scale of weights", wrong_scale),
    HybridFaultKind("weights in too few codes", few_codes),
    HybridFaultKind("an outlier in the input", input_outlier),
    HybridFaultKind("an outlier within", inner_outlier),
)
