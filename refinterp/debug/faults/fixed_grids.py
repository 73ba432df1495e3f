"""Results whose grid an operator's definition fixes, and that are too small for it.

The int8 codes of a SOFTMAX stand for multiples of 1/256, whatever it computes. Of a thousand
classes with like scores each has a probability of 0.001: all codes are those of 0. No range and no
weights change that, so what the exact result comes to when it is rounded to the grid is the most
that any quantized model can give. It is measured here, and told where it is worth 2 bits or less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from refinterp.debug.faults.fault import Fault
from refinterp.debug.faults.range_graph import RangeGraph
from refinterp.debug.faults.tensor_ranges import FEW

WORTH_DB: Final = 12.0  # 2 bits
_ADVICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "SOFTMAX": "take the scores from before the SOFTMAX (they are in the same order, and so is "
        "the top k; it can be taken of them in float), give it an int16 result (steps of 1/32768), "
        "or have fewer classes",
        "LOGISTIC": "take the values from before the LOGISTIC (they are in the same order; it can "
        "be taken of them in float), or give it an int16 result (steps of 1/32768)",
        "LOG_SOFTMAX": "take the scores from before the LOG_SOFTMAX, and take it of them in float",
        "TANH": "keep it in float or give it an int16 result (steps of 1/32768), or make what it "
        "reads larger in training",
        "L2_NORMALIZATION": "normalize in float what it reads, or have fewer elements",
    }
)


@dataclass(frozen=True, slots=True)
class Bound:
    """What the exact values of one tensor come to when they are rounded to its grid.

    sqnr_db: of the rounded values. reached_db: what the quantized model has there, so far.
    """

    sqnr_db: float
    reached_db: float


def fixed_grids(graph: RangeGraph, bounds: Mapping[int, Bound]) -> Iterator[Fault]:
    """Operators whose exact result is worth next to nothing on the grid that they have to write."""
    for tensor, bound in bounds.items():
        step = graph.writer.get(tensor)
        observed = graph.ranges.get(tensor)
        if step is None or observed is None or not graph.as_defined(tensor):
            continue
        if not bound.sqnr_db <= WORTH_DB or observed.elements < FEW:
            continue
        largest = max(abs(observed.reals.lowest), abs(observed.reals.highest))
        beyond = observed.reals.below_fraction + observed.reals.above_fraction
        lost = observed.zero_fraction
        small = f"the largest of the exact values is {largest:.3g}"
        if beyond > (lost or 0.0):
            small = f"{beyond:.1%} of the exact values lie beyond its ends"
        elif lost is not None:
            small = f"{lost:.1%} of the exact values lie below half a step, and {small}"
        yield Fault(
            "fixed_output_scale",
            "warning",
            step.operator,
            tensor,
            f"{step.name} writes {observed.spec.name!r} in steps of 1/{1 / observed.spec.step:g} "
            f"({observed.spec.step:.3g}), as it is defined; {small}: rounded to this grid they "
            f"have an SQNR of {round(bound.sqnr_db, 2) + 0.0:.2f} dB, and no quantized model can "
            "do better",
            measured=True,
            advice=_ADVICE.get(step.name, "keep this operator in float"),
        )


def nothing_to_gain(bound: Bound) -> bool:
    """Whether the quantized model is as good there as its grid allows, to within 1 dB."""
    return bound.sqnr_db <= WORTH_DB and bound.reached_db >= bound.sqnr_db - 1.0
