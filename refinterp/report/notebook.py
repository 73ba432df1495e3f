"""How models, plans and reports show themselves in a notebook: `%load_ext refinterp`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from refinterp.arena.tensor_plan import TensorPlan
from refinterp.debug.result import DebugReport
from refinterp.graph.model import Model, Subgraph, Tensor
from refinterp.report.html import Html, join, tag
from refinterp.report.memory_map_svg import memory_map_svg
from refinterp.report.page import shown
from refinterp.report.page_debug import debug_page
from refinterp.report.terminal import dims

_MOST: Final = 200  # operators of a model that are listed
_NAME: Final = 48


def plan_html(plan: TensorPlan) -> str:
    """The plan's picture."""
    return memory_map_svg(plan)


def report_html(report: DebugReport) -> str:
    """The report's page, in a frame of its own that can reach nothing outside."""
    return tag(
        "iframe", srcdoc=debug_page(report), sandbox="allow-scripts allow-downloads",
        style="width:100%;height:720px;border:0",
    )  # fmt: skip


def model_html(model: Model) -> str:
    """Inputs, outputs and operators of each subgraph."""
    return tag("div", *(_graph(graph, at) for at, graph in enumerate(model.subgraphs)))


def load_ipython_extension(shell: Any) -> None:
    """Register the formatters with IPython; it calls this for `%load_ext refinterp`."""
    formatter = shell.display_formatter.formatters["text/html"]
    for kind, show in _FORMATTERS.items():
        formatter.for_type(kind, show)


def unload_ipython_extension(shell: Any) -> None:
    """Take the formatters back."""
    formatter = shell.display_formatter.formatters["text/html"]
    for kind in _FORMATTERS:
        formatter.pop(kind, None)


_FORMATTERS: Final[Mapping[type, Callable[[Any], str]]] = {
    TensorPlan: plan_html,
    DebugReport: report_html,
    Model: model_html,
}


def _graph(graph: Subgraph, at: int) -> Html:
    edges = [
        tag("p", tag("b", side), ": ", join((_tensor(graph, i) for i in tensors), ", "))
        for side, tensors in (("inputs", graph.inputs), ("outputs", graph.outputs))
    ]
    rows = [
        tag("tr", tag("td", i), tag("td", operator.name),
            tag("td", join((_tensor(graph, t) for t in operator.outputs), ", ")))
        for i, operator in enumerate(graph.operators[:_MOST])
    ]  # fmt: skip
    left = len(graph.operators) - _MOST
    head = tag("tr", *(tag("th", name) for name in ("op", "operator", "makes")))
    return join(
        (
            tag("p", tag("b", f"subgraph {at}"), f" {shown(graph.name or '')}, "
                f"{len(graph.operators)} operators"),
            *edges,
            tag("table", tag("thead", head), tag("tbody", *rows)),
            tag("p", f"… and {left} more") if left > 0 else None,
        )
    )  # fmt: skip


def _tensor(graph: Subgraph, index: int) -> Html:
    if not 0 <= index < len(graph.tensors):
        return tag("span", "none")
    tensor = graph.tensors[index]
    return join((tag("code", shown(tensor.name, _NAME)), f" {tensor.dtype} {_details(tensor)}"))


def _details(tensor: Tensor) -> str:
    grid = tensor.quantization
    if grid is None or not grid.scale.size:
        return dims(tensor.shape)
    if grid.per_channel:
        return f"{dims(tensor.shape)}, {grid.scale.size} scales"
    zero = int(grid.zero_point[0]) if grid.zero_point.size else 0
    return f"{dims(tensor.shape)}, {grid.scale[0]:.6g} × (q − {zero})"
