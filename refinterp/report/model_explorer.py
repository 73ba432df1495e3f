"""A debug report as node data for Model Explorer: a file per metric, which colours the graph.

Format: `{graph: {"results": {node: {"value": …}}, "gradient": [{"stop", "bgColor"}]}}` as read by
Model Explorer 0.1 (its `node_data_builder`). A node is named by its output tensor, or where that
is no name, or not one tensor's alone, by its id, which its TFLite adapter makes of the operator's
index.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from refinterp.debug.result import DebugReport, Layer

_GOOD, _FAIR, _BAD = "#4caf7a", "#f5e07a", "#e0503c"
_WORSE_UP: Final = ((0.0, _GOOD), (0.5, _FAIR), (1.0, _BAD))
_WORSE_DOWN: Final = ((0.0, _BAD), (0.5, _FAIR), (1.0, _GOOD))

Read = Callable[[Layer], float | None]
METRICS: Final[Mapping[str, tuple[Read, tuple[tuple[float, str], ...]]]] = {
    "rmse_over_scale": (lambda layer: layer.local.rmse_over_scale, _WORSE_UP),
    "sqnr_db": (lambda layer: layer.local.sqnr_db, _WORSE_DOWN),
    "accumulated_rmse_over_scale": (
        lambda layer: layer.accumulated.rmse_over_scale if layer.accumulated else None,
        _WORSE_UP,
    ),
    "accumulated_sqnr_db": (
        lambda layer: layer.accumulated.sqnr_db if layer.accumulated else None,
        _WORSE_DOWN,
    ),
    "saturated_fraction": (lambda layer: layer.saturated_fraction, _WORSE_UP),
}
"""Metrics, the first being the one layers are ranked by."""


def node_data(report: DebugReport, metric: str, graph: str | None = None) -> dict[str, Any]:
    """Return the content of one file. metric: a key of `METRICS`; graph: the subgraph's name.

    Layers without a finite value are left out: the format knows numbers only.
    """
    read, gradient = METRICS[metric]
    names = Counter(layer.name for layer in report.layers)
    results = {}
    for layer in report.layers:
        value = read(layer)
        if value is not None and math.isfinite(value):
            results[_node(layer, names)] = {"value": value}
    stops = [{"stop": stop, "bgColor": color} for stop, color in gradient]
    return {graph or "main": {"results": results, "gradient": stops}}


def _node(layer: Layer, names: Counter[str]) -> str:
    name = layer.name
    known = name.encode("utf-8", "ignore").decode() == name  # else its bytes are not UTF-8
    own = known and name and names[name] == 1 and not name.isdigit()
    return name if own else str(layer.operator)
