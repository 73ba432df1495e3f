"""A sensitivity study as one page: what each layer gains, the set found, better ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final

from refinterp.debug.study.better_ranges import TensorRanges
from refinterp.debug.study.recipe import denylisted_nodes
from refinterp.debug.study.report import LayerEffect, Search, SensitivityReport
from refinterp.report.charts import AxisPlace, Series, stacked
from refinterp.report.html import Html, tag
from refinterp.report.page import (
    answer,
    definitions,
    full_name,
    label,
    operator_name,
    page,
    prose,
    section,
    tile,
)
from refinterp.report.page_table import Cell, Heading, Row, table
from refinterp.report.sensitivity_answer import LEAST_GAIN, gain, said, sensitivity_answer
from refinterp.report.words import decibels, percent, plural

_RANGES: Final = (
    Heading("op", hint="the operator's index"),
    Heading("layer", number=False),
    Heading("gain dB", down=True, hint="of the best range over the model's"),
    Heading("model dB", wide=True, hint="SQNR of the float run's values on the model's grid"),
    Heading("best dB", wide=True),
    Heading("range", number=False, hint="how the best range is found"),
    Heading("scale", wide=True),
    Heading("zero", wide=True, hint="zero point"),
    Heading("clips", wide=True, hint="values beyond the range"),
)
_WORDS: Final = [
    ("kept", "The SQNR of the worst output when this layer's weights and output are not quantized "
     "to int8, and the rest is."),
    ("gain", "What keeping the layer brings against the model as it is."),
    ("alone", "This layer on its integer kernel, all others in float."),
    ("SQNR", "Signal to quantization noise, in dB; 6 dB are about one bit."),
]  # fmt: skip


def sensitivity_page(
    report: SensitivityReport,
    ranges: Sequence[TensorRanges],
    data: Mapping[str, Any],
    model: str | None = None,
) -> str:
    """Return the page. data: the same as the command's document; model: its path."""
    name = PurePath(model).name if model else "model"
    return page(
        f"{name}: which layers matter",
        _header(report, ranges, name),
        _search(report, report.search) if report.search is not None else None,
        _chart(report),
        _layers(report),
        _ranges(ranges),
        section("", definitions(_WORDS)),
        data=data,
    )


def _header(report: SensitivityReport, ranges: Sequence[TensorRanges], name: str) -> Html:
    against = "the float model" if report.reference == "float model" else "its float shadow"
    tiles = [
        tile("as it is", f"{decibels(report.base.sqnr_db)} dB", said(report.base)),
        tile(
            f"all kept in {report.precision}",
            f"{decibels(report.all_kept.sqnr_db)} dB",
            said(report.all_kept),
        ),
    ]
    if report.search is not None:
        mood = "good" if report.search.reached else "bad"
        word = "reached" if report.search.reached else "not reached"
        kept = plural(len(report.search.operators), "layer")
        tiles.append(tile(f"{report.search.wanted:g} {word}", kept, "kept", mood))
    gaining = [g for layer in report.layers if (g := gain(layer, report.base)) is not None]
    helped = sum(1 for g in gaining if g >= LEAST_GAIN)
    tiles.append(tile("layers that gain", helped, f"of {len(report.layers)}"))
    return tag(
        "header",
        tag("h1", label(name)),
        tag(
            "p", f"Against {against}, on {plural(report.samples, 'sample')}, arithmetic of ",
            tag("b", report.flavour), ".", class_="said",
        ),
        answer(sensitivity_answer(report, ranges)),
        tag("div", *tiles, class_="tiles"),
        *(prose(note, "note") for note in report.notes),
    )  # fmt: skip


def _anchor(layer: LayerEffect) -> str:
    return f"layer-{layer.operator}"


