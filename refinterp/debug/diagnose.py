"""From what was measured to named causes: faults of the file, the data and the float model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.faults.fault import Fault
from refinterp.debug.faults.implications import causes_by_operator
from refinterp.debug.faults.of_hybrid_layers import hybrid_faults
from refinterp.debug.faults.of_the_data import data_faults
from refinterp.debug.faults.of_the_weights import partner_constants, weight_faults
from refinterp.debug.faults.overflow import overflow_fault
from refinterp.debug.faults.tensor_ranges import ObservedRange
from refinterp.debug.faults.unused_channels import unused_channels
from refinterp.debug.figures import Figures
from refinterp.debug.reference.pairing import Pairing
from refinterp.debug.reference.weighted import WeightedOperator
from refinterp.debug.result import Cause, Input, Layer
from refinterp.graph.model import OPTIONAL
from refinterp.run.program import Program, Step


def diagnose(figures: Figures) -> list[Layer]:
    """Return the layers with their causes.

    On random data causes that are about how ranges and data fit are not looked for.
    """
    setup, layers = figures.setup, figures.layers
    program, twin, weighted = setup.quantized, setup.float_model, setup.weighted
    faults = [
        *_of_the_file(figures),
        *hybrid_faults(program, twin, setup.pairing, setup.hybrids, layers),
    ]
    if not figures.random:
        contract = setup.contract
        dead = {f.operator: f.channels or frozenset() for f in contract if f.id == "dead_channels"}
        ranges = _observed_ranges(program, layers, figures.inputs)
        faults += data_faults(program, ranges, dead, weighted, figures.bounds)
    if twin is not None:
        faults += _of_the_weights(program, twin, setup.pairing, weighted)
    causes = causes_by_operator(program.steps, faults, weighted, shadowed=twin is None)
    places = {layer.operator for layer in layers}
    by_layer: dict[int, list[Cause]] = {}
    for operator, found in causes.items():
        for place in _at_layers(operator, places, program):
            by_layer.setdefault(place, []).extend(found)
    return [
        replace(one, causes=tuple(by_layer[one.operator])) if one.operator in by_layer else one
        for one in layers
    ]


def _of_the_file(figures: Figures) -> Iterator[Fault]:
    """Faults of the file.

    A fault that data may or may not bring out is replaced by what the data has shown of it.
    """
    setup, sums = figures.setup, figures.measured.sums
    weighted = {one.operator: one for one in setup.weighted}
    for fault in setup.contract:
        if fault.id == "accumulator_overflow":
            reached = sums.get(fault.operator)
            found = None if reached is None else overflow_fault(weighted[fault.operator], reached)
            if found is not None:
                yield found
        elif fault.id == "dead_channels":
            if setup.float_model is None:
                yield from _not_meant(fault, weighted, setup.quantized)
        else:
            yield fault


def _not_meant(
    fault: Fault, weighted: Mapping[int, WeightedOperator], program: Program
) -> Iterator[Fault]:
    """Report those of the channels that stand still which training cannot have left so.

    Below the floor of an activation a channel stands still in float as well, as many do; without a
    float model to tell, weights that are all 0, another code than that of real 0, and a bias far
    out of the weights' reach are what is left. Channels that no reader uses were pruned; weights
    that are there, but too small to move a bias within the range by a code, stand for small reals.
    So do those whose scale was made for next to nothing.
    """
    one = weighted[fault.operator]
    with np.errstate(all="ignore"):
        place = np.rint(one.bias_codes * one.factors) + one.specs[one.y].zero
    at_zero = np.clip(place, one.low, one.high) == one.specs[one.y].zero
    small = np.asarray(one.codes.any(axis=1) & (one.low < place) & (place < one.high))
    meant = np.asarray((~one.killed() & at_zero) | small | _vanished(one))
    shape = one.specs[one.y].shape
    if shape and shape[-1] == one.channels:
        meant |= unused_channels(one.y, one.channels, program.steps, weighted, program.specs)
    channels = np.array(sorted(fault.channels or ()), np.int64)
    left = channels[~meant[channels]]
    if left.size:
        yield replace(fault, channels=frozenset(left.tolist()))


def _vanished(one: WeightedOperator) -> NDArray[np.bool_]:
    """Channels of a scale 2^-16 and less of the median of those that have weights: (channels,)."""
    alive = one.codes.any(axis=1) & np.isfinite(one.scales)
    if not alive.any() or one.specs[one.w].scale.size < 2:
        return np.zeros(one.channels, bool)
    return np.asarray(one.scales < 2.0**-16 * np.median(one.scales[alive]))


def _observed_ranges(
    program: Program, layers: Sequence[Layer], inputs: Sequence[Input]
) -> dict[int, ObservedRange]:
    found = {}
    everything: tuple[Input | Layer, ...] = (*inputs, *layers)
    for one in everything:
        if one.codes is not None and one.reals is not None:
            elements = math.prod(one.shape) * (
                one.local.samples if isinstance(one, Layer) else _samples(layers)
            )
            spec = program.specs[one.tensor]
            channels = one.local_channels if isinstance(one, Layer) else None
            local = None if channels is None else channels.rmse_over_scale
            smoother = one.smoother if isinstance(one, Input) else None
            found[one.tensor] = ObservedRange(
                one.tensor, spec, one.reals, one.codes, elements, local, smoother
            )
    return found


def _samples(layers: Sequence[Layer]) -> int:
    return max((layer.local.samples for layer in layers), default=0)


def _of_the_weights(
    program: Program, twin: Program, pairing: Pairing, weighted: Sequence[WeightedOperator]
) -> Iterator[Fault]:
    steps = {step.operator: step for step in program.steps}
    others = {step.operator: step for step in twin.steps}
    for one in weighted:
        partner = pairing.operators.get(one.operator)
        entry = steps[one.operator].entry
        if partner is None or entry.weights is None:
            continue
        other: Step = others[partner]
        constants = partner_constants(other.inputs, twin.specs, entry.data, entry.weights)
        if constants is not None:
            yield from weight_faults(one, *constants)


def _at_layers(operator: int, layers: set[int], program: Program) -> list[int]:
    """The operator if it is a layer; else the layer that feeds it, or the first that it feeds."""
    if operator in layers:
        return [operator]
    step = next((s for s in program.steps if s.operator == operator), None)
    if step is None:
        return []
    read = {t for t in step.inputs if t != OPTIONAL}
    before = [s.operator for s in program.steps if read & set(s.outputs) and s.operator in layers]
    after = [
        s.operator
        for s in program.steps
        if set(step.outputs) & set(s.inputs) and s.operator in layers
    ]
    return before[-1:] or after[:1]
