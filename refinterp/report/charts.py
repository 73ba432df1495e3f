"""Small charts as HTML around SVG that stretches: sharp, and readable at any width.

The picture of a plot is stretched to the room there is, its strokes are not; what is written beside
it is HTML, placed in percent. Colours are the page's style sheet's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from refinterp.report.html import Html, join, tag

_HIGH: Final = 100.0  # of every plot, in its own units
_COLUMN: Final = 7  # CSS pixels a column has at least
_DWARFS: Final = 12.0  # times the middle value: beyond that an axis by factors shows more
_LABEL: Final = 24  # CSS pixels between two labels at least


@dataclass(frozen=True, slots=True)
class Column:
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


def stacked(columns: Sequence[Column], series: Sequence[Series], axis: str) -> Html:
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


def _panel(columns: Sequence[Column], series: Series) -> Html:
    known = [*series.values, series.level and series.level[0]]
    axis = axis_of([v for v in known if v is not None and math.isfinite(v)])
    marks, y = axis.marks, axis.y
    count = max(1, len(columns))
    shapes: list[Html] = [
        tag("path", d=f"M0 {y(mark):.2f}H{count}", class_="grid") for mark in marks
    ]
    draw = _bars if series.kind == "bars" else _line
    shapes += draw(columns, series, axis.base, [_place(v, y) for v in series.values])
    if series.level:
        shapes.append(tag("path", d=f"M0 {y(series.level[0]):.2f}H{count}", class_="level"))
    shapes += [
        tag("a", tag("rect", tag("title", says), x=i, y=0, width=1, height=_HIGH, class_="hit"),
            href=f"#{column.link}", tabindex="-1")
        for i, (column, says) in enumerate(zip(columns, series.says, strict=True))
    ]  # fmt: skip
    plot = tag(
        "svg", *shapes, viewBox=f"0 0 {count} {_HIGH:g}", preserveAspectRatio="none",
        role="img", aria_label=f"{series.title}, by layer",
    )  # fmt: skip
    scale = [tag("span", short(mark), style=f"top:{y(mark):.2f}%") for mark in marks]
    called = None
    if series.level:
        called = tag(
            "span", series.level[1], class_="called", style=f"top:{y(series.level[0]):.2f}%"
        )
    return join(
        (
            tag("div", f"{series.title}{axis.note}", class_="panel-title"),
            tag("div", tag("div", *scale, class_="axis"), tag("div", plot, called, class_="plot"),
                class_="panel"),
        )
    )  # fmt: skip


def _place(value: float | None, y: Callable[[float], float]) -> float | None:
    """Where a value lies, infinities at the edge; nan is nowhere."""
    return None if value is None or math.isnan(value) else y(value)


def _bars(
    columns: Sequence[Column], series: Series, zero: float, places: Sequence[float | None]
) -> Iterable[Html]:
    for i, (column, place) in enumerate(zip(columns, places, strict=True)):
        if place is None:
            if series.values[i] is not None:
                yield tag("rect", x=i, y=0, width=1, height=_HIGH, class_="nowhere")
            continue
        top, bottom = min(place, zero), max(place, zero)
        yield tag(
            "rect", x=f"{i + 0.14:.2f}", y=f"{top:.2f}", width="0.72",
            height=f"{max(bottom - top, 0.6):.2f}", class_="bar marked" if column.marked else "bar",
        )  # fmt: skip


def _line(
    columns: Sequence[Column], series: Series, zero: float, places: Sequence[float | None]
) -> Iterable[Html]:
    """A line through neighbours, broken where there is no value, and a dot for each."""
    path: list[str] = []
    dots: list[str] = []
    marked: list[str] = []
    before: float | None = None
    for i, (column, place) in enumerate(zip(columns, places, strict=True)):
        if place is None:
            if series.values[i] is not None:
                yield tag("rect", x=i, y=0, width=1, height=_HIGH, class_="nowhere")
        else:
            path.append(f"{'M' if before is None else 'L'}{i + 0.5} {place:.2f}")
            (marked if column.marked else dots).append(f"M{i + 0.5} {place:.2f}h0")
        before = place
    yield tag("path", d="".join(path), class_="line")
    yield tag("path", d="".join(dots), class_="dots")
    yield tag("path", d="".join(marked), class_="dots marked")


@dataclass(frozen=True, slots=True)
class Axis:
    """Where values lie in a plot. marks: values to name; logarithmic: steps are factors of ten."""

    marks: Sequence[float]
    logarithmic: bool = False

    def y(self, value: float) -> float:
        """Place a value; what lies beyond the marks is drawn at the edge."""
        low, high = self.marks[0], self.marks[-1]
        value = min(max(value, low), high)
        share = (value - low) / (high - low)
        if self.logarithmic:
            share = math.log(value / low) / math.log(high / low)
        return _HIGH * (1 - share)

    @property
    def base(self) -> float:
        """Where bars begin: at zero, or where there is none at the lowest mark."""
        return self.y(0.0)

    @property
    def note(self) -> str:
        """What a reader must know."""
        return " (logarithmic)" if self.logarithmic else ""


def axis_of(values: Sequence[float]) -> Axis:
    """Choose an axis for finite values: from zero, by factors where one would dwarf the others."""
    middle = sorted(values)[len(values) // 2] if values else 0.0
    low, high = min([0.0, *values]), max([0.0, *values])
    if low == 0.0 < middle and high > _DWARFS * middle:
        positive = [v for v in values if v > 0]
        first = math.floor(math.log10(max(min(positive), middle / 100)))
        last = math.ceil(math.log10(high) - 1e-9)
        return Axis([10.0**power for power in range(first, last + 1)], logarithmic=True)
    return Axis(_round_marks(low, high))


def _round_marks(low: float, high: float, most: int = 4) -> list[float]:
    """Round values that cover low to high, at most that many steps apart."""
    extent = high - low
    if not 0 < extent < math.inf:
        return [low, low + 1.0]
    step = 10.0 ** math.floor(math.log10(extent / most))
    step *= next(m for m in (1, 2, 2.5, 5, 10, 20) if extent / (step * m) <= most)
    first, last = math.floor(low / step), math.ceil(high / step - 1e-9)
    return [float(f"{step * i:.12g}") for i in range(first, last + 1)]


def short(value: float) -> str:
    """A number as an axis shows it."""
    return f"{value:.4g}" if abs(value) >= 0.001 or value == 0 else f"{value:.0e}"
