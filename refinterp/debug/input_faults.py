"""Data fed otherwise than a model expects, and input ranges that do not fit it.

An input whose own grid is wrong is quantized badly, but the float run knows nothing of it; data
that is fed wrongly moves all that the float run computes from it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from refinterp.debug.fault import Fault
from refinterp.debug.seen import (
    CLIPPED_STEPS,
    FEWEST,
    Seen,
    SeenGraph,
    clipped_text,
    enough_seen,
    wide_text,
)

_BEYOND: Final = 1.5  # times the range: data, not calibration, is off where the rest agrees
_FAR: Final = 64.0  # times the range, which no calibration is off by
_MOST: Final = 0.5  # of the ranges downstream
_COLLAPSED: Final = 0.25  # of a channel's reach that its values vary over, the rest being offset
_CONSTANT: Final = 0.1  # the same, where hardly anything but the offset is left
_GROSS_BITS: Final = 4.0  # unused bits of an input that no calibration leaves: a factor of 16
_NEGATIVE: Final = 0.05  # share of data below an input range that starts at 0


def input_faults(graph: SeenGraph, *, right_data: bool) -> Iterator[Fault]:
    """Faults of the model's inputs, each at the operators that read it.

    right_data: whether labels have shown that the data is what the reference expects.
    """
    for tensor in graph.input_tensors():
        seen = graph.seen[tensor]
        verdict = _input(seen, graph.computing_readers(tensor), graph.exceeded(tensor), right_data)
        if verdict is None:
            continue
        id_, text = verdict
        writer = graph.writer.get(tensor)
        places = [writer] if writer is not None else graph.readers.get(tensor, [])
        for step in places:
            yield Fault(id_, "error", step.operator, tensor, f"input {seen}; {text}", measured=True)


def _input(
    seen: Seen, readers: Sequence[Seen], exceeded: float, right_data: bool
) -> tuple[str, str] | None:
    """What is wrong with an input, and how it shows.

    An input whose own grid is wrong is quantized badly, but the float run knows nothing of it;
    data that is fed wrongly moves all that the float run computes from it. exceeded: the share of
    the ranges downstream that the float run exceeds.
    """
    unused = seen.unused_bits
    later = float(np.median([r.unused_bits for r in readers])) if readers else 0.0
    low, high = seen.ends
    figures = seen.reals
    clipped = seen.excess >= CLIPPED_STEPS
    cut = figures.below_fraction + figures.above_fraction
    if clipped and not right_data:
        if seen.spec.zero == low and figures.below_fraction >= _NEGATIVE:
            return (
                "input_scaling",
                f"{figures.below_fraction:.1%} of the data is negative, which this range has no "
                "code for",
            )
        span = seen.place(figures.highest) - seen.place(figures.lowest)
        if span <= seen.levels * 1.05:
            off = max(low - seen.place(figures.lowest), seen.place(figures.highest) - high)
            return (
                "input_scaling",
                f"the data would fit, but lies {off:.0f} steps beside the range ({cut:.1%} of it "
                "is cut): the zero point is another's",
            )
        moved = seen.beyond >= _BEYOND and exceeded >= _MOST
        if moved or seen.beyond >= _FAR:
            return (
                "input_scaling",
                f"the data goes {seen.beyond:.3g} times as far as the range ({cut:.1%} of it is "
                "cut)"
                + f", and {exceeded:.0%} of the ranges of what is computed from it are exceeded"
                * moved,
            )
    if clipped:
        return "range_clipped", clipped_text(seen)
    if enough_seen(seen.elements, unused):
        conventional = _conventional(seen)
        variation = min((r.variation for r in readers), default=1.0)
        strange = later >= 1.0 or any(r.excess >= CLIPPED_STEPS for r in readers)
        gross = unused >= _GROSS_BITS
        moved = (
            exceeded >= _MOST
            or (strange and (conventional or gross or variation < _COLLAPSED))
            or (gross and variation < _CONSTANT)
        )
        if moved and not right_data:
            return (
                "input_scaling",
                f"the data takes 1/{2**unused:.3g} of the range ({unused:.1f} of "
                f"{math.log2(seen.levels + 1):.0f} bits unused), and what is computed from it does "
                f"not fit its ranges either: {max(later, 0.0):.1f} bits of them are unused"
                + (f"; {exceeded:.0%} of all ranges are exceeded" if exceeded else ""),
            )
        return "range_too_wide", wide_text(seen, unused)
    if _half_used(seen) and not right_data:
        return (
            "input_scaling",
            "the range is -1..1, but the data never goes below 0: it looks scaled to 0..1",
        )
    return None


def _conventional(seen: Seen) -> bool:
    """Whether range and data are two of the usual scalings: 0..255 and 0..1 or -1..1, and so on."""
    top = (seen.ends[1] - seen.spec.zero) * seen.spec.step
    largest = max(abs(seen.reals.lowest), abs(seen.reals.highest))
    usual = (1.0, 127.5, 255.0)
    return any(abs(top / one - 1) < 0.02 for one in usual) and any(
        0.5 < largest / one <= 1.02 for one in usual
    )


def _half_used(seen: Seen) -> bool:
    low, high = seen.ends
    scale = seen.spec.step * seen.levels / 2
    centred = abs(seen.spec.zero - (low + high) / 2) <= 1
    data = seen.reals
    return (
        seen.levels == 255
        and centred
        and abs(scale - 1) < 0.02
        and data.lowest >= 0
        and 0.5 < data.highest <= 1.0 + seen.spec.step
        and seen.elements >= FEWEST
    )
