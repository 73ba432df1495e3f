"""A debug report on one screen."""

from __future__ import annotations

import math
from typing import Final

from refinterp.debug.result import Cause, DebugReport, Layer, Output
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
_MOST_CAUSES: Final = 4


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
        room -= min(_MOST_CAUSES + 1, sum(1 for layer in report.layers for _ in _own(layer)))
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
    _print_causes(report, screen.width, everything=everything)
    if report.unpaired:
        names = ", ".join(f"{u.model} {u.operator} {u.op_name}" for u in report.unpaired[:4])
        more = f", and {len(report.unpaired) - 4} more" if len(report.unpaired) > 4 else ""
        print_text(f"unpaired operators: {names}{more}")


def _own(layer: Layer) -> list[Cause]:
    return [cause for cause in layer.causes if cause.implied_by is None]


def _print_causes(report: DebugReport, width: int, *, everything: bool) -> None:
    """Print why: a line for each cause that follows from no other, and what to do about the first.

    everything: all of them, whole, with their remedies and what follows from them.
    """
    causes = [(layer, cause) for layer in report.layers for cause in layer.causes]
    if everything:
        for layer, cause in causes:
            follows = "" if cause.implied_by is None else f" (follows from {cause.implied_by})"
            print_text(f"{layer.operator} {layer.op_name} {cause.id}{follows}", style="bold")
            print_text(f"   {one_line(cause.evidence)}\n   remedy: {one_line(cause.remedy)}")
        return
    own = [(layer, cause) for layer, cause in causes if cause.implied_by is None]
    for place, (layer, cause) in enumerate(own[:_MOST_CAUSES]):
        text = one_line(f"{layer.operator} {cause.id}: {_brief(cause.evidence, layer.name)}")
        print_text(_head(text, width), style="red" if place == 0 else None)
        if place == 0:
            print_text(_head(f"   remedy: {one_line(cause.remedy)}", width))
    if len(own) > _MOST_CAUSES:
        print_text(f"… and {len(own) - _MOST_CAUSES} more causes; --all shows them")


def _brief(evidence: str, name: str) -> str:
    """Evidence without the layer's own name, which may be long and stands in the table."""
    return evidence.replace(f"{name!r}: ", "").replace(f" ({name!r})", "")


def _head(text: str, width: int) -> str:
    """The start of a text that may be longer than a line."""
    if columns(text) <= width:
        return text
    kept = text[: width - 1]
    while columns(kept) > width - 1:
        kept = kept[:-1]
    return kept + "…"


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
    if columns(name) <= room:
        return name
    kept = name[-(room - 1) :] if room > 1 else ""
    while columns(kept) > room - 1:
        kept = kept[1:]
    return "…" + kept


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
    if output.divergence is not None:
        parts.append(f"KL {output.divergence:.3g}")
    if output.metric is not None:
        one = output.metric
        parts.append(f"{one.name} {one.quantized:.4g} (reference {one.reference:.4g})")
    return f"output {shorten(one_line(output.name), 24)!r}: {', '.join(parts)}"
