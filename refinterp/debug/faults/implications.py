"""Why layers lose: faults of the file and of the data, put to layers, and what follows from what.

A fault that another explains carries that one's id as `implied_by`. At one operator the order is
that of `_EXPLAINS`: a scale that is no number explains whatever is measured with it, and so on.
Across operators:

- what reads a tensor whose grid is wrong (a bad scale, a range far off) has multipliers, bias
  scales, additions and concatenations that do not fit it;
- data fed wrongly explains every range downstream;
- without a float model the reference computes with the same wrong weights, and what it then shows
  further down follows from them;
- a channel that stands still while its input is wrong stands still because of it.

What is too small to explain a fault (`amounts`) does not hide it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Protocol

from refinterp.debug.faults.amounts import RANGES, enough
from refinterp.debug.faults.fault import Fault
from refinterp.debug.faults.of_the_file import BITS_APART, bias_ratio
from refinterp.debug.reference.weighted import WeightedOperator
from refinterp.debug.result import Cause
from refinterp.graph.model import OPTIONAL
from refinterp.graph.operators import facts

_ALL: Final = frozenset(
    {
        *RANGES, "weight_scale_spread", "bias_saturated", "accumulator_overflow",
        "multiplier_out_of_range", "dead_channels", "input_scaling", "fixed_output_scale",
        "concat_scale_mismatch", "residual_side_lost", "zero_point_out_of_range", "bad_scale",
        "wrong_quantized_dimension", "bias_scale_mismatch", "weights_disagree",
        "weight_range_too_wide", "activation_outlier",
    }
)  # fmt: skip

_EXPLAINS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "bad_scale": _ALL - {"bad_scale"},
        "zero_point_out_of_range": frozenset(
            {*RANGES, "dead_channels", "input_scaling", "fixed_output_scale", "weights_disagree",
             "accumulator_overflow"}
        ),
        "fixed_output_scale": frozenset({*RANGES, "multiplier_out_of_range"}),
        "wrong_quantized_dimension": frozenset(
            {*RANGES, "weights_disagree", "weight_scale_spread", "bias_scale_mismatch",
             "weight_range_too_wide",
             "dead_channels", "multiplier_out_of_range", "bias_saturated", "accumulator_overflow"}
        ),
        "weight_scale_spread": frozenset(
            {*RANGES, "bias_scale_mismatch", "weights_disagree", "dead_channels",
             "multiplier_out_of_range", "accumulator_overflow"}
        ),
        "multiplier_out_of_range": frozenset(
            {*RANGES, "dead_channels", "bias_scale_mismatch", "weights_disagree"}
        ),
        "bias_saturated": frozenset(
            {*RANGES, "accumulator_overflow", "dead_channels", "weights_disagree"}
        ),
        "accumulator_overflow": frozenset({*RANGES, "dead_channels", "weights_disagree"}),
        "bias_scale_mismatch": frozenset({*RANGES, "weights_disagree", "dead_channels"}),
        "dead_channels": frozenset({*RANGES, "weights_disagree"}),
        "weights_disagree": frozenset({*RANGES, "dead_channels", "bias_scale_mismatch"}),
        "weight_range_too_wide": frozenset({"weights_disagree"}),
        "residual_side_lost": RANGES,
        "concat_scale_mismatch": frozenset({"range_too_wide"}),
        "range_clipped": frozenset({"dead_channels"}),
        "input_scaling": frozenset(
            {*RANGES, "dead_channels", "multiplier_out_of_range", "bias_scale_mismatch"}
        ),
    }
)  # fmt: skip
"""At one operator: id → the ids it explains there. Earlier entries go before later ones."""

_OF_WEIGHTS: Final = frozenset(
    {"wrong_quantized_dimension", "weight_scale_spread", "bias_saturated", "bias_scale_mismatch",
     "bad_scale", "accumulator_overflow", "weights_disagree", "dead_channels",
     "multiplier_out_of_range", "zero_point_out_of_range"}
)  # fmt: skip
"""Faults that a shadow computes with, so that its own values are wrong from there on."""

_BY_CHANNEL: Final = frozenset(
    {"weights_disagree", "bias_scale_mismatch", "multiplier_out_of_range", "dead_channels"}
)
"""Faults that a fault of some channels explains only where they are of no other channels."""

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
_OF_A_TENSOR: Final = frozenset({"bad_scale", "zero_point_out_of_range"})
_JOINS: Final = frozenset({"residual_side_lost", "concat_scale_mismatch"})
_AT_READERS: Final = frozenset(
    {"multiplier_out_of_range", "bias_scale_mismatch", "residual_side_lost",
     "concat_scale_mismatch", "bad_scale", "accumulator_overflow", "bias_saturated",
     "dead_channels", "activation_outlier"}
)  # fmt: skip


class Node(Protocol):
    """An operator as one sees it in a graph: its index, name, and tensor indices."""

    @property
    def operator(self) -> int:
        """As in `run.prepare.Step`."""

    @property
    def name(self) -> str:
        """As in `run.prepare.Step`."""

    @property
    def inputs(self) -> tuple[int, ...]:
        """As in `run.prepare.Step`."""

    @property
    def outputs(self) -> tuple[int, ...]:
        """As in `run.prepare.Step`."""


@dataclass(slots=True)
class _Implications:
    """What is known when faults are weighed against each other."""

    nodes: Sequence[Node]
    weighted: Mapping[int, WeightedOperator]
    shadowed: bool
    faults: Sequence[Fault]
    implied: dict[int, int] = field(default_factory=dict)  # place in faults → its root's

    def enough(self, root: Fault, fault: Fault) -> bool:
        """Whether a fault is large enough to explain another."""
        weighted = self.weighted.get(root.operator)
        channels = 0 if weighted is None else weighted.channels
        return enough(root, fault, channels, shadowed=self.shadowed)

    def imply(self, place: int, root: int) -> None:
        """Let one fault follow from another, unless it does already or that follows from it."""
        if place in self.implied or not self.enough(self.faults[root], self.faults[place]):
            return
        above = root
        while above in self.implied:
            above = self.implied[above]
        if above != place:
            self.implied[place] = root


def causes_by_operator(
    nodes: Sequence[Node],
    faults: Sequence[Fault],
    weighted: Sequence[WeightedOperator],
    *,
    shadowed: bool,
) -> dict[int, list[Cause]]:
    """Operator → its causes, own ones first. shadowed: whether the reference is a shadow."""
    case = _Implications(nodes, {one.operator: one for one in weighted}, shadowed, _merged(faults))
    _at_one_operator(case)
    _at_readers(case)
    _at_joins(case)
    _outliers(case)
    _downstream(case)
    found: dict[int, list[Cause]] = {}
    for place, fault in enumerate(case.faults):
        root = case.implied.get(place)
        above = None if root is None else case.faults[root].id
        cause = Cause(fault.id, fault.evidence, fault.remedy, above)
        found.setdefault(fault.operator, []).append(cause)
    for causes in found.values():
        causes.sort(key=lambda cause: cause.implied_by is not None)
    return found


def _merged(faults: Sequence[Fault]) -> list[Fault]:
    """One fault of each id per operator and tensor; what data shows goes before what a file may."""
    kept: dict[tuple[str, int], Fault] = {}
    for fault in sorted(faults, key=lambda f: not f.measured):
        kept.setdefault((fault.id, fault.operator), fault)
    order = {id_: place for place, id_ in enumerate(_EXPLAINS)}
    return sorted(kept.values(), key=lambda f: (order.get(f.id, len(order)), f.operator))


def _at_one_operator(case: _Implications) -> None:
    for place, fault in enumerate(case.faults):
        for number, other in enumerate(case.faults):
            if other is fault or other.operator != fault.operator:
                continue
            if not _can_explain(case, other, fault) or _cyclic(case, other, fault):
                continue
            blamed = fault.id == "weights_disagree" and other.id == "dead_channels"
            if blamed and not (_killed(case, fault) or _only_biases(case, fault)):
                continue  # other weights keep a channel still, not the reverse
            disagree = fault.id == "bias_scale_mismatch" and other.id == "weights_disagree"
            if disagree and _only_biases(case, other):
                continue
            if _covers(other, fault):
                case.imply(place, number)


def _can_explain(case: _Implications, root: Fault, fault: Fault) -> bool:
    """Whether one fault may follow from another at the same operator.

    A range of what an operator reads is as what writes it left it: nothing here explains it but
    the tensor itself, and what does not fit it here follows from it, as from data fed wrongly.
    """
    if _is_read(case, fault):
        return root.tensor == fault.tensor and root.id in _OF_A_TENSOR
    id_ = "input_scaling" if _is_read(case, root) else root.id
    return fault.id in _EXPLAINS.get(id_, ())


def _is_read(case: _Implications, fault: Fault) -> bool:
    node = next(node for node in case.nodes if node.operator == fault.operator)
    return fault.id in RANGES and fault.tensor not in node.outputs


def _killed(case: _Implications, fault: Fault) -> bool:
    """Whether all channels that a fault is about are without weights, or out of their reach."""
    weighted = case.weighted.get(fault.operator)
    if weighted is None or fault.channels is None:
        return False
    return bool(weighted.killed()[sorted(fault.channels)].all())


def _only_biases(case: _Implications, fault: Fault) -> bool:
    """Whether the weights themselves are the float model's, and only biases are not."""
    weighted = case.weighted.get(fault.operator)
    return weighted is not None and fault.tensor == weighted.bias


