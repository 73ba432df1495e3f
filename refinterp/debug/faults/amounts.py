"""Whether a fault is large enough to explain another one: what is small hides nothing.

Ranges are measured on the reference's reals. With a float model those know nothing of the file's
weights and biases, so that no fault of these moves a range, unless the whole layer is another's. A
shadow computes with them, and what they do shows in the channels that they are about. Data that is
twice as large as it should be explains ranges that are exceeded twice, not those that are exceeded
by a hundred times: what is computed may grow a little more than the data, by 3 bits at most.
"""

from __future__ import annotations

from typing import Final

from refinterp.debug.faults.fault import Fault

RANGES: Final = frozenset({"range_too_wide", "range_clipped"})
_MOST_SLACK: Final = 3.0  # bits that layers may add to what they are fed
_LEAST_SLACK: Final = 1.0
_OF_WEIGHTS: Final = frozenset(
    {"wrong_quantized_dimension", "weight_scale_spread", "bias_saturated", "bias_scale_mismatch",
     "accumulator_overflow", "weights_disagree", "dead_channels"}
)  # fmt: skip
_WITHOUT_LIMIT: Final = frozenset({"wrong_quantized_dimension"})


def enough(root: Fault, fault: Fault, channels: int, *, shadowed: bool) -> bool:
    """Whether one fault can make another as large as it is.

    channels: how many output channels the root's operator has, 0 where it has none. shadowed:
    whether the reference computes with the file's weights.
    """
    if fault.id not in RANGES or fault.bits is None:
        return True
    if root.id in _OF_WEIGHTS and not (root.id == "dead_channels" and root.measured):
        return _of_weights(root, fault, channels, shadowed=shadowed)
    if root.fed and root.id in RANGES and root.id != fault.id:
        return False  # larger data does not make ranges too wide
    return root.bits is None or fault.bits <= _reach(root.bits, moved=root.id == "input_scaling")


def _of_weights(root: Fault, fault: Fault, channels: int, *, shadowed: bool) -> bool:
    """Whether a fault of weights or biases can make a range as wrong as it is."""
    assert fault.bits is not None
    if root.bits is not None and fault.bits > root.bits + _LEAST_SLACK:
        return False
    most = root.channels is None or 2 * len(root.channels) > channels
    if not shadowed:  # the reals are another model's, if most of the layer is
        return root.id == "weights_disagree" and most and fault.bits <= _MOST_SLACK
    if root.id in _WITHOUT_LIMIT:
        return True
    if fault.operator != root.operator:
        return most or fault.id == "range_clipped" or fault.bits <= _MOST_SLACK
    if fault.id == "range_clipped" and fault.channels and root.channels is not None:
        return fault.channels <= root.channels
    return most or fault.bits <= _MOST_SLACK


def _reach(bits: float, *, moved: bool) -> float:
    """How many bits a result may be off by when what it is computed from is off by `bits`.

    moved: data with another offset may add up, however little it is.
    """
    return bits + (_MOST_SLACK if moved else min(_MOST_SLACK, _LEAST_SLACK + bits))
