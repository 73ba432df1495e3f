"""Data fed otherwise than a model expects, and input ranges that do not fit it.

An input whose own grid is wrong is quantized badly, but the float run knows nothing of it; data
that is fed wrongly moves all that the float run computes from it.

Labels are no proof of how the data is to be scaled: a network of RELUs gives the same class for
data times 255. So nothing here asks for them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from refinterp.debug.faults.fault import Fault
from refinterp.debug.faults.range_graph import RangeGraph
from refinterp.debug.faults.tensor_ranges import (
    CLIPPED_STEPS,
    FEWEST,
    ObservedRange,
    clipped_text,
    enough_values,
    wide_text,
)

_BEYOND: Final = 1.5  # times the range: data, not calibration, is off where the rest agrees
_FAR: Final = 64.0  # times the range, which no calibration is off by
_MOST: Final = 0.5  # of the ranges downstream
_SOME: Final = 0.2  # of these
_COLLAPSED: Final = 0.25  # of a channel's reach that its values vary over, the rest being offset
_CONSTANT: Final = 0.1  # the same, where hardly anything but the offset is left
_GROSS_BITS: Final = 4.0  # unused bits of an input that no calibration leaves: a factor of 16
_WRONG_SIDE: Final = 0.05  # share of data on the side of 0 that an input range does not have
_BOTH_SIDES: Final = 0.25  # of a range that must lie below 0 to be for data on both sides
_USUAL: Final = (1.0, 127.5, 255.0)  # where data of the usual scalings ends


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What is wrong with an input. bits, advice: as in `Fault`."""

    id: str
    text: str
    bits: float
    advice: str | None = None


def input_faults(graph: RangeGraph) -> Iterator[Fault]:
    """Faults of the model's inputs, each at the operators that read it."""
    tensors = graph.input_tensors()
    still = {t for t in tensors if graph.ranges[t].span <= 0}
    for tensor in tensors:
        observed = graph.ranges[tensor]
        readers = graph.computing_readers(tensor)
        if tensor not in still:
            verdict = _input(observed, readers, graph.exceeded(tensor))
        else:  # one of several inputs may well be a constant; so may what no weights are put to
            verdict = _constant(observed) if len(still) == len(tensors) and readers else None
        if verdict is None:
            continue
        writer = graph.writer.get(tensor)
        places = [writer] if writer is not None else graph.readers.get(tensor, [])
        for step in places:
            yield Fault(
                verdict.id,
                "error",
                step.operator,
                tensor,
                f"input {observed}; {verdict.text}",
                measured=True,
                bits=verdict.bits,
                fed=True,
                advice=verdict.advice,
            )


def _input(
    observed: ObservedRange, readers: Sequence[ObservedRange], exceeded: float
) -> _Verdict | None:
    """What is wrong with an input that varies, and how it shows.

    readers: the first results computed from it. exceeded: the share of the ranges downstream that
    the float run exceeds.
    """
    if observed.excess >= CLIPPED_STEPS:
        return _clipped(observed, exceeded)  # bytes that were taken for codes are never beyond them
    other = observed.smoother
    if other is not None and (other.certain or exceeded >= _SOME):
        return _reinterpreted(observed, other.times)
    narrow = observed.narrow_bits
    beside = narrow >= _GROSS_BITS and narrow - max(observed.unused_bits, 0.0) >= 1.0
    if beside and readers and enough_values(observed.elements, narrow):
        return _offset(observed)
    unused = observed.unused_bits
    text = _one_sided(observed)
    if text is not None:
        return _Verdict("input_scaling", text, max(unused, 1.0))
    return (
        _unused(observed, readers, exceeded) if enough_values(observed.elements, unused) else None
    )


def _reinterpreted(observed: ObservedRange, times: float) -> _Verdict:
    """Pixels whose bytes were taken for codes of the other 8-bit type."""
    own, other = observed.spec.dtype, "uint8" if observed.spec.dtype == "int8" else "int8"
    change = "take 128 off" if own == "int8" else "add 128"
    return _Verdict(
        "input_scaling",
        f"neighbouring codes are {times:.1f} times as far apart as the same bytes read as {other}: "
        f"they look like {other} values taken for {own} codes byte by byte, which wrap around in "
        "the middle of the range",
        math.inf,
        f"{change} before the bytes are taken for {own} codes (or flip their highest bit), or give "
        "the data as float32 reals",
    )


def _constant(observed: ObservedRange) -> _Verdict | None:
    if observed.elements < FEWEST:
        return None
    return _Verdict(
        "input_scaling",
        f"all {observed.elements:,} values of the data are {observed.reals.lowest:.4g}: nothing "
        "that the model computes from them can be judged",
        math.inf,
        "look at how the data is read and scaled before it is fed: every value is the same",
    )


def _clipped(observed: ObservedRange, exceeded: float) -> _Verdict:
    """Data beyond the range: of another scaling or offset, or more than calibration has seen."""
    low, high = observed.ends
    figures = observed.reals
    cut = figures.below_fraction + figures.above_fraction
    below, above = low - observed.place(figures.lowest), observed.place(figures.highest) - high
    off = max(below, above, 0.0)
    # an offset adds to the range; data that varies less than it besides is of another scale, too
    moved = max(math.log2(1 + off / observed.levels), observed.narrow_bits)
    if observed.spec.zero == low and figures.below_fraction >= _WRONG_SIDE:
        return _Verdict(
            "input_scaling",
            f"{figures.below_fraction:.1%} of the data is negative, which this range has no code "
            "for",
            moved,
        )
    if observed.spec.zero == high and figures.above_fraction >= _WRONG_SIDE:
        return _Verdict(
            "input_scaling",
            f"{figures.above_fraction:.1%} of the data is positive, which this range has no code "
            "for",
            moved,
        )
    if observed.span <= observed.levels * 1.05:
        return _Verdict(
            "input_scaling",
            f"the data would fit, but lies {off:.0f} steps beside the range ({cut:.1%} of it is "
            "cut): the zero point is another's",
            moved,
        )
    bits = math.log2(observed.beyond)
    wide = observed.beyond >= _BEYOND and exceeded >= _MOST
    if wide or observed.beyond >= _FAR:
        return _Verdict(
            "input_scaling",
            f"the data goes {observed.beyond:.3g} times as far as the range ({cut:.1%} of it is "
            "cut)"
            + f", and {exceeded:.0%} of the ranges of what is computed from it are exceeded"
            * wide,
            bits,
            _otherwise(f"divided by {observed.beyond:.3g}"),
        )
    return _Verdict("range_clipped", clipped_text(observed), bits)


