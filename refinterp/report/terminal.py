"""Tables and text for people at a terminal, through `rich`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from refinterp.report.encodings import fall_back
from refinterp.report.words import clean, shorten
from refinterp.report.words import columns as taken
from refinterp.report.wrap import wrapped

Justify = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading, side, and what happens to it when the terminal is narrow.

    cut: its cells, names of tensors, lose their beginning, and it gives way first. fold: its cells
    take more lines, between words as long as that is enough. Other columns on the left fold last;
    those with whole, names of operators, if nothing else gives way. What is on the right, numbers
    and indices, stays whole at any width: where a row has no room for it, each row is a paragraph.
    """

    heading: str
    justify: Justify = "left"
    fold: bool = False
    cut: bool = False
    whole: bool = False


_LEAST_CUT = 10  # characters that are left of a name
_LEAST_OF_ALL = 6  # the same, where an operator's name would be divided otherwise
_LEAST_FOLDED = 12
PIPED = 80  # columns where nobody says how wide the reader's screen is


def print_table(
    columns: Sequence[Column], rows: Iterable[Sequence[object]], *, title: str | None = None
) -> None:
    """Print rows under headings. Cells are text, never markup: names come from the model's file."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    if title:
        print_text(title, style="bold")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    cells = [[clean(cell) for cell in row] for row in rows]
    screen = console()
    widths = _widths(columns, cells, screen.width)
    if sum(widths) + 2 * len(columns) > screen.width:
        _print_paragraphs(columns, cells)
        return
    for column, width in zip(columns, widths, strict=True):
        table.add_column(
            column.heading,
            justify=column.justify,
            no_wrap=column.justify == "right",
            overflow="fold",
            width=width,
        )
    for row in cells:
        shown = [_cell(*one) for one in zip(row, columns, widths, strict=True)]
        table.add_row(*map(Text, shown))
    with screen.capture() as capture:
        screen.print(table)
    lines = capture.get().splitlines()
    console().file.write("".join(line.rstrip() + "\n" for line in lines))


def _print_paragraphs(columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> None:
    """Print each row as a paragraph of headings with what stands below them."""
    print_text()
    for row in cells:
        parts = [
            f"{column.heading} {' '.join(cell.split())}".strip()
            for column, cell in zip(columns, row, strict=True)
            if cell.strip()
        ]
        print_text("; ".join(parts))
    print_text()


def _cell(text: str, column: Column, width: int) -> str:
    """What a cell shows in a width."""
    if column.cut:
        return shorten(text, width)
    return text if column.justify == "right" else "\n".join(wrapped(text, width, 0))


def _edges(columns: Sequence[Column]) -> int:
    """Characters beside and between columns."""
    return 2 * len(columns) + 2


def _widths(columns: Sequence[Column], cells: Sequence[Sequence[str]], screen: int) -> list[int]:
    """Characters of each column: what it holds, or on a narrow screen what is left for it."""
    widths = [
        max([taken(column.heading), *(taken(line) for row in cells for line in row[i].split("\n"))])
        for i, column in enumerate(columns)
    ]
    excess = sum(widths) + _edges(columns) - screen
    others = [i for i, c in enumerate(columns) if not (c.fold or c.cut) and c.justify == "left"]
    folded = [i for i, c in enumerate(columns) if c.fold and not c.cut]
    words = {
        i: max(map(taken, " ".join(row[i] for row in cells).split()), default=0) for i in folded
    }
    tiers: tuple[tuple[list[int], int, dict[int, int]], ...] = (
        ([i for i, c in enumerate(columns) if c.cut], _LEAST_CUT, {}),
        (folded, _LEAST_FOLDED, words),
        ([i for i in others if not columns[i].whole], _LEAST_FOLDED, {}),
        (folded, _LEAST_FOLDED, {}),
        ([i for i, c in enumerate(columns) if c.cut], _LEAST_OF_ALL, {}),
        ([i for i in others if columns[i].whole], _LEAST_FOLDED, {}),
    )
    for places, least, whole in tiers:
        while excess > 0:
            wide = [i for i in places if widths[i] > max(least, whole.get(i, 0))]
            if not wide:
                break
            widths[max(wide, key=lambda i: widths[i])] -= 1
            excess -= 1
    return widths


def print_text(
    text: str = "", *, style: str | None = None, hang: int | None = None, whole: bool = False
) -> None:
    """Print text without markup, folded between words where it is wider than the screen.

    hang: columns the continuation of a line is indented by, two more than the line when None.
    whole: do not fold, for what is copied and pasted.
    """
    from rich.text import Text

    screen = console()
    shown = clean(text)
    if not whole:
        shown = "\n".join(wrapped(shown, screen.width, hang))
    screen.print(Text(shown, style=style or ""), soft_wrap=True)


def print_answer(lines: Sequence[tuple[str, str]]) -> None:
    """Print what a command comes to, before all else: labels, and beside each what is said.

    lines: (label, text); the first is the verdict.
    """
    margin = max(len(label) for label, _ in lines) + 2
    for place, (label, text) in enumerate(lines):
        said = clean(text).replace("\n", " ")
        print_text(f"{label:{margin}}{said}", style=None if place else "bold", hang=margin)


def console() -> Any:
    """Return a console on today's standard output; colours only where it is a terminal.

    In a pipe or a file it is COLUMNS wide where that is set, else 80, wherever it was started.
    """
    from rich.console import Console

    class Drawing(Console):
        """Draws the same signs in every encoding: `fall_back` spells those that it lacks."""

        encoding = "utf-8"

    fall_back(sys.stdout)
    screen = Drawing(highlight=False)
    if not screen.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
        screen.width = PIPED
    return screen


def dims(shape: Sequence[int]) -> str:
    """A shape as people write it: 1x28x28x3; scalar for no axes."""
    return "x".join(map(str, shape)) if shape else "scalar"
