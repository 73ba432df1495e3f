"""A debug report on one screen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence, Set
from typing import Final

from refinterp.debug.measure.output_parts import OutputPart
from refinterp.debug.result import DebugReport, Layer, Output
from refinterp.report.debug_answer import (
    CauseGroup,
    cause_groups,
    debug_answer,
    evidence,
    looked_for,
    operators,
    part_name,
)
from refinterp.report.terminal import console, print_answer, print_text
from refinterp.report.words import columns, decibels, fit, one_line, percent, shorten
from refinterp.report.wrap import wrapped

_BAR: Final = 8
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_HEADINGS: Final = (
    "op", "operator", "layer", "RMSE/scale", "", "weights", "data", "SQNR", "so far", "clipped",
)  # fmt: skip
_LAYER, _BARS = 2, 4  # places of the columns that give way on a narrow screen
_OF_CODES: Final = (3, 9)  # what only outputs that are codes have
_OF_REALS: Final = (5, 6)  # what only hybrid layers have
_LEFT: Final = frozenset({1, _LAYER, _BARS})
_LEAST_NAME: Final = 12
_FEWEST_ROWS: Final = 4
_MOST_CAUSES: Final = 4
_MOST_PARTS: Final = 6
_FIRST: Final = "▶ the layer to look at first."
_CODES: Final = (
    "RMSE/scale (rounding alone: 0.29), SQNR in dB and clipped (values cut by the type's range in "
    "the quantized run): this operator alone."
)
_REALS: Final = (
    "SQNR in dB, this operator alone: weights, what storing them in fewer bits loses (~ estimated, "
    "without a float model); data, what quantizing them at run time loses (-: it computes in "
    "float); SQNR, both, or without a float model the data."
)
_SO_FAR: Final = "so far: SQNR of all operators up to here."


def legend(layers: Sequence[Layer]) -> str:
    """Say what the columns are that these layers have."""
    hybrid = [layer.weights is not None for layer in layers]
    said = [_FIRST, *([] if all(hybrid) else [_CODES]), *([_REALS] if any(hybrid) else [])]
    return f"Legend: {' '.join([*said, _SO_FAR])}"


def print_debug(report: DebugReport, *, everything: bool = False) -> None:
    """Print what it comes to, the ranking, worst layer first and marked, and the causes.

    everything: all layers and causes, not only as many of the worst as fit a screen.
    """
    screen = console()
    answer = debug_answer(report)
    print_answer(answer)
    said = _below(report, everything=everything)
    letters = legend(report.layers)
    if report.layers:
        taken = sum(1 for label, text in answer for _ in wrapped(f"{label:9}{text}", screen.width))
        taken += sum(1 for line in (letters, *said) for _ in wrapped(line, screen.width)) + 6
        room = max(_FEWEST_ROWS, screen.height - taken)
        rows = len(report.layers) if everything else min(len(report.layers), room)
        print_text()
        print_text(f"{_counted(report)}\n")
        _print_layers(report.layers, rows, screen.width)
        print_text(letters, hang=0)
    for line in said:
        print_text(line)


def _counted(report: DebugReport) -> str:
    against = "the float model" if report.reference == "float model" else "its float shadow"
    count = f"{report.samples}"
    if report.interrupted:
        count = f"Interrupted: {report.samples} of {report.asked}"
    return f"{count} sample(s), flavour {report.flavour}, against {against}"


def _below(report: DebugReport, *, everything: bool) -> list[str]:
    """What is said below the table."""
    lines: list[str] = []
    for output in report.outputs:
        lines += [_output(output), *_output_parts(output, everything=everything)]
    groups = cause_groups(report.layers)
    shown = groups if everything else groups[1 : _MOST_CAUSES + 1]
    for group in shown:
        lines += _group(group, everything=everything)
    if not everything and len(groups) > _MOST_CAUSES + 1:
        lines.append(f"… and {len(groups) - _MOST_CAUSES - 1} more causes; --all shows them")
    if everything:
        for group in cause_groups(report.layers, implied=True):
            lines += _group(group, everything=True)
    if not groups and report.samples:
        lines.append(f"looked for, and not found: {looked_for(report)}")
    if report.unpaired:
        names = ", ".join(f"{u.model} {u.operator} {u.op_name}" for u in report.unpaired[:4])
        more = f", and {len(report.unpaired) - 4} more" if len(report.unpaired) > 4 else ""
        lines.append(f"unpaired operators: {names}{more}")
    return lines


def _group(group: CauseGroup, *, everything: bool) -> Iterator[str]:
    """A cause that some layers share: its remedy once, and what was found at each."""
    follows = group.found[0][1].implied_by
    after = "" if follows is None else f" (follows from {follows})"
    yield f"{group.id} at {operators(group.operators)}{after}"
    yield f"   remedy: {one_line(group.remedy)}"
    for layer, cause in group.found if everything else group.found[:1]:
        yield f"   {layer.operator} {layer.op_name}: {evidence(layer, cause)}"


def _print_layers(layers: Sequence[Layer], rows: int, width: int) -> None:
    largest = max((_size(layer) for layer in layers), default=0.0)
    table: list[tuple[str, ...]] = [_HEADINGS]
    table += [_cells(layer, largest, worst=at == 0) for at, layer in enumerate(layers[:rows])]
    widths = _widths(table, width, _absent(layers))
    for number, cells in enumerate(table):
        style = {0: "bold", 1: "bold red"}.get(number)
        print_text(_line(cells, widths), style=style, whole=True)
    if rows < len(layers):
        print_text(f"… and {len(layers) - rows} more, better; --all shows them")


def _cells(layer: Layer, largest: float, *, worst: bool) -> tuple[str, ...]:
    return (
        f"▶{layer.operator}" if worst else str(layer.operator),
        one_line(layer.op_name),
        one_line(layer.name),
        "-" if layer.local.rmse_over_scale is None else f"{layer.local.rmse_over_scale:.3g}",
        _bar(_size(layer), largest),
        *_parts(layer),
        decibels(layer.local.sqnr_db),
        "-" if layer.accumulated is None else decibels(layer.accumulated.sqnr_db),
        percent(layer.saturated_fraction),
    )


def _parts(layer: Layer) -> tuple[str, str]:
    """The two parts of what a hybrid layer loses."""
    if layer.weights is None or layer.activations is None:
        return "", ""
    weights = decibels(layer.weights.errors.sqnr_db)
    data = layer.activations
    return (
        f"~{weights}" if layer.weights.estimated else weights,
        "-" if data.run_time is None else decibels(data.errors.sqnr_db),
    )


def _absent(layers: Sequence[Layer]) -> set[int]:
    """Columns that no layer has anything to say in."""
    hybrid = {layer.weights is not None for layer in layers}
    return {*(() if True in hybrid else _OF_REALS), *(() if False in hybrid else _OF_CODES)}


def _widths(table: Sequence[Sequence[str]], width: int, absent: Set[int]) -> list[int]:
    """Columns of each cell: what it holds; layers' names get the rest, bars give way to them."""
    widths = [max(columns(row[at]) for row in table) for at in range(len(_HEADINGS))]
    widths = [0 if at in absent else own for at, own in enumerate(widths)]
    widths[0] += 1
    rest = width - (sum(widths) - widths[_LAYER]) - (len(widths) - len(absent))
    if rest < min(_LEAST_NAME, widths[_LAYER]):
        rest += widths[_BARS] + 1
        widths[_BARS] = 0
    widths[_LAYER] = max(min(rest, widths[_LAYER]), len(_HEADINGS[_LAYER]))
    return widths


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Set cells in their columns; only a layer's name may lose its beginning."""
    parts = []
    for at, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        if not width:
            continue
        text = shorten(cell, width) if at == _LAYER else cell
        parts.append(fit(text, width) if at in _LEFT else " " * (width - columns(text)) + text)
    return " ".join(parts).rstrip()


