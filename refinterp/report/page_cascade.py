"""A cascade as one page: accuracy and cost along the threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final

from refinterp.cost.cascade import CascadePoint
from refinterp.cost.quantity import Quantity
from refinterp.report.cascade_answer import (
    CascadeReport,
    cascade_answer,
    rule,
    some_points,
)
from refinterp.report.charts import AxisPlace, Series, stacked
from refinterp.report.cost_fields import heading
from refinterp.report.html import Html, tag
from refinterp.report.page import answer, definitions, label, page, prose, section
from refinterp.report.page_table import Cell, Heading, Row, table
from refinterp.report.words import count, percent, plural

_COLUMNS: Final = 60  # of the chart
_WORDS: Final = [
    ("margin", "The small model's largest score minus its second."),
    ("top", "The small model's largest probability."),
    ("entropy", "1 minus the entropy of the small model's probabilities over its largest value."),
    ("threshold", "The small model decides where its confidence is at least this; every other "
     "sample goes to the big model as well."),
    ("estimate", "Nobody measured it on the device that is meant."),
]  # fmt: skip


def cascade_page(report: CascadeReport, data: Mapping[str, Any]) -> str:
    """Return the page. data: the same as the command's document."""
    small, big = (PurePath(name).name for name in report.names)
    return page(
        f"{small}, then {big}",
        tag(
            "header",
            tag("h1", label(small), " then ", label(big)),
            tag("p", f"On {plural(report.decided.samples, 'labelled sample')}.", class_="said"),
            answer(cascade_answer(report)),
            *(prose(note, "note") for note in report.notes),
        ),
        _chart(report),
        _thresholds(report),
        section("", definitions(_WORDS)),
        data=data,
    )


def _chart(report: CascadeReport) -> Html:
    points = some_points(report.points, _COLUMNS)
    chosen = report.chosen
    if chosen is not None and chosen not in points:
        points = sorted([*points, chosen], key=lambda point: point.to_big)
    samples = report.decided.samples
    columns = [
        AxisPlace(percent(report.share(p)).removesuffix(" %") or "0", _anchor(p), p == chosen)
        for p in points
    ]
    accuracy = Series(
        "accuracy, %",
        "line",
        [100 * p.correct / samples for p in points],
        [f"{report.kind} {rule(report, p)}: {percent(p.correct / samples) or '0 %'}"
         for p in points],
        level=(100 * float(report.decided.big.mean()), "big alone"),
    )  # fmt: skip
    series = [accuracy]
    for title, costs in (("mean time", report.times), ("mean energy", report.energies)):
        means = [mean for p in points if (mean := report.mean(costs, p)) is not None]
        if means:
            series.append(_cost(title, means))
    if len(series) == 1:
        values = [report.mean_macs(p) for p in points]
        says = [f"{count(round(value))} MACs" for value in values]
        level = (float(report.macs[1]), "big alone")
        series.append(Series("mean MACs", "line", values, says, level=level))
    return section(
        "By share of the samples that go to the big model",
        stacked(columns, series, "%"),
        note="Left: the small model decides everything; right: the big one does. Marked: the "
        "threshold that is recommended.",
    )


def _cost(title: str, means: Sequence[Quantity]) -> Series:
    word = "measured" if all(mean.basis == "measured" for mean in means) else "estimate"
    unit = means[0].unit
    return Series(
        f"{title}, {unit} ({word})",
        "line",
        [mean.value for mean in means],
        [str(mean) for mean in means],
    )


def _anchor(point: CascadePoint) -> str:
    return f"to-big-{point.to_big}"


def _thresholds(report: CascadeReport) -> Html:
    headings = [
        Heading(report.kind, hint="the threshold"),
        Heading("to the big %"),
        Heading("accuracy %", down=True),
        Heading("mean MACs"),
    ]
    costs = [
        (word, pair)
        for word, pair in (("mean time", report.times), ("mean energy", report.energies))
        if None not in pair
    ]
    headings += [Heading(heading(word, pair)) for word, pair in costs]
    samples = report.decided.samples
    chosen = report.chosen
    rows = []
    for point in report.points:
        macs = report.mean_macs(point)
        cells = [
            Cell(tag("span", rule(report, point), id=_anchor(point)), point.threshold),
            Cell(percent(report.share(point)) or "0 %", report.share(point)),
            Cell(percent(point.correct / samples) or "0 %", point.correct / samples),
            Cell(count(round(macs)), macs),
        ]
        for _, pair in costs:
            mean = report.mean(pair, point)
            if mean is not None:
                cells.append(Cell(mean.spoken, mean.value))
        rows.append(Row(tuple(cells), style="suspect" if point == chosen else ""))
    return section(
        "Thresholds", table("thresholds", headings, rows), note="Every one that differs."
    )
