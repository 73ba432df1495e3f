"""Where a tensor's values lie: codes and reals on the grid, as a histogram and in numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from refinterp.debug.measure.ranges import CodeFigures, RealFigures
from refinterp.graph.model import STORAGE
from refinterp.report.axis import HIGH
from refinterp.report.html import Html, join, tag
from refinterp.report.words import percent

_PAST: Final = 4  # bins at either end for what lies beyond the range


def values_card(
    dtype: str,
    scale: Sequence[float],
    zero_point: Sequence[int],
    codes: CodeFigures | None,
    reals: RealFigures | None,
) -> Html | None:
    """Return the card of one tensor; None before the first sample."""
    if codes is None:
        return None
    limits = np.iinfo(STORAGE[dtype])
    ends = [(end - zero_point[0]) * scale[0] for end in (limits.min, limits.max)]
    return tag(
        "div",
        tag("h3", "Where the values lie"),
        _histogram(codes, reals, (int(limits.min), int(limits.max)), ends),
        tag("dl", *_facts(codes, reals, int(limits.min), int(limits.max), ends)),
        class_="card across values",
    )


def _histogram(
    codes: CodeFigures, reals: RealFigures | None, limits: tuple[int, int], ends: Sequence[float]
) -> Html | None:
    bins = len(codes.histogram)
    if not bins:
        return None
    below = above = 0.0
    shown: Sequence[float] = ()
    if reals is not None and any(reals.histogram):
        inside = 1 - reals.below_fraction - reals.above_fraction
        total = sum(reals.histogram) / inside if inside > 0 else 0.0
        below, above = reals.below_fraction * total, reals.above_fraction * total
        shown = _fitted(reals.histogram, bins)
    top = math.log10(1 + max([*codes.histogram, *shown, below, above, 1]))
    shapes = [tag("path", d=_steps(codes.histogram, top) + "Z", class_="area")]
    if shown:
        shapes.append(tag("path", d=_steps(shown, top), class_="outline"))
    for start, number in ((-_PAST, below), (bins, above)):
        if number:
            (y,) = _heights([number], top)
            shapes.append(
                tag("rect", x=start, y=y, width=_PAST, height=round(HIGH - y, 1), class_="cut")
            )
    plot = tag(
        "svg",
        tag("path", d=f"M{-_PAST} {HIGH}H{bins + _PAST}", class_="grid"),
        *shapes,
        viewBox=f"{-_PAST} 0 {bins + 2 * _PAST} {HIGH:g}",
        preserveAspectRatio="none",
        role="img",
        aria_label="histogram of codes and of float values on the range of the type",
    )
    keys = [tag("span", "int8" if limits[1] == 127 else "codes", class_="key codes")]
    if shown:
        keys.append(tag("span", "float", class_="key reals"))
    if below or above:
        keys.append(tag("span", "float, beyond the range", class_="key beyond"))
    zero = -ends[0] / (ends[1] - ends[0]) if ends[1] > ends[0] else -1.0
    middle = None
    if 0.06 < zero < 0.94:
        middle = tag("span", "0", class_="zero", style=f"left:{100 * zero:.2f}%")
    return join(
        (
            tag("div", *keys, tag("span", "counts, logarithmic", class_="soft"), class_="keys"),
            tag("div", plot, class_="plot"),
            tag("div", tag("span", f"{ends[0]:.4g}"), middle, tag("span", f"{ends[1]:.4g}"),
                class_="ends"),
        )
    )  # fmt: skip


def _fitted(counts: Sequence[int], bins: int) -> Sequence[float]:
    """Counts in as many bins as the codes have."""
    if len(counts) == bins:
        return counts
    spread = np.repeat(np.asarray(counts, np.float64), bins) / len(counts)
    return list(spread.reshape(bins, -1).sum(axis=1))


def _heights(counts: Sequence[float], top: float) -> list[float]:
    """Where counts reach, by their logarithm: 0 has its place, 1 can be seen."""
    share = np.log10(1 + np.asarray(counts, np.float64)) / top
    return list((HIGH * (1 - share)).round(1).tolist())


def _steps(counts: Sequence[float], top: float) -> str:
    """The outline of a histogram from its left foot to its right one."""
    parts = [f"M0 {HIGH:g}"]
    before = HIGH
    for i, here in enumerate(_heights(counts, top)):
        if here != before:
            parts.append(f"H{i}V{here:g}")
            before = here
    return "".join(parts) + f"H{len(counts)}V{HIGH:g}"


def _facts(
    codes: CodeFigures, reals: RealFigures | None, low: int, high: int, ends: Sequence[float]
) -> list[Html]:
    used = (codes.highest - codes.lowest + 1) / (high - low + 1)
    facts = [
        ("codes", f"{codes.lowest} … {codes.highest} of {low} … {high}: {percent(used) or '0 %'} "
         "of the range"),
        ("range", f"{ends[0]:.5g} … {ends[1]:.5g}"),
    ]  # fmt: skip
    if reals is not None:
        facts.append(("float values", f"{reals.lowest:.5g} … {reals.highest:.5g}"))
        beyond = f"{_share(reals.below_fraction)} below, {_share(reals.above_fraction)} above"
        facts.append(("beyond the range", beyond))
    if codes.histogram:
        facts.append(
            ("at the ends", f"{_share(codes.low_fraction)} at the smallest code, "
             f"{_share(codes.high_fraction)} at the largest")
        )  # fmt: skip
        bits = math.log2(high - low + 1)
        facts.append(("entropy of codes", f"{codes.entropy_bits:.2f} of {bits:g} bits"))
    return [join((tag("dt", name), tag("dd", value))) for name, value in facts]


def _share(fraction: float) -> str:
    return percent(fraction) or "0 %"
