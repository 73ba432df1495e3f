"""Time against work on logarithmic axes: the slope, and a small drawing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from refinterp.report.bench_table import duration

_WIDTH, _HEIGHT = 560, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 16, 16, 44


@dataclass(frozen=True, slots=True)
class WorkCurve:
    """Seconds against work. points: (work, seconds), by work. says: a sentence about it, or ""."""

    name: str
    title: str
    x: str
    points: tuple[tuple[float, float], ...]
    says: str = ""

    @property
    def exponent(self) -> float:
        """The slope of the upper half of the points on logarithmic axes."""
        upper = self.points[len(self.points) // 2 :]
        if len(upper) < 2:
            upper = self.points
        x, y = np.log(np.array(upper).T)
        return float(np.polyfit(x, y, 1)[0])


def drawing(curve: WorkCurve) -> str:
    """Draw a curve as SVG, legible on light and dark pages."""
    xs, ys = zip(*curve.points, strict=True)
    x_marks, y_marks = _decades(xs), _decades(ys)

    def place_x(value: float) -> float:
        return _LEFT + _share(value, x_marks) * (_WIDTH - _LEFT - _RIGHT)

    def place_y(value: float) -> float:
        return _HEIGHT - _BOTTOM - _share(value, y_marks) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="11" fill="#777">',
        f"<title>{escape(curve.title)}</title>",
    ]
    for mark in x_marks:
        x = place_x(mark)
        parts.append(
            f'<path d="M{x:.1f} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="#8884"/>'
            f'<text x="{x:.1f}" y="{_HEIGHT - 26}" text-anchor="middle">{_number(mark)}</text>'
        )
    for mark in y_marks:
        y = place_y(mark)
        parts.append(
            f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#8884"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{duration(mark)}</text>'
        )
    dots = [(place_x(x), place_y(y)) for x, y in curve.points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
    parts.append(f'<polyline points="{line}" fill="none" stroke="#2a78c8" stroke-width="2"/>')
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#2a78c8"/>' for x, y in dots]
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(
        f'<text x="{middle:.0f}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(curve.x)}</text>'
    )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _decades(values: Sequence[float]) -> list[float]:
    """Powers of ten from at or below the least value to at or above the largest."""
    low = math.floor(math.log10(min(values)))
    high = max(low + 1, math.ceil(math.log10(max(values))))
    return [10.0**exponent for exponent in range(low, high + 1)]


def _share(value: float, marks: Sequence[float]) -> float:
    low, high = math.log10(marks[0]), math.log10(marks[-1])
    return (math.log10(value) - low) / (high - low)


def _number(value: float) -> str:
    for size, suffix in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:g}{suffix}"
    return f"{value:g}"
