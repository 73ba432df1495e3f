"""What follows from what at one operator."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from refinterp.debug.faults.amounts import RANGES
from refinterp.debug.faults.fault import Fault
from refinterp.debug.faults.implied import Implied

_ALL: Final = frozenset(
    {
        *RANGES, "weight_scale_spread", "bias_saturated", "accumulator_overflow",
        "multiplier_out_of_range", "dead_channels", "input_scaling", "fixed_output_scale",
        "concat_scale_mismatch", "residual_side_lost", "zero_point_out_of_range", "bad_scale",
        "wrong_quantized_dimension", "bias_scale_mismatch", "weights_disagree",
        "weight_range_too_wide", "activation_outlier",
    }
)  # fmt: skip
EXPLAINS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
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
_BY_CHANNEL: Final = frozenset(
    {"weights_disagree", "bias_scale_mismatch", "multiplier_out_of_range", "dead_channels"}
)
"""Faults that a fault of some channels explains only where they are of no other channels."""
_OF_A_TENSOR: Final = frozenset({"bad_scale", "zero_point_out_of_range"})


def at_one_operator(case: Implied) -> None:
    """What follows from another fault of the same operator, in the order of `EXPLAINS`."""
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


def _can_explain(case: Implied, root: Fault, fault: Fault) -> bool:
    """Whether one fault may follow from another at the same operator.

    A range of what an operator reads is as what writes it left it: nothing here explains it but
    the tensor itself, and what does not fit it here follows from it, as from data fed wrongly.
    """
    if _is_read(case, fault):
        return root.tensor == fault.tensor and root.id in _OF_A_TENSOR
    id_ = "input_scaling" if _is_read(case, root) else root.id
    return fault.id in EXPLAINS.get(id_, ())


def _is_read(case: Implied, fault: Fault) -> bool:
    node = next(node for node in case.nodes if node.operator == fault.operator)
    return fault.id in RANGES and fault.tensor not in node.outputs


def _killed(case: Implied, fault: Fault) -> bool:
    """Whether all channels that a fault is about are without weights, or out of their reach."""
    weighted = case.weighted.get(fault.operator)
    if weighted is None or fault.channels is None:
        return False
    return bool(weighted.killed()[sorted(fault.channels)].all())


def _only_biases(case: Implied, fault: Fault) -> bool:
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


def _cyclic(case: Implied, root: Fault, fault: Fault) -> bool:
    """Whether a fault could explain its root as well, and is the one that goes first.

    The one of the wider set of channels goes first, but for the pairs below.
    """
    if root.id not in EXPLAINS.get(fault.id, ()) or _is_read(case, root):
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
    order = list(EXPLAINS)
    return order.index(fault.id) < order.index(root.id)
