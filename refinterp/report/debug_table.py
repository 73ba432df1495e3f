"""A debug report on one screen."""

from __future__ import annotations

import math
from typing import Final

from refinterp.debug.result import DebugReport, Layer, Output
from refinterp.report.terminal import console, print_text, shorten
from refinterp.report.words import columns, fit, one_line

_BAR: Final = 8
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_NAME: Final = 0
_WIDTHS: Final = (4, -17, _NAME, 10, -_BAR, 6, 6, 7)
"""Columns of the cells: right-aligned, where negative left-aligned; _NAME takes the rest."""
_HEADINGS: Final = ("op", "operator", "layer", "RMSE/scale", "", "SQNR", "so far", "clipped")
_FIXED: Final = sum(map(abs, _WIDTHS)) + len(_WIDTHS) - 1
_LEAST_NAME: Final = 8
_OTHER_LINES: Final = 12  # heading, outputs and what is said below the table
_FEWEST_ROWS: Final = 8


def print_debug(report: DebugReport, *, everything: bool = False) -> None:
    """Print the ranking, worst layer first and marked, and what it comes to at the outputs.

    everything: all layers, not only as many of the worst as fit a screen.
    """
    screen = console()
    against = "the float model" if report.reference == "float model" else "its float shadow"
    count = f"{report.samples}"
    if report.interrupted:
        count = f"Interrupted: {report.samples} of {report.asked}"
    print_text(f"{count} sample(s), flavour {report.flavour}, against {against}\n")
    rows = len(report.layers)
    if not everything:
        room = screen.height - _OTHER_LINES - len(report.outputs) - bool(report.unpaired)
        rows = min(rows, max(_FEWEST_ROWS, room))
    largest = max((_size(layer) for layer in report.layers), default=0.0)
    room = max(_LEAST_NAME, screen.width - _FIXED)
    print_text(_line(_HEADINGS, room), style="bold")
    for place, layer in enumerate(report.layers[:rows]):
        cells = _cells(layer, largest, worst=place == 0)
        print_text(_line(cells, room), style="bold red" if place == 0 else None)
    if rows < len(report.layers):
        print_text(f"… and {len(report.layers) - rows} more, better; --all shows them")
    print_text(
        "RMSE/scale (rounding alone: 0.29), SQNR in dB, clipped: this operator alone.\n"
        "so far: SQNR of all operators up to here."
    )
    for output in report.outputs:
        print_text(_output(output, report.samples), style="bold")
    if report.unpaired:
        names = ", ".join(f"{u.model} {u.operator} {u.op_name}" for u in report.unpaired[:4])
        more = f", and {len(report.unpaired) - 4} more" if len(report.unpaired) > 4 else ""
        print_text(f"unpaired operators: {names}{more}")


def decibels(value: float) -> str:
    """An SQNR as people read it: one decimal, ∞ without error, - where it is no number."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.1f}"


def percent(fraction: float) -> str:
    """A share in percent; what is there but rounds to nothing is not shown as nothing."""
    if math.isnan(fraction):
        return "-"
    if 0 < fraction < 0.0005:
        return "<0.1 %"
    return f"{100 * fraction:.1f} %" if fraction else ""


def _cells(layer: Layer, largest: float, *, worst: bool) -> tuple[str, ...]:
    return (
        f"▶{layer.operator}" if worst else str(layer.operator),
        layer.op_name,
        layer.name,
        f"{_size(layer):.3g}",
        _bar(_size(layer), largest),
        decibels(layer.local.sqnr_db),
        "-" if layer.accumulated is None else decibels(layer.accumulated.sqnr_db),
        percent(layer.saturated_fraction),
    )


def _line(cells: tuple[str, ...], room: int) -> str:
    """Set cells in their columns; room: what layers' names get."""
    parts = []
    for cell, width in zip(cells, _WIDTHS, strict=True):
        text = one_line(cell)
        if width == _NAME:
            parts.append(fit(_tail(text, room), room))
        else:
            parts.append(
                " " * max(0, width - columns(text)) + text if width > 0 else fit(text, -width)
            )
    return " ".join(parts).rstrip()


def _tail(name: str, room: int) -> str:
    """The end of a long name: what tells layers apart is there."""
    while columns(name) > room:
        name = "…" + name[2 if name.startswith("…") else 1 :]
    return name


def _size(layer: Layer) -> float:
    return math.nan if layer.local.rmse_over_scale is None else layer.local.rmse_over_scale


def _bar(value: float, largest: float) -> str:
    """A bar as long as the value is of the largest, to an eighth of a character."""
    if not (math.isfinite(value) and 0 < value <= largest < math.inf):
        return "" if value == 0 else "?" * (not math.isfinite(value))
    eighths = max(1, round(8 * _BAR * value / largest))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _output(output: Output, samples: int) -> str:
    figures = output.accumulated
    steps = figures.rmse_over_scale
    parts = [f"SQNR {decibels(figures.sqnr_db)} dB"]
    if steps is not None:
        parts.append(f"RMSE/scale {steps:.3g}")
    parts.append(f"largest error {figures.max_abs_error:.3g}")
    if output.top1_agreement is not None:
        agreed = round(output.top1_agreement * samples)
        parts.append(f"top-1 agreement {100 * output.top1_agreement:.1f} % ({agreed} of {samples})")
    return f"output {shorten(one_line(output.name), 24)!r}: {', '.join(parts)}"
