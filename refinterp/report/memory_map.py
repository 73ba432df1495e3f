"""A memory plan as a picture in the terminal: offsets run to the right, time runs down.

Every row is a scope, that is an operator; every column a slice of the arena. A buffer is a
rectangle that begins with its letter in each row; dots are bytes nobody needs at that moment.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from refinterp.arena.tensor_plan import PlannedBuffer, TensorPlan
from refinterp.report.words import columns, count, fit, kibibytes, one_line

_LETTERS: Final = string.ascii_lowercase + string.ascii_uppercase + string.digits
_COLORS: Final = (117, 223, 151, 217, 189, 228, 159, 180, 211, 193, 147, 252)  # of 256, all light
_NAME: Final = 18  # columns for an operator's name
_LIVE: Final = 10  # columns for the bytes live in a row
_OWNERS: Final = 8  # owners of the peak that are named
_NOBODY: Final = -1


@dataclass(frozen=True, slots=True)
class _Glyphs:
    free: str
    fills: str
    peak: str
    mark: str
    bound: str
    dash: str


_UNICODE: Final = _Glyphs(free="·", fills="░▒▓█", peak="▶", mark="◀", bound="▲", dash="–")
_ASCII: Final = _Glyphs(free=".", fills="", peak=">", mark="<", bound="^", dash="-")


def in_time(plan: TensorPlan) -> list[int]:
    """Return the plan's buffers, by index, in the order they come to life."""
    return sorted(range(len(plan.buffers)), key=lambda i: (plan.buffers[i].first_use, i))


def letters(plan: TensorPlan) -> list[str]:
    """Return each buffer's letter: a is the first in time; after 62 they come round again."""
    given = [""] * len(plan.buffers)
    for rank, index in enumerate(in_time(plan)):
        given[index] = _LETTERS[rank % len(_LETTERS)]
    return given


def scope_name(plan: TensorPlan, scope: int) -> str:
    """Say what happens at a scope; a called subgraph's operators carry its number."""
    if not 0 <= scope < len(plan.scopes):
        return "never used"
    entry = plan.scopes[scope]
    return one_line(entry.name) + (f" in {entry.subgraph}" if entry.subgraph else "")


def scope_place(plan: TensorPlan, scope: int) -> str:
    """Say what happens at a scope with the operator's own index: `operator 14 CONV_2D`."""
    if not 0 <= scope < len(plan.scopes) or plan.scopes[scope].operator is None:
        return scope_name(plan, scope)
    return f"operator {plan.scopes[scope].operator} {scope_name(plan, scope)}"


def buffer_name(buffer: PlannedBuffer) -> str:
    """Return a buffer's name, or its tensor's index where the file gives it none."""
    return one_line(buffer.name) or f"tensor {buffer.tensor}"


def scope_span(buffer: PlannedBuffer, dash: str = "–") -> str:
    """Return a buffer's lifetime in words: `3`, `3–5`, `…–5` (nobody makes it), `never`."""
    if buffer.last_use < 0:
        return "never"
    if buffer.first_use == buffer.last_use:
        return str(buffer.first_use)
    first = "..." if buffer.first_use < 0 else str(buffer.first_use)
    return f"{first}{dash}{buffer.last_use}"


def memory_map(
    plan: TensorPlan,
    *,
    title: str = "",
    width: int = 80,
    height: int | None = None,
    legend: int | None = None,
    color: bool = False,
    ascii_only: bool = False,
) -> str:
    """Draw a plan: sums, the map, what is live at the peak, and a legend.

    width: columns, at least 72. height: rows of the map at most; consecutive scopes then share a
    row, which shows the fullest of them. legend: how many buffers to list, the largest; all when
    None. color: ANSI background colours in place of shades. ascii_only: for terminals without
    Unicode.
    """
    width = max(width, 72)
    glyphs = _ASCII if ascii_only else _UNICODE
    lines = [*_sums(plan, title, width), ""]
    if plan.head_bytes and plan.scopes:
        lines += [*_map(plan, width, height, glyphs, color), "", *_reading(plan, glyphs), ""]
        lines += [*_peak(plan, width, glyphs), ""]
    lines += _legend(plan, width, legend, glyphs)
    text = "\n".join(line.rstrip() for line in lines) + "\n"
    return text.replace("…", "~").encode("ascii", "replace").decode() if ascii_only else text


