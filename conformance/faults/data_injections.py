"""Data and calibration of different scales, codes next to each other, labels that are wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from conformance.faults.editable import EditableModel
from conformance.faults.injection import Injection, Rng
from conformance.faults.recalibration import recalibrated
from conformance.faults.subjects import HealthyPair
from refinterp.debug.measure.neighbours import NeighbourSums
from refinterp.graph.model import Model
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare
from refinterp.samples.samples import Samples

Change = Callable[[np.ndarray], Any]


def changed(samples: Samples, change: Change) -> Samples:
    """The same samples, each array changed, in float32."""
    return Samples(
        samples.count,
        lambda i: [change(values).astype(np.float32) for values in samples.get(i)],
        "changed",
    )


def float_outputs(twin: Model, samples: Samples) -> np.ndarray:
    """The float model's first output, (samples, elements)."""
    program = prepare(twin)
    executor = Executor(program)
    found = []
    for sample in samples:
        for tensor, values in zip(program.graph.inputs, sample, strict=True):
            executor.input(tensor)[0] = values
        executor.invoke()
        found.append(executor.read(program.graph.outputs[0])[0].reshape(-1).copy())
    return np.stack(found)


def _input(subject: HealthyPair) -> tuple[EditableModel, int, frozenset[int], float, float]:
    """The open model, its input, who reads it, and the ends of its range."""
    edited = EditableModel(subject.model)
    x = subject.model.subgraphs[0].inputs[0]
    ends = np.iinfo(np.dtype(str(edited.tensors[x].dtype)))
    low, high = ((end - edited.zero(x)) * edited.scale(x)[0] for end in (ends.min, ends.max))
    return edited, x, frozenset(edited.readers(x)), float(low), float(high)


def _deviation(samples: Samples) -> tuple[float, float]:
    values = np.concatenate([samples.get(i)[0].reshape(-1) for i in range(min(4, samples.count))])
    return float(values.mean()), float(values.std()) or 1.0


def calibrated_otherwise(subject: HealthyPair, rng: Rng) -> Injection | None:
    """A model whose ranges were made for data of another scale than it is fed."""
    edited, x, at, _low, _high = _input(subject)
    mean, deviation = _deviation(subject.samples)
    change, detail = [
        (lambda v: v * 255, "made for data * 255"),
        (lambda v: v / 255, "made for data / 255"),
        (lambda v: (v - mean) / deviation, "made for standardised data"),
    ][int(rng.integers(3))]
    if abs(deviation - 1) < 0.5 and "standardised" in detail:
        return None
    samples = changed(subject.samples, change)
    values = np.concatenate([samples.get(i)[0].reshape(-1) for i in range(samples.count)])
    least, most = min(0.0, float(values.min())), max(0.0, float(values.max()))
    ends = np.iinfo(np.dtype(str(edited.tensors[x].dtype)))
    scale = float(np.float32((most - least) / 255))
    edited.rescale(x, scale / edited.scale(x)[0])
    edited.set_grid(x, scale=scale, zero_point=round(ends.min - least / scale))
    model = recalibrated(edited.build(), subject.twin, samples)
    return Injection(model, subject.twin, subject.samples, at, detail)


def standardised(subject: HealthyPair, rng: Rng) -> Injection | None:
    """Data with its mean taken off and divided by its deviation, for a model made for it plain."""
    _edited, _x, at, low, high = _input(subject)
    mean, deviation = _deviation(subject.samples)
    if low < -0.2 * (high - low) and 0.5 < deviation < 2:
        return None  # nearly as it was
    samples = changed(subject.samples, lambda v: (v - mean) / deviation)
    return Injection(subject.model, subject.twin, samples, at, "standardised data")


def few_codes(subject: HealthyPair, rng: Rng) -> Injection | None:
    """Data as a few codes next to each other, far from the zero point."""
    edited, x, at, _low, _high = _input(subject)
    dtype = np.dtype(str(edited.tensors[x].dtype))
    ends = np.iinfo(dtype)
    levels = int(rng.choice([2, 2, 3, 5, 8]))
    first = int(rng.integers(ends.min, ends.max - levels))
    if min(abs(first - edited.zero(x)), abs(first + levels - edited.zero(x))) < 40:
        return None

    def codes(values: np.ndarray) -> np.ndarray:
        share = np.clip((values - values.min()) / max(float(np.ptp(values)), 1e-9), 0, 0.999)
        return (first + np.floor(share * levels)).astype(dtype)

    source = subject.samples
    samples = Samples(source.count, lambda i: [codes(v) for v in source.get(i)], "codes")
    detail = f"data as codes {first}..{first + levels - 1}"
    return Injection(subject.model, subject.twin, samples, at, detail)


def reinterpreted(subject: HealthyPair, rng: Rng) -> Injection | None:
    """Codes of the other 8-bit type, byte by byte, of data that is smooth: noise has no slopes."""
    edited, x, at, _low, _high = _input(subject)
    dtype = np.dtype(str(edited.tensors[x].dtype))
    source = subject.samples
    scale, zero = edited.scale(x)[0], edited.zero(x)

    def codes(values: np.ndarray) -> np.ndarray:
        ends = np.iinfo(dtype)
        return np.clip(np.rint(values / scale) + zero, ends.min, ends.max).astype(dtype)

    def wrapped(values: np.ndarray) -> np.ndarray:
        return (codes(values).view(np.uint8) ^ np.uint8(0x80)).view(dtype)

    near = NeighbourSums()
    for sample in source:
        near.add(codes(sample[0]))
    if near.apart_otherwise < 3 * near.apart:
        return None
    samples = Samples(source.count, lambda i: [wrapped(v) for v in source.get(i)], "bytes")
    return Injection(subject.model, subject.twin, samples, at, "bytes of the other 8-bit type")


def constant(subject: HealthyPair, rng: Rng) -> Injection | None:
    """Every value of the data the same."""
    _edited, _x, at, low, high = _input(subject)
    value = float(rng.uniform(low, high))
    samples = changed(subject.samples, lambda v: np.full_like(v, value))
    return Injection(subject.model, subject.twin, samples, at, f"every value {value:.3g}")


def wrong_labels(subject: HealthyPair, rng: Rng) -> Injection | None:
    """Labels in another order than the classes: both models are wrong, and no layer is at fault."""
    graph = subject.model.subgraphs[0]
    shape = graph.tensors[graph.outputs[0]].shape
    inputs = [graph.tensors[i].shape for i in graph.inputs]
    size = int(shape[-1])
    if len(shape) != 2 or size < 3 or tuple(shape) in [tuple(one) for one in inputs]:
        return None
    best = float_outputs(subject.twin, subject.samples).argmax(axis=1)
    shift = int(rng.integers(1, size))
    truth = (best + shift) % size
    samples = replace(subject.samples, labels=truth)
    detail = f"labels {shift} places on"
    return Injection(subject.model, subject.twin, samples, frozenset(), detail, truth=truth)


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
