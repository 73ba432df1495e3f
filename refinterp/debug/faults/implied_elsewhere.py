"""What follows from a fault at another operator, further down.

- What reads a tensor whose grid is wrong (a bad scale, a range far off) has multipliers, bias
  scales, additions and concatenations that do not fit it.
- Data fed wrongly explains every range downstream.
- Without a float model the reference computes with the same wrong weights, and what it then shows
  further down follows from them.
- A channel that stands still while its input is wrong stands still because of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from refinterp.debug.faults.amounts import RANGES
from refinterp.debug.faults.fault import Fault
from refinterp.debug.faults.implied import GraphOperator, Implied
from refinterp.debug.faults.of_biases import bias_ratio
from refinterp.debug.faults.thresholds import BITS_APART
from refinterp.graph.model import OPTIONAL
from refinterp.graph.operators import facts

_OF_WEIGHTS: Final = frozenset(
    {"wrong_quantized_dimension", "weight_scale_spread", "bias_saturated", "bias_scale_mismatch",
     "bad_scale", "accumulator_overflow", "weights_disagree", "dead_channels",
     "multiplier_out_of_range", "zero_point_out_of_range"}
)  # fmt: skip
"""Faults that a shadow computes with, so that its own values are wrong from there on."""
_OF_A_GRID: Final = frozenset(
    {"bad_scale", "zero_point_out_of_range", *RANGES, "fixed_output_scale",
     "multiplier_out_of_range", "weight_scale_spread"}
)  # fmt: skip
"""Faults that make the grid of what an operator writes unfit for whoever reads it."""
_OF_VALUES: Final = frozenset(
    {*RANGES, "concat_scale_mismatch", "weight_scale_spread", "fixed_output_scale"}
)
"""Faults that the values of the reference show, whatever they are computed from."""
_CUT_BITS: Final = 2.0  # what lies beyond a range four times over may stop whoever reads it
_OUTLIER: Final = "activation_outlier"
_JOINS: Final = frozenset({"residual_side_lost", "concat_scale_mismatch"})
_AT_READERS: Final = frozenset(
    {"multiplier_out_of_range", "bias_scale_mismatch", "residual_side_lost",
     "concat_scale_mismatch", "bad_scale", "accumulator_overflow", "bias_saturated",
     "dead_channels", "activation_outlier"}
)  # fmt: skip


def at_readers(case: Implied) -> None:
    """Faults of an operator that follow from the wrong grid of a tensor it reads."""
    nodes = {node.operator: node for node in case.nodes}
    order = sorted(range(len(case.faults)), key=lambda i: case.faults[i].operator)
    for number in order:
        root = case.faults[number]
        if number in case.implied or root.id not in _OF_A_GRID:
            continue
        wrong = _wrong_grids(root, nodes[root.operator])
        for place, fault in enumerate(case.faults):
            if place == number or place in case.implied:
                continue
            if not wrong & set(nodes[fault.operator].inputs) or fault.operator == root.operator:
                continue
            if root.id in ("bad_scale", "zero_point_out_of_range"):
                if fault.tensor != root.tensor or fault.id != root.id:
                    case.imply(place, number)
            elif fault.id in _JOINS and root.id == "range_too_wide":
                continue  # too coarse a side loses itself, not the other
            elif fault.id in _AT_READERS and not _own_bias(case, fault, root):
                case.imply(place, number)


def _wrong_grids(root: Fault, node: GraphOperator) -> set[int]:
    """The activations whose grid a fault is about: its tensor, or what its operator writes."""
    if root.id in ("multiplier_out_of_range", "weight_scale_spread"):
        return set(node.outputs)
    return {root.tensor}


def _own_bias(case: Implied, fault: Fault, root: Fault) -> bool:
    """Whether bias scales are off by themselves, not all alike as from a wrong input scale."""
    if fault.id != "bias_scale_mismatch":
        return False
    weighted = case.weighted.get(fault.operator)
    return weighted is None or bias_ratio(weighted) is None


def at_joins(case: Implied) -> None:
    """Ranges too wide at the operands and the result of an addition or concatenation at fault."""
    writers = {t: s for s in case.nodes for t in s.outputs}
    steps = {step.operator: step for step in case.nodes}
    for number, root in enumerate(case.faults):
        if number in case.implied or root.id not in _JOINS:
            continue
        near = {root.operator}
        queue = [t for t in steps[root.operator].inputs if t != OPTIONAL]
        while queue:
            writer = writers.get(queue.pop())
            if writer is None or writer.operator in near:
                continue
            near.add(writer.operator)
            if facts(writer.name).conversion or facts(writer.name).reshapes:
                queue += [t for t in writer.inputs if t != OPTIONAL]
        for place, fault in enumerate(case.faults):
            if place in case.implied or fault.operator not in near:
                continue
            if fault.id == "range_too_wide":
                case.imply(place, number)


def outliers(case: Implied) -> None:
    """Outliers in data that come from a channel of far larger weights further up.

    Whatever keeps channels apart may lie on the way: additions, pooling, depthwise convolutions.
    Who reads such data makes large values of them, and so on.
    """
    writers = {t: node for node in case.nodes for t in node.outputs}
    spread = {f.operator: i for i, f in enumerate(case.faults) if f.id == "weight_scale_spread"}
    for place, fault in enumerate(case.faults):
        if fault.id != _OUTLIER or not spread:
            continue
        visited: set[int] = set()
        queue = [fault.tensor]
        while queue:
            writer = writers.get(queue.pop())
            if writer is None or writer.operator in visited:
                continue
            visited.add(writer.operator)
            if writer.operator in spread:
                case.imply(place, spread[writer.operator])
            elif facts(writer.name).filter_axis is None or facts(writer.name).depthwise:
                queue += [t for t in writer.inputs if t != OPTIONAL]
    reached = _reachable(case.nodes)
    made = {i: root for i, root in case.implied.items() if case.faults[i].id == _OUTLIER}
    for place, fault in enumerate(case.faults):
        for before, root in made.items():
            if fault.id == _OUTLIER and fault.operator in reached[case.faults[before].operator]:
                case.imply(place, root)


def downstream(case: Implied) -> None:
    """Faults further down: after data fed wrongly, weights that a shadow shares, still channels."""
    reached = _reachable(case.nodes)
    order = sorted(range(len(case.faults)), key=lambda i: case.faults[i].operator)
    for number in order:
        root = case.faults[number]
        if number in case.implied:
            continue
        for place, fault in enumerate(case.faults):
            if place in case.implied or fault is root or not fault.measured:
                continue
            if fault.operator not in reached[root.operator]:
                continue
            fed = root.id == "input_scaling" or (root.fed and fault.id in RANGES)
            moving = root.id == "dead_channels" and root.measured
            shared = case.shadowed and root.id in _OF_WEIGHTS and not moving
            if (fault.id in _OF_VALUES and (fed or shared)) or (
                fault.id == "dead_channels" and _gross(root)
            ):
                case.imply(place, number)


def _gross(root: Fault) -> bool:
    """Whether a fault is large enough for channels after it to stand still."""
    least = _CUT_BITS if root.id == "range_clipped" else BITS_APART
    return root.id not in RANGES or root.bits is None or root.bits >= least


def _reachable(nodes: Sequence[GraphOperator]) -> dict[int, frozenset[int]]:
    """Operator → the operators that depend on what it writes."""
    result: dict[int, frozenset[int]] = {}
    readers: dict[int, list[int]] = {}
    for step in reversed(nodes):
        after: set[int] = set()
        for tensor in step.outputs:
            for reader in readers.get(tensor, ()):
                after.add(reader)
                after |= result[reader]
        result[step.operator] = frozenset(after)
        for tensor in step.inputs:
            readers.setdefault(tensor, []).append(step.operator)
    return result
