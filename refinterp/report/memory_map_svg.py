"""A memory plan as an SVG picture: time runs to the right, offsets run up.

One file without outside references, fit to be opened by itself or pasted into a page: class names
begin with `mm-`, nothing has an id. A buffer's full name, place and lifetime show on hovering.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from refinterp.arena.tensor_plan import PlannedBuffer, TensorPlan
from refinterp.report.memory_map import (
    buffer_name,
    in_time,
    letters,
    scope_name,
    scope_place,
    scope_span,
)
from refinterp.report.words import count, kibibytes, one_line

_LEFT: Final = 78
_RIGHT: Final = 150  # room for what the lines at the right are called
_TOP: Final = 66
_PLOT: Final = 360
_NAMES: Final = 132  # operators' names, slanted, below the plot
_MIN_COLUMN: Final = 15
_MIN_PLOT: Final = 700
_ENTRY: Final = 17  # height of a line of the legend
_LISTED: Final = 24  # buffers in the legend, the largest
_CHAR: Final = 6.0  # width of a character at 10 px, roughly

_STYLE: Final = """
.mm-card{fill:#fff}
.mm-text{font:12px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1f2933}
.mm-title{font-size:15px;font-weight:600}
.mm-small{font-size:10px;fill:#52606d}
.mm-label{font-size:10px;pointer-events:none}
.mm-grid{stroke:#e4e7eb;stroke-width:1}
.mm-peak{fill:#f0b429;fill-opacity:.18}
.mm-box{stroke:#1f2933;stroke-opacity:.55;stroke-width:.8}
.mm-box:hover{stroke-opacity:1;stroke-width:2}
.mm-scratch{stroke-dasharray:3 2}
.mm-head{stroke:#cf1124;stroke-width:1.5}
.mm-bound{stroke:#0967d2;stroke-width:1.5;stroke-dasharray:6 4}
.mm-peak-text{font-size:10px;fill:#b44d12}
.mm-head-text{fill:#cf1124}
.mm-bound-text{fill:#0967d2}
"""


def memory_map_svg(plan: TensorPlan, *, title: str = "") -> str:
    """Return the picture of a plan as a complete SVG document."""
    scopes = max(1, len(plan.scopes))
    step = max(_MIN_COLUMN, _MIN_PLOT / scopes)
    width = round(_LEFT + step * scopes + _RIGHT)
    listed = sorted(in_time(plan), key=lambda i: -plan.buffers[i].size)[:_LISTED]
    rows = -(-len(listed) // 2) + (len(plan.buffers) > len(listed)) + bool(plan.variables)
    height = _TOP + _PLOT + _NAMES + rows * _ENTRY + 14
    name = one_line(title) or "Memory plan"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="{escape(name)}: memory map">',
        f"<style>{_STYLE}</style>",
        f'<rect class="mm-card" width="{width}" height="{height}"/>',
        _text(16, 26, name, "mm-title"),
        _text(16, 46, _sums(plan), ""),
        *_frame(plan, step, width),
        *_boxes(plan, step),
        *_lines(plan, step * scopes),
        *_operators(plan, step),
        *_legend(plan, set(listed), width),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _sums(plan: TensorPlan) -> str:
    waste = "reached"
    if plan.waste_bytes:
        share = 100 * plan.waste_bytes / plan.lower_bound_bytes
        waste = f"the plan takes {count(plan.waste_bytes)} B ({share:.1f} %) more"
    peak = f"peak at scope {plan.peak_scope}, {scope_place(plan, plan.peak_scope)}"
    return (
        f"{plan.planner} plan: head {count(plan.head_bytes)} B · lower bound "
        f"{count(plan.lower_bound_bytes)} B, {waste} · {peak}"
    )


def _y(plan: TensorPlan, offset: int) -> float:
    return _TOP + _PLOT - _PLOT * offset / max(1, plan.head_bytes)


def _frame(plan: TensorPlan, step: float, width: int) -> Iterable[str]:
    """Draw the grid of offsets and the column of the peak."""
    if plan.peak_scope >= 0 and plan.buffers:
        x = _LEFT + step * plan.peak_scope
        yield (
            f'<rect class="mm-peak" x="{x:.1f}" y="{_TOP}" width="{step:.1f}" height="{_PLOT}"/>'
        )
        yield _text(x + step / 2, _TOP - 4, "▼ peak", "mm-peak-text", "middle")
    right = width - _RIGHT
    for offset in range(0, plan.head_bytes + 1, _tick(plan.head_bytes)):
        y = _y(plan, offset)
        yield f'<line class="mm-grid" x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>'
        yield _text(_LEFT - 8, y + 4, kibibytes(offset), "mm-small", "end")


def _tick(extent: int) -> int:
    """Return the power of two that sets four to eight marks along the extent."""
    tick = 1
    while extent > 8 * tick:
        tick *= 2
    return tick


def _boxes(plan: TensorPlan, step: float) -> Iterable[str]:
    marks = letters(plan)
    for rank, i in enumerate(in_time(plan)):
        if plan.buffers[i].last_use >= 0:
            yield _box(plan, plan.buffers[i], marks[i], _color(rank), step)


def _box(plan: TensorPlan, buffer: PlannedBuffer, mark: str, color: str, step: float) -> str:
    begin = max(0, buffer.first_use)
    x, width = _LEFT + step * begin, step * (buffer.last_use + 1 - begin)
    y = _y(plan, buffer.offset + buffer.size)
    height = _y(plan, buffer.offset) - y
    style = "mm-box mm-scratch" if buffer.kind == "scratch" else "mm-box"
    box = (
        f'<g><rect class="{style}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{max(height, 1):.1f}" rx="2" fill="{color}">'
        f"<title>{escape(_details(plan, buffer))}</title></rect>"
    )
    if height >= 12:
        room = int((width - 8) / _CHAR) - 2
        label = f"{mark} {_tail(buffer_name(buffer), room)}" if room >= 8 else mark
        box += _text(x + 4, y + min(height / 2 + 3.5, 14), label, "mm-label")
    return box + "</g>"


def _tail(text: str, room: int) -> str:
    """Shorten a name from its front: converters put what tells layers apart at the end."""
    return text if len(text) <= room else f"…{text[1 - room :]}"


def _details(plan: TensorPlan, buffer: PlannedBuffer) -> str:
    made = scope_name(plan, max(buffer.first_use, 0))
    last = scope_name(plan, buffer.last_use)
    return (
        f"{buffer_name(buffer)}\n{buffer.kind}, {count(buffer.size)} B at "
        f"{count(buffer.offset)} to {count(buffer.offset + buffer.size)}\n"
        f"scopes {scope_span(buffer)}: from {made} to {last}"
    )


def _color(rank: int) -> str:
    """Step round the colour wheel by the golden angle: neighbours in time differ most."""
    return f"hsl({rank * 137.508 % 360:.0f},{64 - 12 * (rank % 2)}%,{82 - 5 * (rank % 3)}%)"


def _lines(plan: TensorPlan, plot: float) -> Iterable[str]:
    right = _LEFT + plot
    head, bound = _y(plan, plan.head_bytes), _y(plan, plan.lower_bound_bytes)
    yield f'<line class="mm-head" x1="{_LEFT}" y1="{head:.1f}" x2="{right:.1f}" y2="{head:.1f}"/>'
    yield _text(right + 8, head + 4, f"head {kibibytes(plan.head_bytes)}", "mm-head-text")
    if plan.waste_bytes:
        yield (
            f'<line class="mm-bound" x1="{_LEFT}" y1="{bound:.1f}" x2="{right:.1f}" '
            f'y2="{bound:.1f}"/>'
        )
    y = max(bound + 4, head + 20)
    yield _text(right + 8, y, f"lower bound {kibibytes(plan.lower_bound_bytes)}", "mm-bound-text")


def _operators(plan: TensorPlan, step: float) -> Iterable[str]:
    """Name the scopes below the plot."""
    y = _TOP + _PLOT + 14
    for scope in range(len(plan.scopes)):
        x = _LEFT + step * (scope + 0.5)
        style = "mm-text mm-label" if scope == plan.peak_scope else "mm-text mm-small"
        label = f"{scope} {scope_name(plan, scope)}"
        if len(label) > 24:
            label = label[:23] + "…"
        yield (
            f'<text class="{style}" text-anchor="end" '
            f'transform="translate({x + 3:.1f} {y}) rotate(-50)">{escape(label)}</text>'
        )


def _legend(plan: TensorPlan, listed: set[int], width: int) -> Iterable[str]:
    marks = letters(plan)
    top = _TOP + _PLOT + _NAMES
    rows = -(-len(listed) // 2)
    half = (width - 32) / 2
    shown = [(rank, i) for rank, i in enumerate(in_time(plan)) if i in listed]
    for at, (rank, i) in enumerate(shown):
        buffer = plan.buffers[i]
        x, y = 16 + half * (at // rows), top + _ENTRY * (at % rows)
        yield (
            f'<rect class="mm-box" x="{x:.1f}" y="{y}" width="11" height="11" rx="2" '
            f'fill="{_color(rank)}"/>'
        )
        name = _tail(buffer_name(buffer), int((half - 150) / _CHAR))
        yield _text(x + 18, y + 9.5, marks[i], "mm-small")
        yield _text(x + 90, y + 9.5, f"{count(buffer.size)} B", "mm-small", "end")
        yield _text(x + 102, y + 9.5, scope_span(buffer), "mm-small")
        yield _text(x + 142, y + 9.5, name, "mm-small")
    below: list[str] = []
    if len(listed) < len(plan.buffers):
        below.append(f"and {len(plan.buffers) - len(listed)} smaller buffers, named on hovering")
    if plan.variables:
        kept = sum(buffer.size for buffer in plan.variables)
        below.append(f"{count(kept)} B of variables lie outside the head")
    for at, line in enumerate(below):
        yield _text(16, top + (rows + at) * _ENTRY + 9.5, line, "mm-small")


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    return (
        f'<text class="mm-text {style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )
