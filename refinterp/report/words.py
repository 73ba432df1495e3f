"""Numbers and names as every report writes them."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from pathlib import PurePath


def clean(cell: object) -> str:
    """Text that cannot move the cursor: control characters are shown, not obeyed."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in str(cell))


def count(number: int) -> str:
    """Return a number with its thousands set apart: 55,296."""
    return f"{number:,}"


def kibibytes(size: int) -> str:
    """Return bytes in the unit people think in: 640 B, 54.0 KiB, 1.44 MiB."""
    if size < 1024:
        return f"{size} B"
    if size < 1024 * 1024:
        return f"{size / 1024:.1f} KiB"
    return f"{size / 1024 / 1024:.2f} MiB"


def one_line(name: str) -> str:
    """Return a name from a file as one line that cannot move the cursor."""
    return clean(name).replace("\n", "\\n")


def of_file(message: str, path: str) -> str:
    """Return a message about a file with its path in front, unless it names the file already."""
    return message if PurePath(path).name in message else f"{path}: {message}"


def columns(text: str) -> int:
    """Return the terminal columns a text takes: wide characters take two, combining ones none."""
    return sum(_columns(c) for c in text)


def fit(text: str, width: int) -> str:
    """Return the text in exactly width columns: padded, or with its middle left out."""
    if columns(text) > width:
        half = (width - 1) // 2
        text = f"{_head(text, width - 1 - half)}…{_head(text[::-1], half)[::-1]}"
    return text + " " * (width - columns(text))


def shorten(name: str, width: int = 32) -> str:
    """Keep the end of a long name: converters put what tells layers apart there."""
    return name if columns(name) <= width else f"…{_head(name[::-1], width - 1)[::-1]}"


def _head(text: str, width: int) -> str:
    used = 0
    for at, character in enumerate(text):
        used += _columns(character)
        if used > width:
            return text[:at]
    return text


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def some(items: Sequence[object], most: int) -> str:
    """Items with commas between, each whole: the first of them, and how many more there are."""
    shown = ", ".join(map(str, items[:most]))
    return shown if len(items) <= most else f"{shown} and {len(items) - most} more"


def operators(places: Sequence[tuple[int, int | None]], most: int = 12) -> str:
    """Operators by their indices: operator 3, operators 0, 2, 1:4; the file where none is meant.

    places: subgraph and operator; a subgraph other than the first stands before its operator.
    """
    named = [operator_place(place) for place in places if place[1] is not None]
    if not named:
        return "the file"
    return f"operator{'s' if len(named) > 1 else ''} {some(named, most)}"


def operator_place(place: tuple[int, int | None]) -> str:
    """An operator's index, with its subgraph's before it where that is not the first."""
    subgraph, operator = place
    return f"{subgraph}:{operator}" if subgraph else str(operator)


def plural(number: int, word: str) -> str:
    """A number of things: 1 sample, 2 samples."""
    return f"{count(number)} {word}{'' if number == 1 else 's'}"


def decibels(value: float) -> str:
    """An SQNR as people read it: one decimal, ∞ without error, - where it is no number."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.1f}"


def percent(fraction: float) -> str:
    """A share in percent; what is there but rounds to nothing is not shown as nothing."""
    if math.isnan(fraction):
        return "-"
    if 0 < fraction < 0.0005:
        return "<0.1 %"
    return f"{100 * fraction:.1f} %" if fraction else ""