def _sums(plan: TensorPlan, title: str, width: int) -> Iterable[str]:
    facts = f"{plan.planner} plan, {len(plan.buffers)} buffers, {len(plan.scopes)} scopes"
    if title:
        title = one_line(title)
        facts = f"{fit(title, min(columns(title), width - len(facts) - 2))}: {facts}"
    yield facts
    yield f"head         {count(plan.head_bytes):>{_LIVE}} B  ({kibibytes(plan.head_bytes)})"
    verdict = "reached: no plan of these buffers is smaller"
    if plan.waste_bytes:
        share = 100 * plan.waste_bytes / plan.lower_bound_bytes
        verdict = f"the plan takes {count(plan.waste_bytes)} B ({share:.1f} %) more"
    yield f"lower bound  {count(plan.lower_bound_bytes):>{_LIVE}} B  {verdict}"
    if plan.variables:
        kept = sum(buffer.size for buffer in plan.variables)
        yield f"variables    {count(kept):>{_LIVE}} B  kept between runs, outside the head"


def _map(
    plan: TensorPlan, width: int, height: int | None, glyphs: _Glyphs, color: bool
) -> Iterable[str]:
    living = _living(plan)
    live = [
        sum(b.size for b in map(plan.buffers.__getitem__, here) if not b.inside) for here in living
    ]
    groups = _groups(len(plan.scopes), height)
    shown = [max(group, key=live.__getitem__) for group in groups]
    labels = [_label(group, glyphs) for group in groups]
    margin = max(map(len, labels)) + 2
    cells = width - margin - 1 - _NAME - 1 - 1 - _LIVE - 2
    grid = [_row(plan, living[scope], cells) for scope in shown]
    paint = _painter(grid, letters(plan), glyphs, color)
    edge = " " * (margin + 1 + _NAME + 1)
    head = "scope".rjust(margin).ljust(len(edge))
    end = kibibytes(plan.head_bytes)
    yield f"{head}0{'offset'.center(cells - 1 - len(end))}{end} {'live bytes':>{_LIVE}}"
    for group, label, scope, row in zip(groups, labels, shown, grid, strict=True):
        at_peak = plan.peak_scope in group
        mark = glyphs.peak if at_peak else " "
        name = fit(scope_name(plan, scope), _NAME)
        tail = f" {glyphs.mark}" if at_peak else ""
        yield (
            f"{mark}{label:>{margin - 1}} {name} {paint(row)} {count(live[scope]):>{_LIVE}}{tail}"
        )
    if plan.waste_bytes:
        at = min(cells - 1, plan.lower_bound_bytes * cells // plan.head_bytes)
        yield edge + f"lower bound {glyphs.bound}".rjust(at + 1)
    if len(groups) < len(plan.scopes):
        yield f"A row stands for up to {len(groups[0])} scopes and shows the fullest of them."


def _reading(plan: TensorPlan, glyphs: _Glyphs) -> Iterable[str]:
    yield (
        f"A letter begins a buffer, named below; {glyphs.free} is free; {glyphs.peak} "
        f"{glyphs.mark} mark the peak."
    )
    if all(scope.operator in (None, i - 1) for i, scope in enumerate(plan.scopes)):
        yield "Scope 0 sets the inputs; operator i runs at scope i + 1."
    else:
        yield "At a scope a subgraph's inputs are set, or an operator runs."


def _living(plan: TensorPlan) -> list[list[int]]:
    """Return, for each scope, which buffers are live in it."""
    living: list[list[int]] = [[] for _ in plan.scopes]
    for i, buffer in enumerate(plan.buffers):
        for scope in range(max(0, buffer.first_use), buffer.last_use + 1):
            living[scope].append(i)
    return living


def _groups(scopes: int, height: int | None) -> list[range]:
    """Return the scopes of each row: one, or as many as it takes to keep to the height."""
    each = 1 if height is None else -(-scopes // max(1, height))
    return [range(at, min(at + each, scopes)) for at in range(0, scopes, each)]


def _label(group: range, glyphs: _Glyphs) -> str:
    return str(group[0]) if len(group) == 1 else f"{group[0]}{glyphs.dash}{group[-1]}"


def _row(plan: TensorPlan, here: Sequence[int], cells: int) -> list[int]:
    """Return which buffer each cell shows; the smallest are drawn last and take a cell at least."""
    row = [_NOBODY] * cells
    for i in sorted(here, key=lambda i: -plan.buffers[i].size):
        buffer = plan.buffers[i]
        begin = min(cells - 1, round(buffer.offset * cells / plan.head_bytes))
        end = max(begin + 1, round((buffer.offset + buffer.size) * cells / plan.head_bytes))
        row[begin:end] = [i] * (end - begin)
    return row


@dataclass(frozen=True, slots=True)
class _Painter:
    """Turns the cells of a row into characters."""

    letters: Sequence[str]
    fills: Mapping[int, str]
    free: str
    color: bool

    def __call__(self, row: Sequence[int]) -> str:
        return "".join(self._cell(row, at) for at in range(len(row)))

    def _cell(self, row: Sequence[int], at: int) -> str:
        owner = row[at]
        if owner == _NOBODY:
            return self.free
        begins = at == 0 or row[at - 1] != owner
        glyph = self.letters[owner] if begins else self.fills[owner]
        if not self.color:
            return glyph
        ends = at == len(row) - 1 or row[at + 1] != owner
        shade = f"\x1b[30;48;5;{_COLORS[owner % len(_COLORS)]}m" if begins else ""
        return shade + glyph + ("\x1b[0m" if ends else "")


def _painter(
    grid: Sequence[Sequence[int]], marks: Sequence[str], glyphs: _Glyphs, color: bool
) -> _Painter:
    owners = sorted({owner for row in grid for owner in row} - {_NOBODY})
    if color:
        return _Painter(marks, dict.fromkeys(owners, " "), glyphs.free, color)
    if not glyphs.fills:
        return _Painter(marks, {owner: marks[owner] for owner in owners}, glyphs.free, color)
    return _Painter(marks, _shades(grid, owners, glyphs.fills), glyphs.free, color)


def _shades(grid: Sequence[Sequence[int]], owners: Sequence[int], fills: str) -> dict[int, str]:
    """Give each buffer a shade that none of those it touches has, as long as shades last."""
    touching: dict[int, set[int]] = {owner: set() for owner in owners}
    for above, row in zip([grid[0], *grid], grid, strict=False):
        for at, owner in enumerate(row):
            for other in (row[at - 1] if at else owner, above[at]):
                if _NOBODY not in (owner, other) and owner != other:
                    touching[owner].add(other)
                    touching[other].add(owner)
    shades: dict[int, str] = {}
    for owner in owners:
        taken = {shades[other] for other in touching[owner] if other in shades}
        free = [fill for fill in fills if fill not in taken]
        shades[owner] = free[0] if free else fills[owner % len(fills)]
    return shades


def _peak(plan: TensorPlan, width: int, glyphs: _Glyphs) -> Iterable[str]:
    marks = letters(plan)
    where = f"scope {plan.peak_scope}, {scope_place(plan, plan.peak_scope)}"
    live = f": {count(plan.peak_bytes)} B live"
    yield f"Peak at {fit(where, min(columns(where), width - len('Peak at ' + live)))}{live}"
    for i in plan.peak_owners[:_OWNERS]:
        buffer = plan.buffers[i]
        share = 100 * buffer.size / plan.peak_bytes
        head = f"{marks[i]} {count(buffer.size):>{_LIVE}} {share:8.1f} %  "
        yield head + fit(buffer_name(buffer), width - len(head))
    rest = plan.peak_owners[_OWNERS:]
    if rest:
        smaller = sum(plan.buffers[i].size for i in rest)
        yield f"  and {len(rest)} smaller, {count(smaller)} B in all"
    if plan.waste_bytes:
        top = max(range(len(plan.buffers)), key=lambda i: _end(plan.buffers[i]))
        span = scope_span(plan.buffers[top], glyphs.dash)
        yield f"The head reaches {count(plan.head_bytes)} B for {marks[top]}, live at {span}"


def _end(buffer: PlannedBuffer) -> int:
    return buffer.offset + buffer.size


def _legend(plan: TensorPlan, width: int, limit: int | None, glyphs: _Glyphs) -> Iterable[str]:
    marks = letters(plan)
    order = sorted(in_time(plan), key=lambda i: -plan.buffers[i].size)
    listed = set(order if limit is None else order[: max(0, limit)])
    if listed or plan.variables:
        yield f"  {'bytes':>{_LIVE}} {'offset':>{_LIVE}}  {'scopes':<8}{'kind':<12}name"
    for i in in_time(plan):
        if i in listed:
            yield _entry(marks[i], plan.buffers[i], width, glyphs)
    if len(listed) < len(order):
        rest = sum(plan.buffers[i].size for i in order[len(listed) :])
        yield f"  and {len(order) - len(listed)} smaller, {count(rest)} B in all"
    for buffer in plan.variables:
        yield _entry(" ", buffer, width, glyphs)


def _entry(mark: str, buffer: PlannedBuffer, width: int, glyphs: _Glyphs) -> str:
    head = (
        f"{mark} {count(buffer.size):>{_LIVE}} {count(buffer.offset):>{_LIVE}}  "
        f"{scope_span(buffer, glyphs.dash):<8}{buffer.kind:<12}"
    )
    return head + fit(buffer_name(buffer), width - len(head))
