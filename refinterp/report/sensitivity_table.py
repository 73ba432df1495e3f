"""A sensitivity study on one screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from refinterp.debug.study.better_ranges import TensorRanges
from refinterp.debug.study.recipe import denylisted_nodes
from refinterp.debug.study.report import LayerEffect, Search, SensitivityReport
from refinterp.debug.study.trials import Effect
from refinterp.report.sensitivity_answer import gain, sensitivity_answer, worth
from refinterp.report.terminal import Column, print_answer, print_table, print_text
from refinterp.report.words import decibels, one_line, percent

_ROWS: Final = 10
_RANGES: Final = 5
_STEPS: Final = 8  # of the search
_NAMES: Final = 12  # of denylisted_nodes


def print_sensitivity(
    report: SensitivityReport, ranges: Sequence[TensorRanges], *, everything: bool = False
) -> None:
    """Print what it comes to, what each layer gains, the set that was found, and better ranges.

    everything: all layers and ranges, not only the first.
    """
    print_answer(sensitivity_answer(report, ranges))
    against = "the float model" if report.reference == "float model" else "its float shadow"
    print_text(f"\n{report.samples} sample(s), flavour {report.flavour}, against {against}")
    rows = report.layers if everything else report.layers[:_ROWS]
    print_table(
        [
            Column("op", "right"),
            Column("operator", whole=True),
            Column("layer", cut=True),
            Column(f"in {report.precision}", "right"),
            Column("gain", "right"),
            Column("alone", "right"),
        ],
        [_row(layer, report.base) for layer in rows],
    )
    if len(rows) < len(report.layers):
        print_text(f"… and {len(report.layers) - len(rows)} more; --all shows them")
    print_text(
        f"Legend: SQNR of the worst output in dB. in {report.precision}: this layer, the rest "
        "integer; gain: against the model as it is. alone: this layer integer, the rest float.",
        hang=0,
    )
    for layer in report.layers:
        if layer.unsupported:
            print_text(f"{layer.operator} {one_line(layer.op_name)}: {one_line(layer.unsupported)}")
    if report.search is not None:
        _print_search(report, report.search, everything=everything)
    _print_ranges(ranges if everything else worth(report, ranges), everything=everything)


def _row(layer: LayerEffect, base: Effect) -> tuple[str, ...]:
    kept, alone = layer.kept, layer.alone
    gained = gain(layer, base)
    shown = "-" if gained is None else decibels(gained)
    return (
        str(layer.operator),
        one_line(layer.op_name),
        one_line(layer.name),
        "-" if kept is None else decibels(kept.sqnr_db),
        shown if shown.startswith("-") else f"+{shown}",
        "-" if alone is None else decibels(alone.sqnr_db),
    )


def _print_search(report: SensitivityReport, search: Search, *, everything: bool) -> None:
    print_text()
    shown = search.steps if everything else search.steps[:_STEPS]
    for number, step in enumerate(shown, 1):
        layer = report.layer(step.operator)
        reached = decibels(step.simulated.sqnr_db), decibels(step.deployed.sqnr_db)
        print_text(
            f"  {number}. + {layer.operator} {one_line(layer.op_name)}: {reached[0]} dB with its "
            f"output not quantized, {reached[1]} dB with the layers that read it"
        )
    if len(shown) < len(search.steps):
        print_text(f"  … and {len(search.steps) - len(shown)} more; --all shows them")
    if not search.operators:
        return
    print_text(f"  kept in the end: {', '.join(map(str, search.operators))}")
    if search.carried:
        print_text(f"  and what moves values: {', '.join(map(str, search.carried))}")
    _print_names([one_line(name) for name in denylisted_nodes(report.recipe)], everything)


def _print_names(names: Sequence[str], everything: bool) -> None:
    """Print names as Python reads them, each whole on its line: they are copied and pasted."""
    if not everything and len(names) > _NAMES:
        print_text(f"denylisted_nodes: {len(names)} names; --all shows them, --json holds them")
        return
    print_text("denylisted_nodes=[")
    for name in names:
        print_text(f"    {name!r},", whole=True)
    print_text("]")


def _print_ranges(ranges: Sequence[TensorRanges], *, everything: bool) -> None:
    if not ranges:
        return
    print_text(
        "\nBetter ranges of activations: SQNR of the float run's values on the grid, in dB, of the "
        "model's range and of the best one; zero: its zero point; clips: values beyond it",
        hang=0,
    )
    shown = ranges if everything else ranges[:_RANGES]
    print_table(
        [
            Column("op", "right"),
            Column("layer", cut=True),
            Column("model", "right"),
            Column("best", "right"),
            Column("range", fold=True),
            Column("scale", "right"),
            Column("zero", "right"),
            Column("clips", "right"),
        ],
        [_range_row(one) for one in shown],
    )
    if len(shown) < len(ranges):
        print_text(f"… and {len(ranges) - len(shown)} more; --all shows them")


def _range_row(one: TensorRanges) -> tuple[str, ...]:
    best = one.others[0]
    return (
        str(one.operator),
        one_line(one.name),
        decibels(one.own.sqnr_db),
        decibels(best.sqnr_db),
        best.method,
        f"{best.scale:.4g}",
        str(best.zero_point),
        percent(best.clipped),
    )
