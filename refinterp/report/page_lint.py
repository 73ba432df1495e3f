"""Findings about models as one page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from refinterp.graph.finding import SEVERITIES
from refinterp.report.html import Html, tag
from refinterp.report.lint_answer import (
    FindingGroup,
    Linted,
    finding_groups,
    lint_answer,
    place,
)
from refinterp.report.page import answer, label, page, prose, section, tile
from refinterp.report.page_table import Cell, Heading, Row, table

_SHOWN: Final = 8  # findings of a group that are not folded away
_OVERVIEW: Final = (
    Heading("model", number=False),
    Heading("errors", down=True),
    Heading("warnings", down=True),
    Heading("notes", down=True),
)


def lint_page(results: Sequence[Linted], data: Mapping[str, Any]) -> str:
    """Return the page. data: the same as the command's document."""
    several = len(results) > 1
    title = f"{len(results)} models" if several else results[0].name
    return page(
        f"{title}: findings",
        tag(
            "header",
            tag("h1", label(title)),
            answer(lint_answer(results)),
            tag("div", *_tiles(results), class_="tiles"),
        ),
        _overview(results) if several else None,
        *(_model(one, at, several=several) for at, one in enumerate(results)),
        data=data,
    )


def _tiles(results: Sequence[Linted]) -> list[Html]:
    counts = Counter(finding.severity for one in results for finding in one.findings)
    tiles = []
    for severity in SEVERITIES:
        bad = "bad" if severity == "error" and counts[severity] else None
        tiles.append(tile(f"{severity}s", counts[severity], mood=bad))
    refused = sum(1 for one in results if one.error is not None)
    if refused:
        tiles.append(tile("refused", refused, f"of {len(results)} models", "bad"))
    return tiles


def _overview(results: Sequence[Linted]) -> Html:
    rows = []
    for at, one in enumerate(results):
        counts = Counter(finding.severity for finding in one.findings)
        named = label(one.name)
        told = bool(one.findings or one.error)
        name = tag("a", named, href=f"#model-{at}") if told else named
        figures = [Cell("-" if one.error else counts[s], counts[s]) for s in SEVERITIES]
        rows.append(Row((Cell(name, one.name), *figures), words=one.name))
    return section("Overview", table("models", _OVERVIEW, rows, finds="model"))


def _model(one: Linted, at: int, *, several: bool) -> Html | None:
    groups = finding_groups(one.findings)
    if one.error is not None:
        shown = prose(f"refused: {one.error}", "note bad")
    elif groups:
        shown = tag("ul", *map(_group, groups), class_="findings")
    else:
        return None
    return section(one.name if several else "", shown, id=f"model-{at}", class_="findings")


def _group(group: FindingGroup) -> Html:
    where = [
        prose(f"{'' if f.operator is None else f'operator {place(f)}: '}{f.evidence}", "where")
        for f in group.findings
    ]
    rest = where[_SHOWN:]
    more = tag("details", tag("summary", f"{len(rest)} more"), *rest) if rest else None
    mood = "chip bad" if group.severity == "error" else "chip"
    head = tag(
        "div",
        tag("span", group.severity, class_=mood),
        tag("b", group.id),
        tag("span", group.where.strip()),
        class_="finding-head",
    )
    return tag("li", head, prose(group.remedy, "remedy"), *where[:_SHOWN], more)
