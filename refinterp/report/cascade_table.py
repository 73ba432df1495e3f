"""A cascade on one screen."""

from __future__ import annotations

from typing import Final

from refinterp.cost.cascade import CascadePoint
from refinterp.report.cascade_answer import (
    CascadeReport,
    cascade_answer,
    rule,
    some_points,
)
from refinterp.report.cost_fields import heading
from refinterp.report.terminal import Column, print_answer, print_table, print_text
from refinterp.report.words import count, percent

_ROWS: Final = 12


def print_cascade(report: CascadeReport, *, everything: bool = False) -> None:
    """Print what it comes to, and thresholds: all of them, or some.

    everything: every threshold that differs.
    """
    print_answer(cascade_answer(report))
    points = report.points
    chosen = report.chosen
    shown = list(points) if everything else some_points(points, _ROWS)
    if chosen is not None and chosen not in shown:
        shown = sorted([*shown, chosen], key=lambda point: point.to_big)
    has_time = None not in report.times
    has_energy = None not in report.energies
    columns = [
        Column("", whole=True),
        Column(report.kind, "right"),
        Column("to the big", "right"),
        Column("accuracy", "right"),
        Column("mean MACs", "right"),
    ]
    columns += [Column(heading("mean time", report.times), "right")] * has_time
    columns += [Column(heading("mean energy", report.energies), "right")] * has_energy
    print_table(columns, [_row(report, one, chosen == one) for one in shown])
    if len(shown) < len(points):
        print_text(f"{len(shown)} of {len(points)} thresholds that differ; --all shows every one")
    print_text(
        f"Legend: {report.kind}: the small model decides where its own is at least this; to the "
        f"big: the other samples; {_MEANS[report.kind]}",
        hang=0,
    )


_MEANS: Final = {
    "margin": "margin: the largest score minus the second.",
    "top": "top: the largest probability.",
    "entropy": "entropy: 1 minus the scores' entropy over its largest value.",
}


def _row(report: CascadeReport, point: CascadePoint, marked: bool) -> tuple[str, ...]:
    samples = report.decided.samples
    cells = [
        "->" if marked else "",
        rule(report, point),
        percent(report.share(point)) or "0 %",
        percent(point.correct / samples) or "0 %",
        count(round(report.mean_macs(point))),
    ]
    for costs in (report.times, report.energies):
        mean = report.mean(costs, point)
        if mean is not None:
            cells.append(mean.spoken)
    return tuple(cells)
