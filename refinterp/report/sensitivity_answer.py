"""What a sensitivity study comes to, in a few lines: how far off, which layers, what to do.

The same lines stand first in the terminal, on the page and in the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from refinterp.debug.study.better_ranges import TensorRanges
from refinterp.debug.study.report import LayerEffect, Search, SensitivityReport
from refinterp.debug.study.trials import Effect
from refinterp.report.words import decibels, one_line, plural, shorten, some

LEAST_GAIN: Final = 0.1  # dB: what gains less is not worth a line
_NAME: Final = 40  # characters of a tensor's name
_PLACES: Final = 24  # operators that are listed

Lines = list[tuple[str, str]]


def sensitivity_answer(report: SensitivityReport, ranges: Sequence[TensorRanges]) -> Lines:
    """Return (label, text) lines: verdict, the model as it is, all kept, what to do."""
    lines = [
        ("verdict", _verdict(report)),
        ("as it is", said(report.base)),
        ("all kept", f"in {report.precision}: {said(report.all_kept)}"),
    ]
    if report.remarks:
        lines.insert(1, ("first", one_line("; ".join(report.remarks))))
    remedy = _remedy(report, ranges)
    return [*lines, ("remedy", remedy)] if remedy else lines


def said(effect: Effect) -> str:
    """What a variant of the model comes to at its outputs."""
    part = any(f", {kind}" in effect.worst for kind in ("column", "index", "indices"))
    where = f" ({one_line(effect.worst)})" if part else ""
    parts = [f"SQNR {decibels(effect.sqnr_db)} dB{where}"]
    if effect.top1_agreement is not None:
        parts.append(f"top-1 agreement {100 * effect.top1_agreement:.1f} %")
    if effect.metric is not None:
        found = effect.metric
        parts.append(f"{found.name} {found.quantized:.4g} (float {found.reference:.4g})")
    return ", ".join(parts)


def gain(layer: LayerEffect, base: Effect) -> float | None:
    """Decibels that keeping a layer brings, None where it cannot be kept."""
    return None if layer.kept is None else layer.kept.sqnr_db - base.sqnr_db


def worth(report: SensitivityReport, ranges: Sequence[TensorRanges]) -> list[TensorRanges]:
    """Activations that another range would serve better, first those that the outputs depend on."""
    first = _worth_at_the_output(report, ranges)
    return [*first, *(r for r in ranges if r.gain_db >= LEAST_GAIN and r not in first)]


def _verdict(report: SensitivityReport) -> str:
    stopped = f"interrupted after {plural(len(report.layers), 'layer')}: "
    start = stopped if report.interrupted else ""
    if report.search is not None:
        return start + _searched(report, report.search)
    best = report.layers[0] if report.layers else None
    if best is None:
        return f"{start}no layer loses anything that could be kept from it"
    if best.kept is None:  # the best one: none can
        return f"{start}no layer can be kept in {report.precision}: {best.unsupported}"
    if _hopeless(report):
        return (
            f"{start}all layers kept in {report.precision} are hardly better than the model as it "
            "is: no layer is at fault"
        )
    if report.target != "sqnr" and best.kept is not None:
        return (
            f"{start}keeping {place(best)} in {report.precision} helps most: from "
            f"{said(report.base)} to {said(best.kept)}"
        )
    gained = gain(best, report.base)
    if gained is None or not gained >= LEAST_GAIN:
        return f"{start}no single layer kept in {report.precision} brings the outputs nearer"
    assert best.kept is not None
    return (
        f"{start}keeping {place(best)} in {report.precision} gains most: SQNR "
        f"{decibels(report.base.sqnr_db)} -> {decibels(best.kept.sqnr_db)} dB"
    )


def _hopeless(report: SensitivityReport) -> bool:
    """Whether keeping every layer brings next to nothing: the loss is not theirs."""
    able = any(one.kept is not None for one in report.layers)
    none = report.all_kept.sqnr_db - report.base.sqnr_db < LEAST_GAIN
    return able and (none or bool(report.remarks))  # these say that no layer is at fault


def _searched(report: SensitivityReport, search: Search) -> str:
    unit = " dB" if report.target == "sqnr" else ""
    kept = plural(len(search.operators), "layer")
    if not search.reached:
        fault = "; no layer is at fault" if _hopeless(report) else ""
        return (
            f"{search.wanted:g}{unit} is not reached{fault}; the best that was found keeps {kept} "
            f"in {report.precision}: {said(search.deployed)}"
        )
    if not search.operators:
        return f"{search.wanted:g}{unit} is reached as it is: {said(search.deployed)}"
    proof = "; no smaller set does" if search.smallest else ""
    return (
        f"{search.wanted:g}{unit} with {kept} in {report.precision}: operators "
        f"{some(search.operators, _PLACES)}{proof}: {said(search.deployed)}"
    )


def place(layer: LayerEffect) -> str:
    """A layer by its index, operator and name."""
    name = shorten(one_line(layer.name), _NAME)
    return f"{layer.operator} {one_line(layer.op_name)} {name!r}"


def _worth_at_the_output(
    report: SensitivityReport, ranges: Sequence[TensorRanges]
) -> list[TensorRanges]:
    """Ranges that gain, less those of layers that are no loss to the model's outputs.

    A layer that gains nothing there when it is not quantized at all gains nothing by a range.
    """
    gains = {one.operator: gain(one, report.base) for one in report.layers}
    return [
        one
        for one in ranges
        if one.gain_db >= LEAST_GAIN and ((at := gains.get(one.operator)) is None or at > 0)
    ]


def _remedy(report: SensitivityReport, ranges: Sequence[TensorRanges]) -> str:
    """What to do next, from what was found."""
    better = _worth_at_the_output(report, ranges)
    parts = []
    if report.search is not None and report.search.reached and report.search.operators:
        parts.append("give the names under denylisted_nodes to the quantizer, or --recipe F")
    elif _hopeless(report):
        return (
            "look at the data, its scaling and its labels, and at the float model; `refinterp "
            "debug` tells whether the input is fed as it was calibrated"
        )
    elif report.search is None and report.layers:
        parts.append(
            f"--recover VALUE finds the smallest set to keep in {report.precision} that reaches it"
        )
    if better and not _hopeless(report):
        first = better[0]
        parts.append(
            f"calibrate again: the range {first.others[0].method} brings operator "
            f"{first.operator}'s own output {decibels(first.gain_db)} dB"
        )
        if len(better) > 1:
            parts[-1] += f", and {plural(len(better) - 1, 'other')} gain by a range too"
    return "; ".join(parts)
