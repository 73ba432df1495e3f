"""The rooms of the package and what they import, drawn from the code.

    python -m conformance.rooms

writes `docs/rooms.svg` and the list in CONTRIBUTING.md.
"""

from __future__ import annotations

import ast
import itertools
import statistics
import sys
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Final

import refinterp

ROOT: Final = Path(refinterp.__file__).parent
PICTURE: Final = ROOT.parent / "docs" / "rooms.svg"
TEXT: Final = ROOT.parent / "CONTRIBUTING.md"
BEGIN, END = "<!-- rooms: begin -->", "<!-- rooms: end -->"

ROOMS: Final[Mapping[str, str]] = {
    "errors": "what is raised",
    "version": "the version",
    "numerics": "rounding rules, exact products",
    "graph": "a model as frozen data; what an operator is",
    "modelfile": "bytes to a model and back",
    "samples": "input data",
    "runtimes": "installed LiteRT and TFLM, in processes of their own",
    "kernels": "what operators compute: in `ops` a file an operator, or a family of like ones",
    "evidence": "what kernels were held against",
    "verdicts": "what each runtime refuses or computes otherwise",
    "arena": "planners and their judge",
    "tflm": "what TFLM allocates",
    "boards": "cores, chips and boards by the names people use",
    "run": "prepares a model and runs it",
    "interpreter": "the drop-in",
    "debug": "which layer loses what, and why",
    "cost": "what inference takes on a device: work, time, energy",
    "fit": "whether models fit a board, and what would make them",
    "explain": "definitions on Python integers",
    "bench": "time and memory beside the runtimes",
    "export": "sources for a firmware project, modules for MicroPython",
    "report": "all that formats: tables, pages, documents",
    "cli": "the commands",
}
"""Every folder and file of the package, in an order in which imports point back only."""


def imported_rooms(path: Path) -> set[str]:
    """Return the rooms that a file imports from.

    Raises ValueError for a relative import, which does not say which room it means.
    """
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{path}: relative import; spell the package out")
            alone = node.module == "refinterp"
            names = [f"refinterp.{a.name}" for a in node.names] if alone else [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("refinterp.")}
    return found


@cache
def imports() -> Mapping[str, frozenset[str]]:
    """Return the other rooms that each room imports from."""
    found = {}
    for room in ROOMS:
        files = [*ROOT.glob(f"{room}.py"), *(ROOT / room).rglob("*.py")]
        found[room] = frozenset(set().union(*map(imported_rooms, files)) & set(ROOMS) - {room})
    return found


@cache
def _reached(room: str) -> frozenset[str]:
    """All rooms that one imports from, directly or by way of others."""
    return frozenset().union(*({other} | _reached(other) for other in imports()[room]))


@cache
def _floor(room: str) -> int:
    """The floor a room stands on, from the top: as low as those that import from it allow."""
    above = max((_floor_from_above(other) for other in imports()[room]), default=-1)
    users = [other for other, its in imports().items() if room in its]
    return min(map(_floor, users)) - 1 if users else above + 1


@cache
def _floor_from_above(room: str) -> int:
    return 1 + max((_floor_from_above(other) for other in imports()[room]), default=-1)


def arrows() -> list[tuple[str, str]]:
    """Return (room, room it imports from), without those that follow from others."""
    found = []
    for room, others in imports().items():
        implied = frozenset().union(*(_reached(other) for other in others))
        found += [(room, other) for other in ROOMS if other in others - implied]
    return found


_WIDTH, _HEIGHT, _ACROSS, _DOWN = 104, 30, 124, 66
_STYLE = (
    "rect{fill:#fff;stroke:#444}text{font:14px sans-serif;text-anchor:middle;fill:#222}"
    "path{fill:none;stroke:#888}"
)
_Point = tuple[str, str, int]
"""A place an arrow runs through on its way: (room, room it imports from, floor)."""


def _ways() -> list[list[str | _Point]]:
    """Return the arrows from the top down, each with a point on every floor it runs through."""
    return [
        [other, *((room, other, f) for f in range(_floor(other) + 1, _floor(room))), room]
        for room, other in arrows()
    ]


def _places(ways: list[list[str | _Point]]) -> dict[str | _Point, tuple[float, int]]:
    """Return where rooms and points lie: each floor in the order of what lies above, in middle."""
    floors: dict[int, list[str | _Point]] = {}
    for what in dict.fromkeys([*ROOMS, *(point for way in ways for point in way)]):
        floors.setdefault(_floor(what) if isinstance(what, str) else what[2], []).append(what)
    above: dict[str | _Point, list[str | _Point]] = {}
    for way in ways:
        for upper, lower in itertools.pairwise(way):
            above.setdefault(lower, []).append(upper)
    widest = max(map(len, floors.values()))
    place: dict[str | _Point, tuple[float, int]] = {}
    for floor, row in sorted(floors.items()):
        mean = {
            w: statistics.mean(place[u][0] for u in above.get(w, ())) if w in above else 0
            for w in row
        }
        row.sort(key=mean.__getitem__)
        left = (widest - len(row)) * _ACROSS // 2 + _ACROSS // 2
        place |= {
            what: (left + n * _ACROSS, floor * _DOWN + _DOWN // 2) for n, what in enumerate(row)
        }
    return place


def _line(way: list[str | _Point], place: Mapping[str | _Point, tuple[float, int]]) -> str:
    half = _HEIGHT // 2
    x, y = place[way[0]]
    line = f"M{x:g} {y + half}"
    for point in way[1:]:
        x0, y0 = x, y
        x, y = place[point]
        line += f"C{x0:g} {y0 + half + 24} {x:g} {y - half - 24} {x:g} {y - half}V{y + half}"
    return f'<path d="{line}"/>'


def picture() -> str:
    """Return the SVG: what a room imports from lies above it, arrows that others imply left out."""
    ways = _ways()
    place = _places(ways)
    width = max(x for x, _ in place.values()) + _ACROSS // 2
    height = max(y for _, y in place.values()) + _DOWN // 2
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" '
        f'width="{width:g}" role="img">',
        "<title>The rooms of refinterp and what they import</title>",
        f"<style>{_STYLE}</style>",
        f'<rect width="{width:g}" height="{height}" style="stroke:none"/>',
    ]
    lines += [_line(way, place) for way in ways]
    for room, what in ROOMS.items():
        x, y = place[room]
        lines.append(
            f'<g><title>{escape(what)}</title><rect x="{x - _WIDTH // 2:g}" '
            f'y="{y - _HEIGHT // 2}" width="{_WIDTH}" height="{_HEIGHT}" rx="4"/>'
            f'<text x="{x:g}" y="{y + 5}">{room}</text></g>'
        )
    return "\n".join([*lines, "</svg>", ""])


def listing() -> str:
    """Return the list of rooms as CONTRIBUTING.md has it."""
    rows = [f"| `{room}` | {what} |" for room, what in ROOMS.items()]
    return "\n".join([BEGIN, "| room | |", "|---|---|", *rows, END])


def with_listing(text: str) -> str:
    """Return a page with its list of rooms made anew; ValueError where it has no place for one."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"no {BEGIN} … {END}")
    return before + listing() + after


def main() -> int:
    """Write both."""
    PICTURE.write_text(picture(), "utf-8", newline="\n")
    TEXT.write_text(with_listing(TEXT.read_text("utf-8")), "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
