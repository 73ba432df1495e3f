"""The layers of a debug page: their table, and the error from layer to layer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from refinterp.debug.reference.weights import WeightFigures
from refinterp.debug.result import Cause, DebugReport, Layer
from refinterp.report.charts import AxisPlace, Series, stacked
from refinterp.report.html import Html, join, tag
from refinterp.report.page import label, operator_name, section
from refinterp.report.page_layer import layer_detail
from refinterp.report.page_table import Cell, Heading, Row, table
from refinterp.report.terminal import dims
from refinterp.report.words import decibels, percent

ROUNDING: Final = 1 / math.sqrt(12)  # RMSE over scale that rounding to codes costs

_HEADINGS: Final = (
    Heading("op", hint="the operator's index: order of execution"),
    Heading("layer", number=False),
    Heading("shape", number=False, wide=True, sort=False),
    Heading(
        join(("RMSE/", tag("wbr"), "scale")),
        down=True,
        hint="of this operator alone; rounding alone: 0.29",
    ),
    Heading("SQNR dB", hint="of this operator alone; higher is better"),
    Heading("so far dB", hint="SQNR of all operators up to here, against the float run"),
    Heading("clipped", wide=True, down=True, hint="elements that the type's range has cut"),
)


def anchor(layer: Layer) -> str:
    """The id of a layer's detail on the page."""
    return f"layer-{layer.operator}-{layer.tensor}"


def own_causes(layer: Layer) -> tuple[Cause, ...]:
    """Causes that do not follow from another."""
    return tuple(cause for cause in layer.causes if cause.implied_by is None)


def link_to(layer: Layer) -> Html:
    """A link to a layer's detail."""
    return tag("a", f"{layer.operator} ", operator_name(layer.op_name), href=f"#{anchor(layer)}")


def network(report: DebugReport, order: Sequence[Layer]) -> Html | None:
    """The error from layer to layer, as a chart; order: layers as they are executed."""
    if not order:
        return None
    columns = [
        AxisPlace(str(layer.operator), anchor(layer), bool(own_causes(layer))) for layer in order
    ]

    def says(figure: str, values: Sequence[str]) -> list[str]:
        return [
            f"{layer.operator} {layer.op_name}: {figure} {value}"
            for layer, value in zip(order, values, strict=True)
        ]

    reached = [layer.accumulated for layer in order]
    so_far = Series(
        "SQNR so far, dB",
        "line",
        [None if f is None else f.sqnr_db for f in reached],
        says("SQNR so far, dB:", ["-" if f is None else decibels(f.sqnr_db) for f in reached]),
    )
    steps_so_far = Series(
        "RMSE/scale so far",
        "line",
        [None if f is None else f.rmse_over_scale for f in reached],
        says("RMSE/scale so far", [_number(f and f.rmse_over_scale) for f in reached]),
    )
    alone = Series(
        "RMSE/scale of each layer alone",
        "bars",
        [layer.local.rmse_over_scale for layer in order],
        says("RMSE/scale alone", [steps_of(layer) for layer in order]),
        level=(ROUNDING, "rounding alone"),
    )
    return section(
        "Error through the network",
        stacked(columns, (so_far, steps_so_far, alone), "op"),
        note="From input to output, in the order of execution. A click leads to the layer.",
    )


def layers_table(report: DebugReport, weights: Mapping[int, WeightFigures]) -> Html:
    """The table of layers; weights: by operator."""
    finite = [s for layer in report.layers if (s := _size(layer)) < math.inf]
    largest = max(finite, default=0.0)
    rows = [_row(layer, largest, weights.get(layer.operator)) for layer in report.layers]
    return section(
        "Layers",
        table("layers", _HEADINGS, rows, finds="name, operator or cause"),
        note="Worst first. A click on a heading sorts, on a layer shows its detail.",
    )


def _row(layer: Layer, largest: float, weights: WeightFigures | None) -> Row:
    causes = own_causes(layer)
    name = tag(
        "div",
        tag("a", operator_name(layer.op_name), href=f"#{anchor(layer)}"),
        *(tag("span", cause.id, class_="chip bad") for cause in causes),
        *(tag("span", c.id, class_="chip") for c in layer.causes if c.implied_by is not None),
        label(layer.name),
        class_="layer",
    )
    size = _size(layer)
    share = 100 * _length(min(size, largest)) / (_length(largest) or 1.0)
    steps = join(
        (
            tag("i", tag("i", style=f"width:{share:.1f}%"), class_="bar"),
            tag("span", steps_of(layer)),
        )
    )
    return Row(
        (
            Cell(layer.operator, layer.operator),
            Cell(name, layer.op_name),
            Cell(dims(layer.shape), None),
            Cell(steps, size),
            Cell(decibels(layer.local.sqnr_db), layer.local.sqnr_db),
            _so_far(layer),
            Cell(percent(layer.saturated_fraction) or "0", layer.saturated_fraction),
        ),
        detail=layer_detail(layer, weights),
        id=anchor(layer),
        style="suspect" if causes else "",
        words=f"{layer.op_name} {layer.name[-256:]} {' '.join(c.id for c in layer.causes)}",
    )


def _so_far(layer: Layer) -> Cell:
    if layer.accumulated is None:
        return Cell("-", None)
    return Cell(decibels(layer.accumulated.sqnr_db), layer.accumulated.sqnr_db)


def _size(layer: Layer) -> float:
    """The error a row's bar shows; what is no number counts as the largest."""
    steps = layer.local.rmse_over_scale
    return math.inf if steps is None or math.isnan(steps) else steps


def _length(size: float) -> float:
    """How long a bar is: by factors for what is large, so that one layer does not hide all."""
    return math.log1p(max(size, 0.0) / ROUNDING)


def steps_of(layer: Layer) -> str:
    """A layer's own RMSE over its scale, in words."""
    return _number(layer.local.rmse_over_scale)


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.3g}"
