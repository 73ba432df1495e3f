"""A layer channel by channel: ranges of values and of weights, and errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.reference.weights import WeightFigures
from refinterp.debug.result import Layer
from refinterp.graph.model import STORAGE
from refinterp.report.axis import axis_of
from refinterp.report.charts import frame
from refinterp.report.html import Html, join, tag
from refinterp.report.page import full_name
from refinterp.report.terminal import dims

ROUNDING: Final = 1 / np.sqrt(12)
_MOST: Final = 400  # columns; more channels share them
_WORST: Final = 5
_NEAR: Final = 3.0  # times the largest value: ends of the range beyond that are not drawn

Array = NDArray[Any]


def activations_card(layer: Layer) -> Html | None:
    """The output's channels; None where there is one only, or nothing has run."""
    codes, errors = layer.codes, layer.local_channels
    if codes is None or codes.channel_lowest.size < 2:
        return None
    channels = codes.channel_lowest.size
    scale = np.asarray(layer.scale, np.float64)
    zero = np.asarray(layer.zero_point, np.float64)
    limits = np.iinfo(STORAGE[layer.dtype])
    ends = [(end - zero) * scale for end in (limits.min, limits.max)]
    sides = [((codes.channel_lowest - zero) * scale, (codes.channel_highest - zero) * scale)]
    if layer.reals is not None and layer.reals.channel_lowest.size == channels:
        sides.insert(0, (layer.reals.channel_lowest, layer.reals.channel_highest))
    low, high = float(ends[0].min()), float(ends[1].max())
    panels = [
        _spans(
            join(
                (
                    f"values by channel, the type's range being {low:.4g} … {high:.4g}: ",
                    tag("span", "int8" if layer.dtype == "int8" else "codes", class_="key spans"),
                    tag("span", "float", class_="key reals") if len(sides) > 1 else None,
                )
            ),
            sides,
            [(low, ""), (high, "range")],
        )
    ]
    worst = None
    if errors is not None and errors.rmse_over_scale.size == channels:
        panels.append(
            _columns("RMSE/scale by channel, this layer alone", errors.rmse_over_scale,
                     [(float(ROUNDING), "rounding alone")])
        )  # fmt: skip
        worst = _worst(errors.rmse_over_scale)
    return _card("Activations by channel", panels, channels, worst)


def weights_card(weights: WeightFigures | None) -> Html | None:
    """The weights' channels; None for an operator without weights."""
    if weights is None:
        return None
    panels = [
        _spans("weights by output channel", [(weights.lowest, weights.highest)], ()),
    ]
    said = [f"{weights.dtype} {dims(weights.shape)}, tensor {weights.tensor}; "]
    if weights.per_channel:
        panels.append(_columns("scale by output channel", weights.scale, ()))
        least = weights.scale.min()
        if least > 0:
            said.append(f"largest scale / smallest: {weights.scale.max() / least:.3g}.")
    else:
        panels.append(
            _columns("share of the codes used, by output channel", weights.used, [(1.0, "all")])
        )
        said.append("one scale for all channels.")
    note = tag("p", full_name(weights.name), ": ", *said, class_="note")
    return _card("Weights by output channel", panels, weights.scale.size, note)


def _card(title: str, panels: Sequence[Html], channels: int, below: Html | None) -> Html:
    shared = -(-channels // _MOST)
    axis = f"channel 0 … {channels - 1}"
    if shared > 1:
        axis += f"; {shared} channels share a column, their extremes are shown"
    return tag(
        "div", tag("h3", title), *panels, tag("div", axis, class_="soft under"), below,
        class_="card across",
    )  # fmt: skip


def _worst(errors: Array) -> Html:
    order = np.argsort(-np.nan_to_num(errors, nan=np.inf), kind="stable")[:_WORST]
    listed = ", ".join(f"{i} ({errors[i]:.3g})" for i in order.tolist())
    return tag("p", f"Worst channels by RMSE/scale: {listed}.", class_="note")


def _spans(
    title: object, sides: Sequence[tuple[Array, Array]], levels: Sequence[tuple[float, str]]
) -> Html:
    """From the lowest to the highest value of each channel, one side over the other."""
    grouped = [(_shared(low, np.fmin), _shared(high, np.fmax)) for low, high in sides]
    flat = np.concatenate([part for side in grouped for part in side])
    values = flat[np.isfinite(flat)].tolist()
    near = _NEAR * max(map(abs, values), default=0.0)
    seen = [level for level in levels if abs(level[0]) <= near]  # others would flatten the rest
    axis = axis_of([*values, *(value for value, _ in seen)], by_factors=False)
    shapes = []
    for (low, high), style in zip(grouped, ("of-reals", "of-codes")[-len(grouped) :], strict=True):
        known = np.isfinite(low) & np.isfinite(high)
        feet, heads = axis.places(low), axis.places(high)
        parts = [
            f"M{i}.5 {foot}V{head - 0.4 if foot == head else head}"
            for i, foot, head in zip(range(low.size), feet, heads, strict=True)
            if known[i]
        ]
        shapes.append(tag("path", d="".join(parts), class_=f"span {style}"))
    return frame("lowest to highest by channel", title, axis, grouped[0][0].size, shapes, seen)


def _columns(title: str, values: Array, levels: Sequence[tuple[float, str]]) -> Html:
    """A bar per channel; what is no number reaches the top."""
    grouped = _shared(values, np.fmax)
    finite = grouped[np.isfinite(grouped)].tolist()
    axis = axis_of([*finite, *(value for value, _ in levels)])
    foot = round(axis.base, 1)
    heads = axis.places(np.nan_to_num(grouped, nan=np.inf, posinf=np.inf, neginf=-np.inf))
    parts = [f"M{i}.1 {foot}V{head}h.8V{foot}z" for i, head in enumerate(heads)]
    bars = tag("path", d="".join(parts), class_="bars")
    return frame(title, title, axis, grouped.size, [bars], levels)


def _shared(values: Array, pick: Callable[..., Array]) -> Array:
    """Values by column of the plot: of neighbours that share one, the extreme."""
    values = np.asarray(values, np.float64)
    shared = -(-values.size // _MOST)
    if shared == 1:
        return values
    starts = np.arange(0, values.size, shared, dtype=np.int64)
    return np.asarray(pick.reduceat(values, starts))  # type: ignore[attr-defined]