def _covers(root: Fault, fault: Fault) -> bool:
    """Whether the channels of a fault are among those of what would explain it."""
    if root.channels is None or fault.channels is None or fault.id not in _BY_CHANNEL:
        return True
    if root.id in RANGES:
        return True  # a range is that of all channels
    return fault.channels <= root.channels


def _cyclic(case: _Implications, root: Fault, fault: Fault) -> bool:
    """Two faults that can explain each other: the one of the wider set of channels goes first."""
    if root.id not in _EXPLAINS.get(fault.id, ()) or _is_read(case, root):
        return False
    pair = {root.id, fault.id}
    if "dead_channels" in pair and pair & RANGES:  # zeros of the file make ranges wrong
        dead = root if root.id == "dead_channels" else fault
        of_the_file = not dead.measured and _killed(case, dead)
        return of_the_file != (root is dead)
    if pair == {"dead_channels", "weights_disagree"}:
        still = _only_biases(case, root) and _covers(fault, root)  # biases that stop channels
        return root.id == "weights_disagree" and (still or _killed(case, root))
    if pair == {"bias_scale_mismatch", "weights_disagree"}:
        disagree = root if root.id == "weights_disagree" else fault
        return (root is disagree) == _only_biases(case, disagree)
    if not _covers(fault, root):
        return False
    if not _covers(root, fault):
        return True
    order = list(_EXPLAINS)
    return order.index(fault.id) < order.index(root.id)


