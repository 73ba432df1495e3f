"""A debug report as one page: what is lost where, and why."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, Final

from refinterp.arena.tensor_plan import TensorPlan
from refinterp.debug.reference.weights import WeightFigures
from refinterp.debug.result import DebugReport, Output
from refinterp.report.debug_answer import CauseGroup, cause_groups, debug_answer
from refinterp.report.debug_document import debug_document
from refinterp.report.html import Html, join, tag
from refinterp.report.page import answer, definitions, full_name, label, page, prose, section, tile
from refinterp.report.page_arena import plan_section
from refinterp.report.page_debug_layers import layers_table, link_to, network, own_causes, steps_of
from refinterp.report.page_values import values_card
from refinterp.report.terminal import dims
from refinterp.report.words import decibels, plural

_SHOWN_LAYERS: Final = 5  # of those that share a cause and its remedy
NO_WEIGHTS: Final[Mapping[int, WeightFigures]] = MappingProxyType({})

_WORDS: Final = [
    ("error", "what the int8 codes stand for, less the float value: scale × (code − zero point) − "
     "real."),
    ("this layer alone (local)", "The int8 operator against the float operator on the same, "
     "dequantized inputs: what this operator loses."),
    ("so far (accumulated)", "The int8 run against the float run: what has been lost up to here."),
    ("RMSE/scale", "The root of the mean squared error, in steps between codes. Rounding to the "
     "nearest code costs 0.29; much more than that has another cause."),
    ("SQNR", "Signal to quantization noise, 10 · log10(Σ real² / Σ error²), in dB; 6 dB are about "
     "one bit."),
    ("clipped", "Elements at the type's smallest or largest code whose float value lies beyond it: "
     "the range has cut them."),
    ("top-1 agreement", "Samples on which the largest output is the same in both runs."),
]  # fmt: skip


def debug_page(
    report: DebugReport,
    *,
    model: str | None = None,
    float_model: str | None = None,
    plan: TensorPlan | None = None,
    weights: Mapping[int, WeightFigures] = NO_WEIGHTS,
    document: Mapping[str, Any] | None = None,
) -> str:
    """Return the page. model, float_model: where they were read from. plan: to draw the arena.

    weights: by operator. document: the command's, which the page carries; by default the report's.
    """
    name = PurePath(model).name if model else "model"
    order = sorted(report.layers, key=lambda layer: (layer.operator, layer.tensor))
    return page(
        f"{name}: layer by layer",
        _header(report, name, float_model),
        _findings(report),
        network(report, order),
        _inputs(report),
        layers_table(report, weights),
        _unpaired(report),
        None if plan is None else plan_section(plan, name, heading="Arena"),
        section("", definitions(_WORDS)),
        data=document or debug_document(report, model, float_model),
    )


def _header(report: DebugReport, name: str, float_model: str | None) -> Html:
    against: object = "its shadow, the same graph on dequantized weights"
    if report.reference == "float model":
        against = tag("b", label(PurePath(float_model).name if float_model else "the float model"))
    said = tag(
        "p", "Against ", against, f", on {report.samples:,} ",
        "sample" if report.samples == 1 else "samples", ", arithmetic of ",
        tag("b", report.flavour), ".", class_="said",
    )  # fmt: skip
    tiles = [_output_tile(output, len(report.outputs)) for output in report.outputs[:4]]
    tiles += [one for output in report.outputs[:4] for one in _task_tiles(output, report.samples)]
    with_cause = sum(bool(own_causes(layer)) for layer in report.layers)
    tiles.append(
        tile(
            "layers with a cause", with_cause, f"of {len(report.layers)} compared",
            "bad" if with_cause else None,
        )
    )  # fmt: skip
    if report.layers:
        worst = report.layers[0]
        tiles.append(
            tile("worst layer", link_to(worst), f"RMSE/scale {steps_of(worst)}")
        )  # fmt: skip
    notes = [prose(note, "note") for note in report.notes]
    if report.interrupted:
        stopped = (
            f"Interrupted: {report.samples:,} of {report.asked:,} samples were measured; all "
            "figures are of these."
        )
        notes.insert(0, prose(stopped, "note bad"))
    return tag(
        "header",
        tag("h1", label(name)),
        said,
        answer(debug_answer(report)),
        tag("div", *tiles, class_="tiles"),
        *notes,
    )


def _output_tile(output: Output, outputs: int) -> Html:
    below: list[object] = [label(output.name, 48)]
    steps = output.accumulated.rmse_over_scale
    figures = f"largest error {output.accumulated.max_abs_error:.3g}"
    if steps is not None:
        figures = f"RMSE/scale {steps:.3g}, {figures}"
    return tile(
        "output" if outputs == 1 else f"output, tensor {output.tensor}",
        join((tag("span", decibels(output.accumulated.sqnr_db)), tag("small", " dB SQNR"))),
        join((tag("div", *below), tag("div", figures))),
    )


def _task_tiles(output: Output, samples: int) -> list[Html]:
    """What the errors come to: the labels' metric, agreement, divergence."""
    tiles = []
    metric = output.metric
    if metric is not None:
        both = [metric.quantized, metric.reference]
        said = [f"{x:.4g}" for x in both]
        if metric.name == "accuracy":
            said = [f"{100 * x:.1f} %" for x in both]
        title = metric.name.replace("_", " ")
        tiles.append(tile(title, said[0], f"float: {said[1]}, {metric.samples:,} labelled"))
    if output.top1_agreement is not None:
        divergence = output.divergence
        below = "" if divergence is None else f", divergence {divergence:.2g} nats"
        agreed = round(output.top1_agreement * samples)
        tiles.append(
            tile("top-1 agreement", f"{100 * output.top1_agreement:.1f} %",
                 f"{agreed:,} of {samples:,}{below}")
        )  # fmt: skip
    return tiles


