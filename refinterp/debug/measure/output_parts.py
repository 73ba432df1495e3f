"""The parts of an output along an axis, each judged by itself.

A detector's output holds boxes in pixels and scores in 0..1. One figure over both is that of the
boxes: their squares are a hundred thousand times those of the scores, which may all be lost.

An output has the parts that a CONCATENATION along its last axis puts together. Where an output has
many rows, or few columns, neighbouring columns whose reference differs 8 times in size (32 times in
a single row, whose elements may well be scores of one kind) are parts too. What SOFTMAX or LOGISTIC
writes is one part. An output of one part has none.

Another axis has parts as well. One that was the last before a TRANSPOSE has them in the same way;
else the branches of a CONCATENATION along it, if one differs from another 8 times in size. So boxes
above scores are told apart, and the places of several grids, which are all of one kind, are not.

A part whose reference is a constant, or nowhere reaches half a step of the grid it was made on, has
no ratio of signal to noise worth the name: it is not judged where it is met to within half a step.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.measure.error_sums import sqnr_db
from refinterp.debug.measure.exact import ExactSums
from refinterp.debug.measure.grid import Grid
from refinterp.debug.measure.output_branches import Branch, Branches
from refinterp.graph.model import Shape
from refinterp.run.program import Program

_MOST_COLUMNS: Final = 4096
_FEW_COLUMNS: Final = 64  # a longer single row is one kind of thing
_ROWS_BITS: Final = 3.0
_ROW_BITS: Final = 5.0
_HALF: Final = 0.51  # of a step: rounding, and what float32 adds to it

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class OutputPart:
    """One part of an output.

    first, last: indices along an axis.
    name: the tensor of the branch that it is, or None.
    sqnr_db, max_abs_error: its errors.
    lowest, highest: of the reference.
    judged: whether the SQNR counts.
    why: why it does not; None where it does.
    axis: -1 is the last, whose indices are called columns.
    """

    first: int
    last: int
    name: str | None
    sqnr_db: float
    max_abs_error: float
    lowest: float
    highest: float
    judged: bool
    why: str | None = None
    axis: int = -1

    @property
    def where(self) -> str:
        """Its place: columns 4..6, or indices 4..6 of axis 1."""
        kind, plural = ("column", "columns") if self.axis == -1 else ("index", "indices")
        one = self.first == self.last
        place = f"{kind} {self.first}" if one else f"{plural} {self.first}..{self.last}"
        return place if self.axis == -1 else f"{place} of axis {self.axis}"

    def __str__(self) -> str:
        return self.where if self.name is None else f"{self.where} ({self.name!r})"


@dataclass(slots=True)
class AxisSums:
    """Errors e and reference r by index of an axis, (columns,): sums of squares, and extremes.

    behind: how many elements lie behind each index, of the axes that follow.
    """

    columns: int
    behind: int
    rows: int = 0
    sums: ExactSums = field(init=False)
    error: Array = field(init=False)
    lowest: Array = field(init=False)
    highest: Array = field(init=False)

    def __post_init__(self) -> None:
        self.sums = ExactSums(2 * self.columns)
        self.error = np.zeros(self.columns)
        self.lowest = np.full(self.columns, np.inf)
        self.highest = np.full(self.columns, -np.inf)

    def add(self, errors: Array, reference: Array) -> None:
        """Take one sample into account, both flat."""
        with np.errstate(all="ignore"):
            e, r = (v.reshape(-1, self.columns, self.behind) for v in (errors, reference))
            squares = [(v * v).sum(axis=2).sum(axis=0) for v in (e, r)]
            self.sums.add(np.concatenate(squares))
            self.error = np.maximum(self.error, np.abs(e).max(axis=(0, 2)))
            self.lowest = np.minimum(self.lowest, r.min(axis=(0, 2)))
            self.highest = np.maximum(self.highest, r.max(axis=(0, 2)))
        self.rows += len(r) * self.behind

    def merge(self, other: AxisSums) -> None:
        """Take another's samples into account."""
        self.sums.merge(other.sums)
        self.error = np.maximum(self.error, other.error)
        self.lowest = np.minimum(self.lowest, other.lowest)
        self.highest = np.maximum(self.highest, other.highest)
        self.rows += other.rows


@dataclass(slots=True)
class PartSums:
    """The sums along each axis that may have parts."""

    axes: tuple[AxisSums, ...]

    def add(self, values: Array, reference: Array, grid: Grid | None) -> None:
        """Take one sample into account; values: codes of the grid, or reals without one."""
        reals = reference.reshape(-1).astype(np.float64)
        own = values.reshape(-1).astype(np.float64)
        with np.errstate(all="ignore"):
            e = own - reals if grid is None else (own - grid.zero_point) * grid.scale - reals
        for axis in self.axes:
            axis.add(e, reals)

    def merge(self, other: PartSums) -> None:
        """Take another's samples into account."""
        for axis, more in zip(self.axes, other.axes, strict=True):
            axis.merge(more)


