"""Plan the memory of models: where every tensor lies, what is live at the peak, what is wasted."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from refinterp.arena.tensor_plan import PLANNERS, TensorPlan, plan_model
from refinterp.cli.common import open_model, print_document, save_text
from refinterp.errors import UsageError
from refinterp.graph.model import Model
from refinterp.report.arena_document import plan_fields
from refinterp.report.machine import document
from refinterp.report.memory_map import memory_map
from refinterp.report.memory_map_svg import memory_map_svg
from refinterp.report.page_arena import Arena, arena_page
from refinterp.report.terminal import console

_ROWS = 40  # of the picture: what fits on a screen
_LISTED = 12  # buffers in the legend


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "models", nargs="+", metavar="MODEL", help="a .tflite file, a C array holding one, or -"
    )
    parser.add_argument(
        "--planner",
        choices=tuple(PLANNERS),
        default="greedy",
        help="how to place the tensors (default greedy, TFLM's)",
    )
    parser.add_argument("--svg", metavar="F", help="also draw the plan to this file (one model)")
    parser.add_argument("--html", metavar="F", help="also write one page that opens offline")


def run(options: argparse.Namespace) -> int:
    """Print pictures or the document."""
    if options.svg and len(options.models) > 1:
        raise UsageError(f"--svg draws one model, but {len(options.models)} are given")
    results: list[dict[str, Any]] = []
    arenas: list[Arena] = []
    for number, path in enumerate(options.models):
        model = open_model(path)
        plan = plan_model(model, options.planner)
        arenas.append(Arena(_title(path, model), plan))
        results.append({"model": model.source, **plan_fields(plan)})
        if options.svg:
            save_text(options.svg, memory_map_svg(plan, title=_title(path, model)))
        if not options.json:
            _draw(plan, _title(path, model), first=number == 0)
    whole = document(**results[0]) if len(results) == 1 else document(results=results)
    if options.html:
        save_text(options.html, arena_page(arenas, whole))
    if options.json:
        print_document(whole)
    return 0


def _title(path: str, model: Model) -> str:
    return Path(model.source or path).name


def _draw(plan: TensorPlan, title: str, *, first: bool) -> None:
    terminal = console()
    if not first:
        sys.stdout.write("\n")
    sys.stdout.write(
        memory_map(
            plan,
            title=title,
            width=terminal.width,
            height=_ROWS,
            legend=_LISTED,
            color=bool(terminal.is_terminal and terminal.color_system),
            ascii_only="utf" not in (sys.stdout.encoding or "").lower(),
        )
    )
