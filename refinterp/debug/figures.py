"""What a measurement comes to: figures of layers, outputs and inputs, without causes yet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from refinterp.debug.faults.fixed_grids import Bound
from refinterp.debug.measure.error_sums import ErrorFigures
from refinterp.debug.measure.measurements import Measurements
from refinterp.debug.measure.outputs import MetricName, OutputSums, metric
from refinterp.debug.reference.hybrid import Stored, granularity, step_sizes
from refinterp.debug.reference.shadow import is_code
from refinterp.debug.result import ActivationsPart, Input, Layer, Output, WeightsPart
from refinterp.debug.setup import ComparedOutput, Setup
from refinterp.graph.model import element_bits
from refinterp.graph.spec import TensorSpec
from refinterp.run.program import Step


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """All figures of one measurement, and what it was made from.

    layers: in execution order. bounds: by tensor, of the grids that definitions fix. random: the
    samples are random data.
    """

    setup: Setup
    measured: Measurements
    layers: tuple[Layer, ...]
    outputs: tuple[Output, ...]
    inputs: tuple[Input, ...]
    bounds: Mapping[int, Bound]
    random: bool


def figures(setup: Setup, measured: Measurements, *, random: bool) -> Figures:
    """Turn sums into figures."""
    compared = setup.compared
    layers = tuple(
        _layer(setup, step, tensor, measured)
        for step in setup.quantized.steps
        for tensor in step.outputs
        if tensor in compared
    )
    everything = zip(setup.outputs, measured.outputs, measured.metrics, strict=True)
    return Figures(
        setup,
        measured,
        layers,
        tuple(_output(setup, measured.samples, *one) for one in everything),
        tuple(_input(setup, tensor, measured) for tensor in setup.coded_inputs),
        {tensor: _bound(tensor, measured) for tensor in setup.fixed},
        random,
    )


def _output(
    setup: Setup, samples: int, output: ComparedOutput, sums: OutputSums, name: MetricName | None
) -> Output:
    spec = setup.quantized.specs[output.tensor]
    counted = output.scores and samples > 0
    layout, parts = output.layout, sums.parts
    return Output(
        output.tensor,
        spec.name,
        sums.errors.figures(scaled=is_code(spec)),
        sums.agreed / samples if counted else None,
        sums.divergence.value / samples if counted else None,
        metric(sums, name),
        () if layout is None or parts is None else layout.parts(parts),
    )


def _bound(tensor: int, measured: Measurements) -> Bound:
    reached = measured.accumulated.get(tensor, measured.local[tensor])
    return Bound(
        measured.rounded[tensor].figures(scaled=False).sqnr_db,
        reached.figures(scaled=False).sqnr_db,
    )


def _input(setup: Setup, tensor: int, measured: Measurements) -> Input:
    spec = setup.quantized.specs[tensor]
    codes = measured.codes[tensor].figures()
    return Input(
        tensor,
        spec.name,
        spec.shape,
        spec.dtype,
        tuple(spec.scale.tolist()),
        tuple(spec.zero_point.tolist()),
        codes,
        measured.reals[tensor].figures(),
        None if codes is None else measured.neighbours[tensor].reinterpreted(codes),
    )


def _layer(setup: Setup, step: Step, tensor: int, measured: Measurements) -> Layer:
    spec = setup.quantized.specs[tensor]
    accumulated = measured.accumulated.get(tensor)
    coded = tensor in setup.grids
    step_size = spec.scale.astype(np.float64) if coded else 1.0
    return Layer(
        operator=step.operator,
        op_name=step.name,
        tensor=tensor,
        name=spec.name,
        shape=spec.shape,
        dtype=spec.dtype,
        scale=tuple(spec.scale.tolist()) if coded else (),
        zero_point=tuple(spec.zero_point.tolist()) if coded else (),
        local=measured.local[tensor].figures(scaled=coded),
        local_reference=setup.local[step.operator].reference,
        accumulated=None if accumulated is None else accumulated.figures(scaled=coded),
        codes=measured.codes[tensor].figures() if coded else None,
        reals=measured.reals[tensor].figures() if coded else None,
        local_channels=measured.local[tensor].channel_figures(step_size),
        weights=None if coded else _weights(setup, step, tensor, measured),
        activations=None if coded else _activations(step, tensor, measured),
    )


def _activations(step: Step, tensor: int, measured: Measurements) -> ActivationsPart:
    run_time = measured.run_time.get(step.operator)
    return ActivationsPart(
        measured.activations[tensor].figures(scaled=False),
        None if run_time is None else run_time.figures(),
    )


def _weights(setup: Setup, step: Step, tensor: int, measured: Measurements) -> WeightsPart:
    stored = setup.hybrids[step.operator].weights
    return _weights_part(
        measured.weights[tensor].figures(scaled=False),
        stored,
        setup.quantized.specs[stored.source],
        estimated=setup.losses[step.operator].moved is not None,
    )


def _weights_part(
    errors: ErrorFigures, stored: Stored, spec: TensorSpec, *, estimated: bool
) -> WeightsPart:
    """Describe the weights of a layer; errors: what storing them so loses at its output."""
    steps = step_sizes(spec)
    used = possible = None
    ends = math.nan
    if is_code(spec) and spec.data is not None and spec.data.size:
        bits = element_bits(spec.dtype)
        counts = np.unique(spec.data, return_counts=True)
        used, possible = counts[0].size, 1 << bits
        low = 0 if spec.dtype.startswith("u") else -(1 << (bits - 1))
        at_ends = np.abs(counts[0].astype(np.int64) - low - (possible >> 1)) >= (possible >> 1) - 1
        ends = float(counts[1][at_ends].sum() / spec.data.size)
    return WeightsPart(
        errors=errors,
        estimated=estimated,
        tensor=stored.source,
        dtype=spec.dtype,
        granularity=granularity(spec),
        step_lowest=float(steps.min()) if steps.size else math.nan,
        step_highest=float(steps.max()) if steps.size else math.nan,
        codes_used=used,
        codes_possible=possible,
        ends_fraction=ends,
    )
