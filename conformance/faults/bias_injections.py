"""Biases that are wrong, or so large that sums wrap around."""

from __future__ import annotations

import numpy as np

from conformance.faults.editable import EditableModel
from conformance.faults.injection import Injection, Rng
from conformance.faults.places import biased, draw, plain, some_channels, weighted
from conformance.faults.subjects import HealthyPair
from refinterp.graph.model import OPTIONAL, Model
from refinterp.run.executor import Executor
from refinterp.run.observe import Keeper
from refinterp.run.prepare import prepare
from refinterp.samples.convert import fit_input
from refinterp.samples.samples import Samples


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
