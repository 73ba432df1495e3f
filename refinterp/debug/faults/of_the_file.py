"""Faults that a model's file shows by itself: its quantization breaks the kernels' contract."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from refinterp.debug.faults.fault import Fault
from refinterp.debug.faults.of_biases import bias_scale, saturated
from refinterp.debug.faults.of_grids import dimensions, fixed, scales, weight_tensors, zeros
from refinterp.debug.faults.of_joins import addition, concatenation, copied
from refinterp.debug.faults.of_weighted_operators import dead, multiplier, overflow, spread
from refinterp.debug.reference.fixed_outputs import fixed_output
from refinterp.debug.reference.silent import silent_channels, silent_tensors
from refinterp.debug.reference.weighted import WeightedOperator, weighted_operators
from refinterp.graph.constants import has_constant
from refinterp.graph.model import OPTIONAL, Model, Operator
from refinterp.graph.spec import TensorSpec


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
    weights = weight_tensors(operators, specs)
    folded = tuple(weighted_operators(operators, specs) if weighted is None else weighted)
    silent = silent_channels(folded)
    for one in folded:
        if one.w in silent and one.bias != OPTIONAL:  # what a switched-off channel adds its 0 to
            silent.setdefault(one.bias, silent[one.w])
    mute = silent_tensors(operators, specs, folded)
    faults = [
        *scales(specs, users, mute, silent),
        *zeros(specs, users, known, weights, defined),
        *dimensions(operators, specs),
    ]
    unusable = {f.tensor for f in faults if f.id == "bad_scale" and f.severity == "error"}
    for index, operator in enumerate(operators):
        faults += saturated(index, operator, specs)
        if not (unusable | mute) & {*operator.inputs, *operator.outputs}:
            faults += fixed(index, operator, specs)
            faults += addition(index, operator, specs)
            faults += copied(index, operator, specs)
            faults += concatenation(index, operator, operators, specs)
    for one in folded:
        if unusable & {one.x, one.w, one.y}:
            continue
        faults += bias_scale(one)
        faults += multiplier(one, silent.get(one.w))
        faults += overflow(one, operators[one.operator])
        faults += spread(one)
        faults += dead(one)
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
