"""Operators that move elements: where each comes from is what our own kernel does to numbers.

The kernel is run on the elements' places, a byte of them at a time, and on two constants, which
show what it fills in. The map is then taken apart: how far each index of each axis leads by itself.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UnsupportedError
from refinterp.export.micropython.calls import BLOCK, CODES, ArenaPlace, Call, Lowered, Site
from refinterp.export.micropython.lowering.checks import codes, given, known, titled, words
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.registry import Prepared
from refinterp.kernels.registry import call as run_kernel

I64 = NDArray[np.int64]

_AXES = 4  # loops of the kernel
_FILLING = "value"  # an operand that margins are filled with, and that may come with the run
_OUTSIDE = 1 << 28  # what an index adds that leads outside


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where a result's elements come from.

    first: place in the operand of the first element that comes from there. steps: by axis, how far
    each index leads from there, at least 0; None where it leads outside. margin: the code there.
    """

    first: int
    steps: tuple[tuple[int | None, ...], ...]
    margin: int

    @property
    def inside(self) -> bool:
        """Whether nothing is filled in."""
        return all(step is not None for axis in self.steps for step in axis)


def moved(site: Site) -> Lowered:
    """An operator that moves elements of one operand, to one result or several."""
    at = [i for i, s in enumerate(site.inputs) if s is not None and s.data is None]
    facts = site.step.entry.facts
    names = facts.signature(len(site.inputs)).names if facts else ()
    filling = [i for i in at if i < len(names) and names[i] == _FILLING]
    data = [i for i in at if i not in filling]
    if len(data) != 1:
        raise UnsupportedError(f"{len(data)} of its operands are not constants; 1 is needed")
    for i in at:
        codes(site.inputs[i], "input")
    for spec in site.outputs:
        codes(spec, "output")
    source = site.step.inputs[data[0]]
    margin = ArenaPlace(site.step.inputs[filling[0]]) if filling else None
    origins = _origins(site, data[0])

    def calls(limit: int, left: bool) -> list[Call]:
        return [
            call
            for origin, target in zip(origins, site.step.outputs, strict=True)
            for call in _calls(origin, source, target, margin)
        ]

    block = max(len(one.block) for one in calls(0, False))
    return Lowered(
        site.step.operator, titled(site), tuple(site.step.inputs[i] for i in data + filling),
        site.step.outputs, calls, least=block, whole=block,
    )  # fmt: skip


def _ran(site: Site, at: int, values: I64) -> list[I64]:
    """The bytes that come of bytes at the operand's elements."""
    arrays = [
        None if spec is None or i == at else _fixed(spec) for i, spec in enumerate(site.inputs)
    ]
    spec = given(site.inputs[at], "input")
    arrays[at] = values.astype(np.uint8).view(np.int8).reshape(spec.shape)
    if site.step.kernel is None:
        raise UnsupportedError("its shapes depend on data")
    found = run_kernel(Prepared(site.step.entry, site.step.kernel), arrays, site.outputs)
    return [np.ascontiguousarray(y).view(np.uint8).astype(np.int64) for y in found]


def _fixed(spec: TensorSpec) -> NDArray[Any]:
    """A constant's value; zeros for what is only filled in."""
    if spec.dtype == "int8" and spec.data is None:
        return np.zeros(spec.shape, np.int8)
    return known(spec, "operand")


def _origins(site: Site, at: int) -> list[Origin]:
    spec = given(site.inputs[at], "input")
    places = np.arange(spec.size, dtype=np.int64)
    none, all_ones = (_ran(site, at, np.full(spec.size, v, np.int64)) for v in (0, 255))
    sums = [np.zeros_like(y) for y in none]
    for shift in range(0, max(1, (spec.size - 1).bit_length()), 8):
        for total, part in zip(sums, _ran(site, at, (places >> shift) & 255), strict=True):
            total += part << shift
    return [
        _apart(np.where(zeros == ones, -1, total), _margin(zeros, ones))
        for zeros, ones, total in zip(none, all_ones, sums, strict=True)
    ]


def _margin(zeros: I64, ones: I64) -> int:
    filled = np.unique(zeros[zeros == ones])
    if filled.size > 1:
        raise UnsupportedError("it fills in more than one value")
    return (int(filled[0]) ^ CODES) if filled.size else 0


def _apart(places: I64, margin: int) -> Origin:
    """Take a map apart by axes; raises UnsupportedError where it does not come apart."""
    live = places >= 0
    if not live.any():
        return Origin(0, ((None,) * places.size,), margin)
    start = np.unravel_index(int(np.argmax(live)), places.shape)
    first = int(places[start])
    steps: list[list[int | None]] = []
    total, shown = np.full(places.shape, first, np.int64), np.ones(places.shape, bool)
    for axis, length in enumerate(places.shape):
        line = places[tuple(slice(None) if a == axis else start[a] for a in range(places.ndim))]
        ahead = np.where(line >= 0, line - first, 0)
        shape = [length if a == axis else 1 for a in range(places.ndim)]
        total = total + ahead.reshape(shape)
        shown = shown & (line >= 0).reshape(shape)
        steps.append(
            [int(v) if inside else None for v, inside in zip(ahead, line >= 0, strict=True)]
        )
    if not np.array_equal(np.where(shown, total, -1), places):
        raise UnsupportedError("its elements do not move axis by axis")
    for line_steps in steps:
        lowest = min(step for step in line_steps if step is not None)
        first += lowest
        line_steps[:] = [None if step is None else step - lowest for step in line_steps]
    return Origin(first, tuple(tuple(axis) for axis in _joined(steps)), margin)


