"""Small charts as HTML around SVG that stretches: sharp, and readable at any width.

The picture of a plot is stretched to the room there is, its strokes are not; what is written beside
it is HTML, placed in percent. Colours are the page's style sheet's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from refinterp.report.axis import HIGH, Axis, axis_of, short
from refinterp.report.html import Html, join, tag

_COLUMN: Final = 7  # CSS pixels a column has at least
_LABEL: Final = 24  # CSS pixels between two labels at least


@dataclass(frozen=True, slots=True)
class AxisPlace:
    """One place along the axis: its label, where a click leads, whether it stands out."""

    label: str
    link: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """Values by column, None where there is none. says: what hovering shows, by column.

    level: a value to draw a line at, and what it is called.
    """

    title: str
    kind: Literal["bars", "line"]
    values: Sequence[float | None]
    says: Sequence[str]
    level: tuple[float, str] | None = None


def stacked(columns: Sequence[AxisPlace], series: Sequence[Series], axis: str) -> Html:
    """Plots above each other over the same columns. axis: what the columns are."""
    count = max(1, len(columns))
    every = max(1, math.ceil(_LABEL * count / max(300, _COLUMN * count)))
    labels = [
        tag("span", column.label, style=f"left:{100 * (i + 0.5) / count:.3f}%")
        for i, column in enumerate(columns)
        if i % every == 0
    ]
    return tag(
        "div",
        tag(
            "div",
            *(_panel(columns, one) for one in series),
            tag("div", tag("div", axis, class_="axis"), tag("div", *labels, class_="places"),
                class_="panel"),
            class_="panels",
            style=f"min-width:{_COLUMN * count + 60}px",
        ),
        class_="scroll",
        tabindex="0",
    )  # fmt: skip


def _panel(columns: Sequence[AxisPlace], series: Series) -> Html:
    known = [*series.values, series.level and series.level[0]]
    axis = axis_of([v for v in known if v is not None and math.isfinite(v)])
    y = axis.y
    count = max(1, len(columns))
    draw = _bars if series.kind == "bars" else _line
    shapes = list(draw(columns, series, axis.base, [_place(v, y) for v in series.values]))
    hits = [
        tag("a", tag("rect", tag("title", says), x=i, y=0, width=1, height=HIGH, class_="hit"),
            href=f"#{column.link}", tabindex="-1")
        for i, (column, says) in enumerate(zip(columns, series.says, strict=True))
    ]  # fmt: skip
    levels = [series.level] if series.level else []
    return frame(f"{series.title}, by layer", series.title, axis, count, shapes, levels, hits)


def frame(
    spoken: str,
    title: object,
    axis: Axis,
    count: int,
    shapes: Iterable[Html],
    levels: Iterable[tuple[float, str]] = (),
    above: Iterable[Html] = (),
) -> Html:
    """A plot with its axis: `count` units wide, `HIGH` high.

    spoken: what the picture is called where it is not seen. levels: values to draw a line at, and
    what they are called. above: what lies over everything.
    """
    levels = list(levels)
    lines = [tag("path", d=f"M0 {axis.y(v):.2f}H{count}", class_="level") for v, _ in levels]
    grid = [tag("path", d=f"M0 {axis.y(mark):.2f}H{count}", class_="grid") for mark in axis.marks]
    plot = tag(
        "svg", *grid, *shapes, *lines, *above, viewBox=f"0 0 {count} {HIGH:g}",
        preserveAspectRatio="none", role="img", aria_label=spoken,
    )  # fmt: skip
    scale = [tag("span", short(mark), style=f"top:{axis.y(mark):.2f}%") for mark in axis.marks]
    called = [
        tag("span", name, class_="called", style=f"top:{axis.y(value):.2f}%")
        for value, name in levels
        if name
    ]
    return join(
        (
            tag("div", title, axis.note, class_="panel-title"),
            tag("div", tag("div", *scale, class_="axis"), tag("div", plot, *called, class_="plot"),
                class_="panel"),
        )
    )  # fmt: skip


def _place(value: float | None, y: Callable[[float], float]) -> float | None:
    """Where a value lies, infinities at the edge; nan is nowhere."""
    return None if value is None or math.isnan(value) else y(value)


def _bars(
    columns: Sequence[AxisPlace], series: Series, zero: float, places: Sequence[float | None]
) -> Iterable[Html]:
    for i, (column, place) in enumerate(zip(columns, places, strict=True)):
        if place is None:
            if series.values[i] is not None:
                yield tag("rect", x=i, y=0, width=1, height=HIGH, class_="nowhere")
            continue
        top, bottom = min(place, zero), max(place, zero)
        yield tag(
            "rect", x=f"{i + 0.14:.2f}", y=f"{top:.2f}", width="0.72",
            height=f"{max(bottom - top, 0.6):.2f}", class_="bar marked" if column.marked else "bar",
        )  # fmt: skip


def _line(
    columns: Sequence[AxisPlace], series: Series, zero: float, places: Sequence[float | None]
) -> Iterable[Html]:
    """A line through neighbours, broken where there is no value, and a dot for each."""
    path: list[str] = []
    dots: list[str] = []
    marked: list[str] = []
    before: float | None = None
    for i, (column, place) in enumerate(zip(columns, places, strict=True)):
        if place is None:
            if series.values[i] is not None:
                yield tag("rect", x=i, y=0, width=1, height=HIGH, class_="nowhere")
        else:
            path.append(f"{'M' if before is None else 'L'}{i + 0.5} {place:.2f}")
            (marked if column.marked else dots).append(f"M{i + 0.5} {place:.2f}h0")
        before = place
    yield tag("path", d="".join(path), class_="line")
    yield tag("path", d="".join(dots), class_="dots")
    yield tag("path", d="".join(marked), class_="dots marked")
