"""Text folded into lines of a width: words are never lost, and only too long ones are divided."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from refinterp.report.words import columns

_HANG: Final = 2  # columns that a line's continuation stands further in
_LEAST: Final = 20  # columns for words, however narrow the screen
_JOINTS: Final = "/;,:._-|="  # where a long word may be divided: after one of these


def wrapped(text: str, width: int, hang: int | None = None) -> Iterator[str]:
    """Yield lines of at most `width` columns that hold all of the text's words.

    A line that fits stays as it is. hang: columns the continuation of a line is indented by; None:
    two more than the line itself.
    """
    for line in text.split("\n"):
        if columns(line) <= width:
            yield line
            continue
        lead = len(line) - len(line.lstrip(" "))
        yield from _folded(line, width, lead + _HANG if hang is None else hang)


def _folded(line: str, width: int, hang: int) -> Iterator[str]:
    hang = max(0, min(hang, width - _LEAST))
    now, gap = "", ""
    for piece in re.findall(r" +|[^ ]+", line):
        if piece.startswith(" "):
            now, gap = (now, piece) if now.strip() else (now + piece, "")
            continue
        if now.strip() and columns(now + gap + piece) > width:
            yield now
            now, gap = " " * hang, ""
        now, gap = now + gap + piece, ""
        while columns(now) > width:
            at = _joint(now, width)
            yield now[:at]
            now = " " * hang + now[at:]
    if now.strip():
        yield now


def _joint(text: str, width: int) -> int:
    """Where to divide a text without spaces: after the last joint of its second half that fits."""
    at = len(text)
    while columns(text[:at]) > width:
        at -= 1
    for place in range(at, max(1, at // 2), -1):
        if text[place - 1] in _JOINTS:
            return place
    return max(1, at)