def _joined(steps: list[list[int | None]]) -> list[list[int | None]]:
    """Join neighbouring axes whose steps are those of one longer axis, from the end."""
    found: list[list[int | None]] = []
    for axis in reversed(steps):
        if len(axis) == 1 and axis[0] == 0:
            continue
        if found and _regular(axis) and _regular(found[0]):
            inner = found[0]
            one = (inner[1] or 0) if len(inner) > 1 else 0
            if axis[1] == one * len(inner):
                found[0] = [one * i for i in range(len(axis) * len(inner))]
                continue
        found.insert(0, axis)
    if len(found) > _AXES and all(step is not None for axis in found for step in axis):
        outer = found[: len(found) - _AXES + 1]
        sums: list[int | None] = [0]
        for axis in outer:
            sums = [(a or 0) + (b or 0) for a in sums for b in axis]
        found = [sums, *found[len(outer) :]]
    return found or [[0]]


def _regular(axis: list[int | None]) -> bool:
    """Whether steps are multiples of the first."""
    return len(axis) > 1 and axis == [(axis[1] or 0) * i for i in range(len(axis))]


def _calls(origin: Origin, source: int, target: int, margin: ArenaPlace | None) -> Iterator[Call]:
    """A call, or one for each index of axes that are more than the kernel has loops.

    margin: where the code lies that is filled in, if it comes with the run.
    """
    steps = origin.steps
    runs = list(range(len(steps[-1]))) == list(steps[-1])
    even = len(steps) == 1 or (len(steps) == 2 and _regular(list(steps[0])))
    if origin.inside and runs and even:
        rows, size = (1 if len(steps) == 1 else len(steps[0])), len(steps[-1])
        ahead = steps[0][1] if len(steps) == 2 else 0
        x, y = ArenaPlace(source, offset=origin.first), ArenaPlace(target)
        yield Call(
            "copy",
            {"x": x, "y": y, "rows": rows, "size": size, "x_step": ahead or 0, "y_step": size},
        )
        return
    inner = ((0,),) * max(0, _AXES - len(steps)) + steps[-_AXES:]
    sizes = {f"n{i}": len(axis) for i, axis in enumerate(inner)}
    written = math.prod(sizes.values())
    for number, ahead_of in enumerate(itertools.product(*steps[:-_AXES])):
        outside = any(step is None for step in ahead_of)
        entries = [
            _OUTSIDE if step is None or (outside and not axis_number) else step
            for axis_number, axis in enumerate(inner)
            for step in axis
        ]
        block = words(entries)
        place = margin or ArenaPlace(offset=len(block))
        ahead = sum(step or 0 for step in ahead_of)
        arguments: dict[str, int | ArenaPlace] = {
            "x": ArenaPlace(source, offset=origin.first + ahead),
            "y": ArenaPlace(target, offset=number * written),
            **sizes,
            "margin": place,
            "block": BLOCK,
        }
        yield Call("pick", arguments, block if margin else block + bytes([origin.margin]))


def reshaped(site: Site) -> Lowered:
    """The same bytes under another shape: nothing is called."""
    codes(given(site.inputs[0], "input"), "input")
    codes(site.outputs[0], "output")
    return Lowered(
        site.step.operator, titled(site), (site.step.inputs[0],), (site.step.outputs[0],),
        lambda limit, left: [], same=True,
    )  # fmt: skip


def joined(site: Site) -> Lowered:
    """CONCATENATION and PACK: operand after operand, row by row; constants come with the block."""
    y = codes(site.outputs[0], "output")
    rank = len(y.shape)
    axis = site.step.options.axis % max(1, rank)
    outer, target = math.prod(y.shape[:axis]), site.step.outputs[0]
    total = math.prod(y.shape[axis:])
    made: list[Call] = []
    offset = 0
    for tensor, spec in zip(site.step.inputs, site.inputs, strict=True):
        size = codes(spec, "operand").size // max(1, outer)
        data = None if spec is None else spec.data
        block = b"" if data is None else (data.astype(np.int64) + CODES).astype(np.uint8).tobytes()
        made.append(
            Call(
                "copy",
                {
                    "x": BLOCK if block else ArenaPlace(tensor),
                    "y": ArenaPlace(target, offset=offset),
                    "rows": outer,
                    "size": size,
                    "x_step": size,
                    "y_step": total,
                },
                block,
            )
        )
        offset += size
    read = [t for t, s in zip(site.step.inputs, site.inputs, strict=True) if s and s.data is None]
    block_bytes = max(len(one.block) for one in made)
    return Lowered(
        site.step.operator, titled(site), tuple(dict.fromkeys(read)), (target,),
        lambda limit, left: made, least=block_bytes, whole=block_bytes,
    )  # fmt: skip