def _size(layer: Layer) -> float:
    return math.nan if layer.steps is None else layer.steps


def _bar(value: float, largest: float) -> str:
    """A bar as long as the value is of the largest, to an eighth of a character."""
    if not (math.isfinite(value) and 0 < value <= largest < math.inf):
        return "" if value == 0 else "?" * (not math.isfinite(value))
    eighths = max(1, round(8 * _BAR * value / largest))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _output(output: Output) -> str:
    """The figures of an output that the verdict leaves out."""
    figures = output.accumulated
    parts = []
    if figures.rmse_over_scale is not None:
        parts.append(f"RMSE/scale {figures.rmse_over_scale:.3g}")
    parts.append(f"largest error {figures.max_abs_error:.3g}")
    if output.divergence is not None:
        parts.append(f"KL {output.divergence:.3g} nats")
    return f"output {shorten(one_line(output.name), 24)!r}: {', '.join(parts)}"


def _output_parts(output: Output, *, everything: bool) -> Iterator[str]:
    """A line for each part of an output, worst first where they are many."""
    parts: Sequence[OutputPart] = output.parts
    if not everything and len(parts) > _MOST_PARTS:
        parts = sorted(parts, key=lambda part: (not part.judged, part.sqnr_db))[:_MOST_PARTS]
    for part in parts:
        text = f"SQNR {decibels(part.sqnr_db)} dB" if part.judged else f"not judged: {part.why}"
        yield (
            f"   {part_name(part)}: {text}, largest error {part.max_abs_error:.3g}, reference "
            f"{part.lowest:.4g}..{part.highest:.4g}"
        )
    if len(parts) < len(output.parts):
        yield f"   … and {len(output.parts) - len(parts)} more parts; --all shows them"