def _chart(report: SensitivityReport) -> Html | None:
    order = sorted(report.layers, key=lambda layer: layer.operator)
    if not order:
        return None
    gains = [gain(layer, report.base) for layer in order]
    columns = [
        AxisPlace(str(layer.operator), _anchor(layer), g is not None and g >= LEAST_GAIN)
        for layer, g in zip(order, gains, strict=True)
    ]
    kept = Series(
        f"SQNR with this layer in {report.precision}, dB",
        "line",
        [None if layer.kept is None else layer.kept.sqnr_db for layer in order],
        [f"{layer.operator} {layer.op_name}: {_sqnr(layer.kept)} dB" for layer in order],
        level=(report.base.sqnr_db, "as it is"),
    )
    alone = Series(
        "SQNR with this layer alone on integers, dB",
        "line",
        [None if layer.alone is None else layer.alone.sqnr_db for layer in order],
        [f"{layer.operator} {layer.op_name}: {_sqnr(layer.alone)} dB" for layer in order],
    )
    series = [kept] if all(layer.alone is None for layer in order) else [kept, alone]
    return section(
        "Layer by layer",
        stacked(columns, series, "op"),
        note="In the order of execution. Low alone: the layer loses much by itself.",
    )


def _sqnr(effect: Any) -> str:
    return "-" if effect is None else decibels(effect.sqnr_db)


def _layers(report: SensitivityReport) -> Html:
    headings = (
        Heading("op", hint="the operator's index: order of execution"),
        Heading("layer", number=False),
        Heading("gain dB", down=True, hint="against the model as it is"),
        Heading(f"in {report.precision}, dB", hint="SQNR with this layer kept"),
        Heading("alone, dB", hint="SQNR with this layer on integers, the rest float"),
    )
    rows = []
    for layer in report.layers:
        gained = gain(layer, report.base)
        name = tag("div", operator_name(layer.op_name), label(layer.name), class_="layer")
        rows.append(
            Row(
                (
                    Cell(tag("span", layer.operator, id=_anchor(layer)), layer.operator),
                    Cell(name, layer.op_name),
                    Cell("-" if gained is None else f"{gained:+.1f}", gained),
                    _cell(layer.kept),
                    _cell(layer.alone),
                ),
                style="suspect" if gained is not None and gained >= LEAST_GAIN else "",
                words=f"{layer.op_name} {layer.name[-256:]}",
                detail=prose(layer.unsupported, "note") if layer.unsupported else None,
            )
        )
    return section(
        "Layers",
        table("gains", headings, rows, finds="name or operator"),
        note="What gains most first. A click on a heading sorts.",
    )


def _cell(effect: Any) -> Cell:
    return Cell(_sqnr(effect), None if effect is None else effect.sqnr_db)


def _search(report: SensitivityReport, search: Search) -> Html:
    steps = []
    for step in search.steps:
        layer = report.layer(step.operator)
        steps.append(
            tag(
                "li",
                tag("b", f"{layer.operator} ", operator_name(layer.op_name)),
                f": {decibels(step.simulated.sqnr_db)} dB with its output not quantized, "
                f"{decibels(step.deployed.sqnr_db)} dB with the layers that read it",
            )
        )
    names = denylisted_nodes(report.recipe)
    kept = ", ".join(map(str, search.operators)) or "none"
    carried = ", ".join(map(str, search.carried))
    more = f"; and what moves values: {carried}" if carried else ""
    listed = tag("ul", *(tag("li", full_name(name)) for name in names), class_="plain")
    return section(
        "The set that was found",
        tag("ol", *steps, class_="plain") if steps else None,
        prose(f"Kept in the end: operators {kept}{more}."),
        tag("details", tag("summary", f"denylisted_nodes: {plural(len(names), 'name')}"), listed)
        if names
        else None,
        note="Grown by what gains most; then what is not needed is given back.",
    )


def _ranges(ranges: Sequence[TensorRanges]) -> Html | None:
    if not ranges:
        return None
    rows = []
    for one in ranges:
        best = one.others[0]
        name = tag("div", operator_name(one.op_name), label(one.name), class_="layer")
        rows.append(
            Row(
                (
                    Cell(one.operator, one.operator),
                    Cell(name, one.op_name),
                    Cell(f"{one.gain_db:+.1f}", one.gain_db),
                    Cell(decibels(one.own.sqnr_db), one.own.sqnr_db),
                    Cell(decibels(best.sqnr_db), best.sqnr_db),
                    Cell(best.method, best.method),
                    Cell(f"{best.scale:.4g}", best.scale),
                    Cell(best.zero_point, best.zero_point),
                    Cell(percent(best.clipped) or "0", best.clipped),
                ),
                words=f"{one.op_name} {one.name[-256:]}",
            )
        )
    return section(
        "Better ranges of activations",
        table("ranges", _RANGES, rows, finds="name or operator"),
        note="A gain here costs nothing at run time: calibrate with such data or by such a method.",
    )