@dataclass(frozen=True, slots=True)
class AxisLayout:
    """What may be told apart along one axis. branches: of all its indices, in order.

    axis: -1 is the last. behind: how many elements lie behind an index. single: whether a sample
    has one row. channels: whether indices may be of several kinds within a branch.
    """

    axis: int
    behind: int
    branches: tuple[Branch, ...]
    single: bool
    channels: bool

    def nothing(self) -> AxisSums:
        """The sums of no sample."""
        return AxisSums(self.branches[-1].stop, self.behind)

    def parts(self, sums: AxisSums) -> tuple[OutputPart, ...]:
        """The parts and what they come to; none where the axis is all of one kind."""
        if not sums.rows:
            return ()
        noise, power = sums.sums.values.reshape(2, -1)
        size = np.sqrt(power / sums.rows)
        found = []
        for branch in self.branches:
            cuts = [0, branch.stop - branch.first]
            if self.channels and not branch.alike:
                bits = _ROW_BITS if self.single else _ROWS_BITS
                cuts = _cuts(size[branch.first : branch.stop], bits)
            for first, stop in pairwise(cuts):
                at = slice(branch.first + first, branch.first + stop)
                found.append(_part(branch, at, self.axis, noise, power, sums))
        if not self.channels and not self._of_several_kinds(power):
            return ()
        return tuple(found) if len(found) > 1 else ()

    def _of_several_kinds(self, power: Array) -> bool:
        """Whether one branch is 8 times as large as another."""
        means = [power[one.first : one.stop].mean() for one in self.branches]
        sizes = np.sqrt([mean for mean in means if math.isfinite(mean) and mean > 0])
        return bool(sizes.size) and bool(sizes.max() >= 2**_ROWS_BITS * sizes.min())


@dataclass(frozen=True, slots=True)
class OutputLayout:
    """What may be told apart in one output, along each axis that may have parts."""

    axes: tuple[AxisLayout, ...]

    def nothing(self) -> PartSums:
        """The sums of no sample."""
        return PartSums(tuple(axis.nothing() for axis in self.axes))

    def parts(self, sums: PartSums) -> tuple[OutputPart, ...]:
        """The parts and what they come to, axis by axis."""
        both = zip(self.axes, sums.axes, strict=True)
        return tuple(part for axis, own in both for part in axis.parts(own))


def _cuts(size: NDArray[np.float64], bits: float) -> list[int]:
    """Where neighbouring columns are of another size, the ends included; zeros fit anywhere."""
    cuts = [0]
    least, most = math.inf, 0.0
    for column, value in enumerate(size.tolist()):
        if not (math.isfinite(value) and value > 0):
            continue
        if most > 0 and max(most, value) >= 2**bits * min(least, value):
            cuts.append(column)
            least, most = value, value
        else:
            least, most = min(least, value), max(most, value)
    return [*cuts, size.size]


def _part(
    branch: Branch, at: slice, axis: int, noise: Array, power: Array, sums: AxisSums
) -> OutputPart:
    lowest, highest = float(sums.lowest[at].min()), float(sums.highest[at].max())
    error = float(sums.error[at].max())
    why = None
    if error <= _HALF * branch.step:
        if np.all(sums.lowest[at] == sums.highest[at]):
            why = "constant, and met to within half a step"
        elif branch.name is not None and max(abs(lowest), abs(highest)) <= branch.step / 2:
            why = "below half a step of its own grid, and met to within that"
    return OutputPart(
        at.start,
        at.stop - 1,
        branch.name,
        sqnr_db(float(power[at].sum()), float(noise[at].sum())),
        error,
        lowest,
        highest,
        why is None,
        why,
        axis,
    )


def output_layout(program: Program, tensor: int) -> OutputLayout | None:
    """What may be told apart in a model's output, None where nothing may."""
    if len(program.specs[tensor].shape) < 2 or not program.specs[tensor].size:
        return None
    known = Branches(program)
    found = (_axis_layout(program, known, tensor, a) for a in _axes(program.specs[tensor].shape))
    axes = tuple(axis for axis in found if axis is not None)
    return OutputLayout(axes) if axes else None


def _axes(shape: Shape) -> Iterator[int]:
    """The axes that may have parts, the last one first; the first is that of the batch."""
    last = len(shape) - 1
    yield from (a for a in (last, *range(1, last)) if 2 <= shape[a] <= _MOST_COLUMNS)


def _axis_layout(program: Program, known: Branches, tensor: int, axis: int) -> AxisLayout | None:
    spec = program.specs[tensor]
    extent = spec.shape[axis]
    branches = known.of(tensor, axis)
    single = spec.size == extent
    channels = known.of_channels(tensor, axis)
    one_kind = not channels or branches[0].alike or (single and extent > _FEW_COLUMNS)
    if len(branches) == 1 and one_kind:
        return None
    behind = math.prod(spec.shape[axis + 1 :])
    named = -1 if axis == len(spec.shape) - 1 else axis
    return AxisLayout(named, behind, tuple(branches), single, channels)