def _at_readers(case: _Implications) -> None:
    """What does not fit at a reader because the tensor it reads has a wrong grid."""
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


def _wrong_grids(root: Fault, node: Node) -> set[int]:
    """The activations whose grid a fault is about: its tensor, or what its operator writes."""
    if root.id in ("multiplier_out_of_range", "weight_scale_spread"):
        return set(node.outputs)
    return {root.tensor}


def _own_bias(case: _Implications, fault: Fault, root: Fault) -> bool:
    """Whether bias scales are off by themselves, not all alike as from a wrong input scale."""
    if fault.id != "bias_scale_mismatch":
        return False
    weighted = case.weighted.get(fault.operator)
    return weighted is None or bias_ratio(weighted) is None


def _at_joins(case: _Implications) -> None:
    """Ranges of what an addition or concatenation that loses a side reads and writes."""
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


def _outliers(case: _Implications) -> None:
    """Outliers in data that a channel of far larger weights further up has made.

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


def _downstream(case: _Implications) -> None:
    """What follows further down from data fed wrongly, weights a shadow shares, still channels."""
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
    """Whether what follows a fault may stand still: not after a range that is a little off."""
    least = _CUT_BITS if root.id == "range_clipped" else BITS_APART
    return root.id not in RANGES or root.bits is None or root.bits >= least


def _reachable(nodes: Sequence[Node]) -> dict[int, frozenset[int]]:
    """Operator → the operators that what it writes leads to."""
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
