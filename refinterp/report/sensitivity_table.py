"""A sensitivity study on one screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from refinterp.debug.better_ranges import TensorRanges
from refinterp.debug.recipe import denylisted_nodes
from refinterp.debug.sensitivity import LayerEffect, Search, SensitivityReport
from refinterp.debug.trials import Effect
from refinterp.report.terminal import console, print_text, shorten
from refinterp.report.words import decibels, fit, one_line, percent

_ROWS: Final = 10
_RANGES: Final = 5
_STEPS: Final = 8  # of the search
_NAMES: Final = 1000  # characters of names that still fit a screen
_LAYERS: Final = (4, -17, 0, 8, 6, 6)
_BETTER: Final = (4, -17, 0, 6, 6, -16, 8, 5, 6)
_LEAST_NAME: Final = 8
_LEAST_GAIN: Final = 0.1  # dB: ranges that gain less are not worth a line


def print_sensitivity(
    report: SensitivityReport, ranges: Sequence[TensorRanges], *, everything: bool = False
) -> None:
    """Print what each layer gains, the set that was found, and better ranges.

    everything: all layers and ranges, not only the first.
    """
    against = "the float model" if report.reference == "float model" else "its float shadow"
    print_text(f"{report.samples} sample(s), flavour {report.flavour}, against {against}\n")
    if report.interrupted:
        print_text(f"Interrupted: {len(report.layers)} layer(s) were tried.\n", style="bold")
    print_text(f"as it is        {_said(report.base)}", style="bold")
    print_text(f"all in {report.precision:<8} {_said(report.all_kept)}\n")
    rows = report.layers if everything else report.layers[:_ROWS]
    headings = ("op", "operator", "layer", f"in {report.precision}", "gain", "alone")
    _print_lines(headings, [_row(layer, report.base) for layer in rows], _LAYERS)
    if len(rows) < len(report.layers):
        print_text(f"… and {len(report.layers) - len(rows)} more; --all shows them")
    print_text(
        f"SQNR of the worst output in dB. in {report.precision}: this layer, the rest integer. "
        "alone: this\nlayer integer, the rest float."
    )
    if report.search is not None:
        _print_search(report, report.search, everything=everything)
    _print_ranges(ranges, everything)


def _row(layer: LayerEffect, base: Effect) -> tuple[str, ...]:
    kept, alone = layer.kept, layer.alone
    gain = "-" if kept is None else decibels(kept.sqnr_db - base.sqnr_db)
    return (
        str(layer.operator),
        one_line(layer.op_name),
        one_line(layer.name),
        "-" if kept is None else decibels(kept.sqnr_db),
        gain if gain.startswith("-") else f"+{gain}",
        "-" if alone is None else decibels(alone.sqnr_db),
    )


def _print_search(report: SensitivityReport, search: Search, *, everything: bool) -> None:
    print_text()
    unit = " dB" if report.target == "sqnr" else ""
    if not search.reached:
        print_text(
            f"{search.wanted:g}{unit} is not reached; the best that was found keeps "
            f"{len(search.operators)} layer(s): {_said(search.deployed)}",
            style="bold red",
        )
    else:
        proof = "; no smaller set does" if search.smallest and search.operators else ""
        print_text(
            f"{search.wanted:g}{unit} with {len(search.operators)} layer(s) in "
            f"{report.precision}{proof}: {_said(search.deployed)}",
            style="bold",
        )
    shown = search.steps if everything else search.steps[:_STEPS]
    for number, step in enumerate(shown, 1):
        layer = report.layer(step.operator)
        reached = decibels(step.simulated.sqnr_db), decibels(step.deployed.sqnr_db)
        print_text(
            f"  {number}. + {layer.operator} {layer.op_name}: {reached[0]} dB with its output not "
            f"quantized, {reached[1]} dB with the layers that read it"
        )
    if len(shown) < len(search.steps):
        print_text(f"  … and {len(search.steps) - len(shown)} more; --all shows them")
    if search.operators:
        print_text(f"  kept in the end: {', '.join(map(str, search.operators))}")
        if search.carried:
            print_text(f"  and what moves values: {', '.join(map(str, search.carried))}")
        names = [one_line(name) for name in denylisted_nodes(report.recipe)]
        if everything or sum(map(len, names)) <= _NAMES:
            print_text(f"denylisted_nodes={names}")
        else:
            print_text(f"denylisted_nodes: {len(names)} names; --all shows them, --json holds them")


def _print_ranges(ranges: Sequence[TensorRanges], everything: bool) -> None:
    worth = [one for one in ranges if everything or one.gain_db >= _LEAST_GAIN]
    if not worth:
        return
    print_text("\nBetter ranges of activations: SQNR of the float run's values on the grid, in dB")
    headings = ("op", "operator", "layer", "model", "best", "range", "scale", "zero", "clips")
    shown = worth if everything else worth[:_RANGES]
    _print_lines(headings, [_range_row(one) for one in shown], _BETTER)


def _print_lines(
    headings: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]
) -> None:
    """Print columns of fixed width, negative ones to the left; that of width 0 takes the rest."""
    used = sum(map(abs, widths)) + len(widths) - 1
    room = max(_LEAST_NAME, console().width - used)
    for number, row in enumerate((headings, *rows)):
        cells = []
        for cell, width in zip(row, widths, strict=True):
            text = fit(shorten(cell, room), room) if width == 0 else cell
            text = fit(text, -width) if width < 0 else text.rjust(width)
            cells.append(text)
        print_text(" ".join(cells).rstrip(), style=None if number else "bold")


def _range_row(one: TensorRanges) -> tuple[str, ...]:
    best = one.others[0]
    return (
        str(one.operator),
        one_line(one.op_name),
        one_line(one.name),
        decibels(one.own.sqnr_db),
        decibels(best.sqnr_db),
        best.method,
        f"{best.scale:.4g}",
        str(best.zero_point),
        percent(best.clipped),
    )


def _said(effect: Effect) -> str:
    parts = [f"SQNR {decibels(effect.sqnr_db)} dB"]
    if effect.top1_agreement is not None:
        parts.append(f"top-1 agreement {100 * effect.top1_agreement:.1f} %")
    if effect.metric is not None:
        found = effect.metric
        parts.append(f"{found.name} {found.quantized:.4g} (float {found.reference:.4g})")
    return ", ".join(parts)