def _findings(report: DebugReport) -> Html | None:
    """The causes that follow from no other, worst layer first; those with one remedy together."""
    groups = cause_groups(report.layers)
    if not groups:
        return None
    return section("Why", tag("ul", *map(_group, groups)), class_="findings")


def _group(group: CauseGroup) -> Html:
    where = [
        tag(
            "div",
            tag("div", link_to(layer), label(layer.name), class_="finding-head"),
            prose(one.evidence),
            class_="where",
        )
        for layer, one in group.found
    ]
    more = None
    if len(where) > _SHOWN_LAYERS:
        rest = where[_SHOWN_LAYERS:]
        more = tag("details", tag("summary", f"{len(rest)} more layers"), *rest)
    layers = plural(len(group.found), "layer")
    return tag(
        "li",
        tag("div", tag("span", group.id, class_="chip bad"), layers, class_="finding-head"),
        prose(group.remedy, "remedy"),
        *where[:_SHOWN_LAYERS],
        more,
    )


def _inputs(report: DebugReport) -> Html | None:
    """What the model was fed, folded away."""
    cards = [
        join((tag("p", full_name(one.name), f" {one.dtype} {dims(one.shape)}"), card))
        for one in report.inputs
        if (card := values_card(one.dtype, one.scale, one.zero_point, one.codes, one.reals))
    ]
    if not cards:
        return None
    word = "Inputs" if len(cards) > 1 else "Input"
    return section("", tag("details", tag("summary", word), *cards), class_="inputs")


def _unpaired(report: DebugReport) -> Html | None:
    if not report.unpaired:
        return None
    listed = [
        tag(
            "li", tag("b", f"{one.model} {one.operator} {one.op_name}"), " ",
            full_name(one.name), ": ", one.reason,
        )
        for one in report.unpaired
    ]  # fmt: skip
    return section(
        "Without a partner",
        tag("ul", *listed, class_="plain"),
        note="Operators that could not be compared with one of the other model.",
    )
