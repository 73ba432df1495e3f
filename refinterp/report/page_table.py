"""A table whose headings sort it and whose rows may unfold, as HTML.

Rows are grids, not table rows, so that columns can leave on narrow screens and details take the
full width; roles keep it a table for those who do not see it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from refinterp.report.html import Html, tag


@dataclass(frozen=True, slots=True)
class Heading:
    """A column. wide: shown on wide screens only. down: a first click puts the largest first."""

    title: object
    number: bool = True
    wide: bool = False
    down: bool = False
    sort: bool = True
    hint: str | None = None

    @property
    def style(self) -> str:
        """The column's classes."""
        return " ".join(name for name in ("number", "wide") if getattr(self, name))


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell shows and what it is sorted by: a number, or text; nan and None are last."""

    shown: object
    key: float | str | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row. id: what links to it say. detail: what unfolds below it. words: what finds it."""

    cells: Sequence[Cell]
    detail: Html | None = None
    id: str | None = None
    style: str = ""
    words: str = ""


def table(name: str, headings: Sequence[Heading], rows: Iterable[Row], *, finds: str = "") -> Html:
    """Return the table. name: its id, which the style sheet knows the widths of columns by.

    finds: what a box above it filters by, in words; none without.
    """
    first = tag(
        "div",
        *(
            tag(
                "div", heading.title, role="columnheader", class_=heading.style or None,
                title=heading.hint,
                data_sort=("down" if heading.down else "up") if heading.sort else None,
            )
            for heading in headings
        ),
        role="row",
        class_="cells head",
    )  # fmt: skip
    return tag(
        "div", first, *(_row(headings, row) for row in rows),
        class_="table", id=name, role="table", data_finds=finds or None,
    )  # fmt: skip


def _row(headings: Sequence[Heading], row: Row) -> Html:
    cells = tag(
        "div",
        *(
            tag("div", cell.shown, role="cell", class_=heading.style or None, data_key=_key(cell))
            for heading, cell in zip(headings, row.cells, strict=True)
        ),
        role="row",
        class_="cells",
    )
    detail = None
    if row.detail is not None:
        detail = tag("div", row.detail, class_="detail", id=row.id, role="row")
    return tag(
        "div", cells, detail, class_=f"entry {row.style}".strip(), role="rowgroup",
        data_words=row.words or None,
    )  # fmt: skip


def _key(cell: Cell) -> str:
    if cell.key is None or (isinstance(cell.key, float) and math.isnan(cell.key)):
        return ""
    if isinstance(cell.key, float) and math.isinf(cell.key):
        return "Infinity" if cell.key > 0 else "-Infinity"
    return str(cell.key)
