"""The detail of one layer on the debug page."""

from __future__ import annotations

from collections.abc import Sequence

from refinterp.debug.measure.error_sums import ErrorFigures
from refinterp.debug.reference.weights import WeightFigures
from refinterp.debug.result import Cause, Layer
from refinterp.report.html import Html, join, tag
from refinterp.report.page import full_name, prose
from refinterp.report.page_channels import activations_card, weights_card
from refinterp.report.page_values import values_card
from refinterp.report.terminal import dims
from refinterp.report.words import decibels, percent

_SHOWN_SCALES = 4


def layer_detail(layer: Layer, weights: WeightFigures | None) -> Html:
    """Return everything known of a layer, the causes first."""
    cards = (
        _identity(layer),
        _figures(layer),
        values_card(layer.dtype, layer.scale, layer.zero_point, layer.codes, layer.reals),
        activations_card(layer),
        weights_card(weights),
    )
    return join((_causes(layer.causes), tag("div", *cards, class_="cards")))


def _causes(causes: Sequence[Cause]) -> Html | None:
    if not causes:
        return None
    listed = [
        tag(
            "li",
            tag(
                "div",
                tag("span", cause.id, class_="chip" if cause.implied_by else "chip bad"),
                f"follows from {cause.implied_by}" if cause.implied_by else None,
                class_="finding-head",
            ),
            prose(cause.evidence),
            prose(cause.remedy, "remedy"),
        )
        for cause in causes
    ]
    return tag("ul", *listed, class_="findings")


def _identity(layer: Layer) -> Html:
    facts: list[tuple[str, object]] = [
        ("name", full_name(layer.name)),
        ("tensor", layer.tensor),
        ("operator", f"{layer.operator} {layer.op_name}"),
        ("type", f"{layer.dtype} {dims(layer.shape)}"),
        ("scale", _some(layer.scale)),
        ("zero point", _some(layer.zero_point)),
        ("compared with", f"the {layer.local_reference}'s operator on the same inputs"),
    ]
    rows = join(join((tag("dt", name), tag("dd", value))) for name, value in facts)
    return tag("div", tag("h3", "Layer"), tag("dl", rows), class_="card")


def _some(values: Sequence[float]) -> str:
    shown = ", ".join(f"{value:.6g}" for value in values[:_SHOWN_SCALES])
    more = len(values) - _SHOWN_SCALES
    return f"{shown}, … {more} more channels" if more > 0 else shown


def _figures(layer: Layer) -> Html:
    sides = [layer.local, layer.accumulated]
    heads = ["this layer alone", "so far"]
    if layer.weights is not None and layer.activations is not None:
        sides += [layer.weights.errors, layer.activations.errors]
        heads += ["weights" + " (estimated)" * layer.weights.estimated, "data at run time"]
    rows = [
        ("RMSE/scale", [_number(f.rmse_over_scale) if f else "-" for f in sides]),
        ("SQNR, dB", [decibels(f.sqnr_db) if f else "-" for f in sides]),
        ("cosine", [_cosine(f) for f in sides]),
        ("largest error", [_number(f.max_abs_error) if f else "-" for f in sides]),
        ("mean error", [_number(f.mean_error) if f else "-" for f in sides]),
        ("mean squared error", [_number(f.mean_squared_error) if f else "-" for f in sides]),
        ("clipped", [_clipped(f) for f in sides]),
    ]
    head = tag("tr", tag("th"), *(tag("th", one) for one in heads))
    body = [
        tag("tr", tag("th", name, scope="row"), *(tag("td", value) for value in values))
        for name, values in rows
    ]
    return tag(
        "div", tag("h3", "Error"), tag("table", tag("thead", head), tag("tbody", *body)),
        class_="card",
    )  # fmt: skip


def _cosine(figures: ErrorFigures | None) -> str:
    return "-" if figures is None else f"{figures.cosine:.6f}"


def _clipped(figures: ErrorFigures | None) -> str:
    return "-" if figures is None else percent(figures.clipped_fraction) or "0"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
