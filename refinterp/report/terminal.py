"""Tables and text for people at a terminal, through `rich`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Justify = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading, side, and what happens to it when the terminal is narrow.

    fold: its cells take more lines; cut: they lose their end, and it gives way first. Other columns
    keep what they hold, up to a width.
    """

    heading: str
    justify: Justify = "left"
    fold: bool = False
    cut: bool = False


_KEPT = 24  # characters a column keeps on a narrow terminal
_KEPT_BY_FOLDING = 14


def print_table(
    columns: Sequence[Column], rows: Iterable[Sequence[object]], *, title: str | None = None
) -> None:
    """Print rows under headings. Cells are text, never markup: names come from the model's file."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    cells = [
        [cell if isinstance(cell, Text) else Text(clean(cell)) for cell in row] for row in rows
    ]
    screen = console()
    for column, width in zip(columns, _widths(columns, cells, screen.width), strict=True):
        table.add_column(
            column.heading,
            justify=column.justify,
            no_wrap=not column.fold,
            overflow="fold" if column.fold else "ellipsis",
            width=width,
        )
    for row in cells:
        table.add_row(*row)
    screen.print(table)


def _widths(columns: Sequence[Column], cells: Sequence[Sequence[Any]], screen: int) -> list[int]:
    """Characters of each column: what it holds, or on a narrow screen what is left for it."""
    widths = [
        max([len(column.heading), *(len(row[i]) for row in cells)])
        for i, column in enumerate(columns)
    ]
    room = screen - 3 * len(columns)
    if sum(widths) <= room:
        return widths
    giving = [i for i, column in enumerate(columns) if column.fold or column.cut]
    widths = [w if i in giving else min(w, _KEPT) for i, w in enumerate(widths)]
    left = room - sum(w for i, w in enumerate(widths) if i not in giving)
    for place, i in enumerate(sorted(giving, key=lambda i: widths[i])):  # narrow ones first
        share = max(left // (len(giving) - place), _KEPT_BY_FOLDING)
        widths[i] = min(widths[i], share)
        left -= widths[i]
    return widths


def print_text(text: str = "", *, style: str | None = None) -> None:
    """Print a line as it is, without markup and without folding words of the model's file."""
    from rich.text import Text

    console().print(Text(clean(text), style=style or ""), soft_wrap=True)


def console() -> Any:
    """Return a console on today's standard output; colours only where it is a terminal."""
    from rich.console import Console

    return Console(highlight=False)


def clean(cell: object) -> str:
    """Text that cannot move the cursor: control characters are shown, not obeyed."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in str(cell))


def shorten(name: str, width: int = 32) -> str:
    """Keep the end of a long name: converters put what tells layers apart there."""
    return name if len(name) <= width else "…" + name[-(width - 1) :]


def dims(shape: Sequence[int]) -> str:
    """A shape as people write it: 1x28x28x3; scalar for no axes."""
    return "x".join(map(str, shape)) if shape else "scalar"
