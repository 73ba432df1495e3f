"""Memory plans as one page: the answer in bytes, the map, every buffer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

from refinterp.arena.tensor_plan import PlannedBuffer, TensorPlan
from refinterp.report.html import Html, join, own_svg, tag
from refinterp.report.memory_map import buffer_name, scope_name, scope_span
from refinterp.report.memory_map_svg import memory_map_svg
from refinterp.report.page import answer, definitions, label, operator_name, page, section, tile
from refinterp.report.page_ledger import ledger_sections, ledger_tiles, what_if_section
from refinterp.report.page_table import Cell, Heading, Row, table
from refinterp.report.words import count, kibibytes
from refinterp.tflm.ledger_data import Ledger, SharedArena
from refinterp.tflm.what_if import WhatIf

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

_OVERVIEW: Final = (
    Heading("model", number=False),
    Heading("smallest arena", down=True, hint="bytes with which the model really runs"),
    Heading("used", wide=True, down=True),
    Heading("head", down=True),
    Heading("waste", wide=True, down=True),
)

_WORDS: Final = [
    ("head", "The part of the arena that tensors share, over time. Its size is the highest byte "
     "any of them reaches."),
    ("lower bound", "The most bytes that are live at one moment. No plan needs fewer."),
    ("waste", "What the plan takes beyond the lower bound."),
    ("scope", "A moment: 0 is where inputs are given, i + 1 is operator i."),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arena:
    """One model in one profile on the page.

    source: its path or name. ledger: TFLM's, where it has been kept. what_ifs: what changes bring.
    """

    source: str
    plan: TensorPlan
    ledger: Ledger | None = None
    what_ifs: Sequence[WhatIf] = ()


def arena_page(
    arenas: Sequence[Arena],
    data: Mapping[str, Any],
    shared: SharedArena | None = None,
    *,
    summary: Sequence[tuple[str, str]] = (),
    refused: Sequence[tuple[str, str]] = (),
) -> str:
    """Return the page. data: the same as the command's document; shared: all in one arena.

    summary: what it comes to, label by label. refused: models without figures, and why.
    """
    several = len(arenas) != 1
    title = f"{len(arenas)} arenas" if several else PurePath(arenas[0].source).name
    return page(
        f"{title}: arena",
        tag("header", tag("h1", title), answer(summary)) if several else None,
        section("Refused", answer(refused)) if refused else None,
        _overview(arenas, shared) if several else None,
        *(
            part
            for at, arena in enumerate(arenas)
            for part in _arena(arena, at, () if several else summary, several=several)
        ),
        section("", definitions(_WORDS)),
        data=data,
    )


def _overview(arenas: Sequence[Arena], shared: SharedArena | None) -> Html:
    """All arenas in one table; a row leads to its part of the page."""
    rows = []
    for at, arena in enumerate(arenas):
        name = PurePath(arena.source).name
        where, least, used = "plan only", None, None
        if arena.ledger is not None:
            where = arena.ledger.profile.label
            least, used = arena.ledger.minimum_arena_bytes, arena.ledger.arena_used_bytes
        named = tag(
            "div", tag("a", label(name), href=f"#arena-{at}"), tag("span", where, class_="soft"),
            class_="layer",
        )  # fmt: skip
        rows.append(
            Row(
                (
                    Cell(named, f"{name[-256:]} {where}"),
                    *(Cell("-" if n is None else count(n), n) for n in (least, used)),
                    Cell(count(arena.plan.head_bytes), arena.plan.head_bytes),
                    Cell(count(arena.plan.waste_bytes), arena.plan.waste_bytes),
                ),
                words=f"{name[-256:]} {where}",
            )
        )
    return section(
        "Overview",
        table("overview", _OVERVIEW, rows, finds="model or target"),
        None if shared is None else tag("p", *_together(shared), class_="note"),
    )


def _together(shared: SharedArena) -> list[object]:
    tails = " + ".join(count(size) for size in shared.tail_bytes_each)
    return [
        "All in one arena, set up in this order, one running at a time: smallest arena ",
        tag("b", f"{count(shared.minimum_arena_bytes)} B"),
        f", used {count(shared.arena_used_bytes)} B: largest head {count(shared.head_bytes)} + "
        f"tails {tails} + allocator {count(shared.allocator_bytes)}.",
    ]


def _arena(
    arena: Arena, at: int, summary: Sequence[tuple[str, str]], *, several: bool
) -> list[Html]:
    name, plan, ledger = PurePath(arena.source).name, arena.plan, arena.ledger
    said: list[object] = ["Memory plan by the ", tag("b", plan.planner), " planner"]
    if ledger is not None:
        profile = ledger.profile
        said += [", TFLM on ", tag("b", profile.label), f" ({profile.provenance})"]
    tiles = [] if ledger is None else ledger_tiles(ledger)
    return [
        tag(
            "header",
            tag("h2" if several else "h1", label(name)),
            tag("p", *said, ".", class_="said"),
            answer(summary) if summary else None,
            tag("div", *tiles, *_tiles(plan), class_="tiles"),
            id=f"arena-{at}",
        ),
        plan_section(plan, name, heading="Offset × time"),
        *([] if ledger is None else ledger_sections(ledger, str(at))),
        *([what_if_section(arena.what_ifs, str(at))] if arena.what_ifs else []),
        section("Buffers", _buffers(plan, f"buffers-{at}")),
    ]


def plan_section(plan: TensorPlan, name: str, *, heading: str) -> Html:
    """Draw a plan in a section of a page."""
    return section(
        heading,
        tag("div", own_svg(memory_map_svg(plan, title=name)), class_="scroll map", tabindex="0"),
    )


def _tiles(plan: TensorPlan) -> list[Html]:
    waste = plan.waste_bytes
    share = f"{100 * waste / plan.lower_bound_bytes:.1f} % above the bound" if waste else "optimal"
    tiles = [
        tile("head", f"{count(plan.head_bytes)} B", kibibytes(plan.head_bytes)),
        tile("lower bound", f"{count(plan.lower_bound_bytes)} B", "no plan can be smaller"),
        tile("waste", f"{count(waste)} B", share, "good" if not waste else None),
        tile("peak", operator_name(scope_name(plan, plan.peak_scope)), f"scope {plan.peak_scope}"),
    ]
    if plan.variables:
        kept = sum(buffer.size for buffer in plan.variables)
        tiles.append(tile("variables", f"{count(kept)} B", "kept between runs, outside the head"))
    return tiles


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