def _otherwise(how: str) -> str:
    return (
        f"feed the data the way the model was calibrated: by the figures, {how}; or calibrate "
        "again with the data as it is fed"
    )


def _offset(observed: ObservedRange) -> _Verdict:
    """Data that takes few codes, next to each other and far from zero."""
    codes = observed.codes
    taken = codes.highest - codes.lowest + 1
    away = min(abs(codes.lowest - observed.spec.zero), abs(codes.highest - observed.spec.zero))
    step, zero = observed.spec.step, observed.spec.zero
    examples = ", ".join(
        f"{real:g} is code {_code(observed, real)}" for real in _examples(observed)
    )
    return _Verdict(
        "input_scaling",
        f"the data takes {taken} of {observed.levels + 1} codes, {codes.lowest}..{codes.highest}, "
        f"next to each other and {away} steps from the zero point {zero}: an offset is no use of "
        f"the range, and {observed.narrow_bits:.1f} of {math.log2(observed.levels + 1):.0f} bits "
        "say nothing",
        observed.narrow_bits,
        f"give the data as float32 reals, or as codes round(real / {step:g}) + {zero} "
        f"({examples}); data that varies so little about an offset needs the offset taken off "
        "before the model, in training and calibration too",
    )


def _examples(observed: ObservedRange) -> tuple[float, float]:
    """Two reals whose codes show the formula: the ends of the range, as people know them."""
    low, high = ((end - observed.spec.zero) * observed.spec.step for end in observed.ends)
    return float(f"{low:.3g}"), float(f"{high:.3g}")


def _code(observed: ObservedRange, real: float) -> int:
    low, high = observed.ends
    return min(max(round(observed.place(real)), low), high)


def _unused(observed: ObservedRange, readers: Sequence[ObservedRange], exceeded: float) -> _Verdict:
    """Data that takes little of the range: of another scaling, or less than calibration has seen.

    What is computed from it tells: where that fits its ranges, the input's own is too wide.
    """
    unused = observed.unused_bits
    later = float(np.median([r.unused_bits for r in readers])) if readers else 0.0
    variation = min((r.variation for r in readers), default=1.0)
    strange = later >= 1.0 or any(r.excess >= CLIPPED_STEPS for r in readers)
    gross = unused >= _GROSS_BITS
    moved = (
        exceeded >= _MOST
        or (gross and _conventional(observed))  # 6 and 255 may be cut off alike further on
        or (strange and (_conventional(observed) or gross or variation < _COLLAPSED))
        or (gross and variation < _CONSTANT)
    )
    if not moved:
        return _Verdict("range_too_wide", wide_text(observed, unused), unused)
    return _Verdict(
        "input_scaling",
        f"the data takes 1/{2**unused:.3g} of the range ({unused:.1f} of "
        f"{math.log2(observed.levels + 1):.0f} bits unused)"
        + (
            ", and what is computed from it does not fit its ranges either: "
            f"{max(later, 0.0):.1f} bits of them are unused"
        )
        * strange
        + (f"; {exceeded:.0%} of all ranges are exceeded" if exceeded else ""),
        unused,
        _otherwise(f"times {2**unused:.3g}"),
    )


def _conventional(observed: ObservedRange) -> bool:
    """Whether range and data are two of the usual scalings: 0..255 and 0..1 or -1..1, and so on."""
    top = (observed.ends[1] - observed.spec.zero) * observed.spec.step
    largest = max(abs(observed.reals.lowest), abs(observed.reals.highest))
    return any(abs(top / one - 1) < 0.02 for one in _USUAL) and _usual_end(largest)


def _usual_end(largest: float) -> bool:
    """Whether data that reaches so far may be of one of the usual scalings."""
    return any(0.5 < largest / one <= 1.02 for one in _USUAL)


def _one_sided(observed: ObservedRange) -> str | None:
    """Data on one side of 0 for a range that was made for both."""
    low, high = observed.ends
    data = observed.reals
    if observed.levels != 255 or data.lowest < 0 or observed.elements < FEWEST:
        return None  # 16-bit ranges are on both sides whatever the data is
    reach = observed.spec.step * observed.levels / 2
    centred = abs(observed.spec.zero - (low + high) / 2) <= 1
    unit = 0.5 < data.highest <= 1.0 + observed.spec.step
    if centred and abs(reach - 1) < 0.02 and unit:
        return "the range is -1..1, but the data never goes below 0: it looks scaled to 0..1"
    below = (observed.spec.zero - low) / observed.levels
    scheme = centred and reach < _BEYOND * data.highest  # symmetric whatever the data is
    if not scheme and below >= _BOTH_SIDES and _usual_end(data.highest):
        return (
            "the range is for data on both sides of 0, as standardised data is, but the data never "
            f"goes below 0 and ends at {data.highest:.4g}: it looks as if its mean was not taken "
            "off and it was not divided by its deviation"
        )
    return None
