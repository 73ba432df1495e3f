"""Memory plans as one page: the answer in bytes, the map, every buffer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Final

from refinterp.arena.tensor_plan import PlannedBuffer, TensorPlan
from refinterp.report.arena_document import plan_fields
from refinterp.report.html import Html, join, own_svg, tag
from refinterp.report.machine import document
from refinterp.report.memory_map import buffer_name, scope_name, scope_span
from refinterp.report.memory_map_svg import memory_map_svg
from refinterp.report.page import definitions, label, page, section, tile
from refinterp.report.page_table import Cell, Heading, Row, table
from refinterp.report.words import count, kibibytes

_HEADINGS: Final = (
    Heading("offset", hint="bytes from the start of the arena"),
    Heading("buffer", number=False),
    Heading("bytes", down=True, hint="rounded up to 16"),
    Heading("kind", number=False, wide=True),
    Heading(
        "scopes", hint="first to last use, inclusive: inputs are there at 0, operator i at i+1"
    ),
    Heading("at peak", number=False, wide=True, hint="live when most bytes are"),
)

_WORDS: Final = [
    ("head", "The part of the arena that tensors share, over time. Its size is the highest byte "
     "any of them reaches."),
    ("lower bound", "The most bytes that are live at one moment. No plan needs fewer."),
    ("waste", "What the plan takes beyond the lower bound."),
    ("scope", "A moment: 0 is where inputs are given, i + 1 is operator i."),
]  # fmt: skip


def arena_page(plans: Sequence[tuple[str, TensorPlan]]) -> str:
    """Return the page. plans: by the model's path or name."""
    names = [PurePath(source).name for source, _ in plans]
    several = len(plans) > 1
    title = f"{len(plans)} models" if several else names[0]
    results = [{"model": source, **plan_fields(plan)} for source, plan in plans]
    parts: list[Html] = []
    for at, (name, (_, plan)) in enumerate(zip(names, plans, strict=True)):
        parts.append(
            tag("header", tag("h2" if several else "h1", label(name)),
                tag("p", "Memory plan by the ", tag("b", plan.planner), " planner.", class_="said"),
                _tiles(plan))
        )  # fmt: skip
        parts.append(plan_section(plan, name, heading="Offset × time"))
        parts.append(section("Buffers", _buffers(plan, f"buffers-{at}")))
    return page(
        f"{title}: arena",
        tag("h1", title) if several else None,
        *parts,
        section("", definitions(_WORDS)),
        data=document(results=results) if several else document(**results[0]),
    )


def plan_section(plan: TensorPlan, name: str, *, heading: str) -> Html:
    """Draw a plan in a section of a page."""
    return section(
        heading,
        tag("div", own_svg(memory_map_svg(plan, title=name)), class_="scroll map", tabindex="0"),
    )


def _tiles(plan: TensorPlan) -> Html:
    waste = plan.waste_bytes
    share = f"{100 * waste / plan.lower_bound_bytes:.1f} % above the bound" if waste else "optimal"
    tiles = [
        tile("head", f"{count(plan.head_bytes)} B", kibibytes(plan.head_bytes)),
        tile("lower bound", f"{count(plan.lower_bound_bytes)} B", "no plan can be smaller"),
        tile("waste", f"{count(waste)} B", share, "good" if not waste else None),
        tile("peak", scope_name(plan, plan.peak_scope), f"scope {plan.peak_scope}"),
    ]
    if plan.variables:
        kept = sum(buffer.size for buffer in plan.variables)
        tiles.append(tile("variables", f"{count(kept)} B", "kept between runs, outside the head"))
    return tag("div", *tiles, class_="tiles")


def _buffers(plan: TensorPlan, name: str) -> Html:
    owners = {id(plan.buffers[i]) for i in plan.peak_owners}
    largest = max((buffer.size for buffer in (*plan.buffers, *plan.variables)), default=1)
    rows = [
        _row(buffer, id(buffer) in owners, largest) for buffer in (*plan.buffers, *plan.variables)
    ]
    return table(name, _HEADINGS, rows, finds="name or kind")


def _row(buffer: PlannedBuffer, at_peak: bool, largest: int) -> Row:
    share = 100 * buffer.size / max(1, largest)
    size = join(
        (
            tag("i", tag("i", style=f"width:{share:.1f}%"), class_="bar"),
            tag("span", count(buffer.size)),
        )
    )
    return Row(
        (
            Cell(count(buffer.offset), buffer.offset),
            Cell(label(buffer_name(buffer)), buffer.name[-256:]),
            Cell(size, buffer.size),
            Cell(buffer.kind, buffer.kind),
            Cell(scope_span(buffer), buffer.first_use),
            Cell("peak" if at_peak else "", "0" if at_peak else "1"),
        ),
        style="suspect" if at_peak else "",
        words=f"{buffer.name[-256:]} {buffer.kind}",
    )
