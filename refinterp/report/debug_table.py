"""A debug report on one screen."""

from __future__ import annotations

import math
from typing import Final

from refinterp.debug.compare import DebugReport, Layer, Output
from refinterp.report.terminal import Column, console, print_table, print_text, shorten
from refinterp.report.words import one_line

_BAR: Final = 8
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_FIXED: Final = 73  # columns of the table without the layers' names
_OTHER_LINES: Final = 12  # heading, outputs and what is said below the table
_FEWEST_ROWS: Final = 8


def print_debug(report: DebugReport, *, everything: bool = False) -> None:
    """Print the ranking, worst layer first and marked, and what it comes to at the outputs.

    everything: all layers, not only as many of the worst as fit a screen.
    """
    screen = console()
    against = "the float model" if report.reference == "float model" else "its float shadow"
    print_text(f"{report.samples} sample(s), flavour {report.flavour}, against {against}")
    rows = len(report.layers)
    if not everything:
        room = screen.height - _OTHER_LINES - len(report.outputs) - bool(report.unpaired)
        rows = min(rows, max(_FEWEST_ROWS, room))
    scale = max((_size(layer) for layer in report.layers), default=0.0)
    print_table(
        [
            Column("op", "right"),
            Column("operator"),
            Column("layer"),
            Column("RMSE/scale", "right"),
            Column(""),
            Column("SQNR", "right"),
            Column("so far", "right"),
            Column("clipped", "right"),
        ],
        [
            _row(layer, scale, worst=place == 0, room=max(8, screen.width - _FIXED))
            for place, layer in enumerate(report.layers[:rows])
        ],
    )
    if rows < len(report.layers):
        print_text(f"… and {len(report.layers) - rows} better layers; --all shows them")
    print_text(
        "RMSE/scale, SQNR (dB), clipped: this operator alone; 0.29 is rounding. so far: SQNR of "
        "all up to here."
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


def _row(layer: Layer, scale: float, *, worst: bool, room: int) -> list[object]:
    from rich.text import Text

    cells = (
        f"▶{layer.operator}" if worst else str(layer.operator),
        layer.op_name,
        shorten(one_line(layer.name), room),
        f"{_size(layer):.3g}",
        _bar(_size(layer), scale),
        decibels(layer.local.sqnr_db),
        "-" if layer.accumulated is None else decibels(layer.accumulated.sqnr_db),
        percent(layer.saturated_fraction),
    )
    return [Text(one_line(cell), style="bold red" if worst else "") for cell in cells]


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
