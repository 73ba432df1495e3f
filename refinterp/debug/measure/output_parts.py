"""The parts of an output along its last axis, each judged by itself.

A detector's output holds boxes in pixels and scores in 0..1. One figure over both is that of the
boxes: their squares are a hundred thousand times those of the scores, which may all be lost.

An output has the parts that a CONCATENATION along its last axis puts together. Where an output has
many rows, or few columns, neighbouring columns whose reference differs 8 times in size (32 times in
a single row, whose elements may well be scores of one kind) are parts too. What SOFTMAX or LOGISTIC
writes is one part. An output of one part has none.

A part whose reference is a constant, or nowhere reaches half a step of the grid it was made on, has
no ratio of signal to noise worth the name: it is not judged where it is met to within half a step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.measure.error_sums import sqnr_db
from refinterp.debug.measure.exact import ExactSums
from refinterp.debug.measure.grid import Grid
from refinterp.debug.reference.fixed_outputs import fixed_output
from refinterp.debug.reference.shadow import is_code
from refinterp.graph.model import OPTIONAL
from refinterp.graph.operators import facts
from refinterp.graph.spec import TensorSpec
from refinterp.run.prepare import Program, Step

_MOST_COLUMNS: Final = 4096
_FEW_COLUMNS: Final = 64  # a longer single row is one kind of thing
_ROWS_BITS: Final = 3.0
_ROW_BITS: Final = 5.0
_HALF: Final = 0.51  # of a step: rounding, and what float32 adds to it

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Branch:
    """Columns first … stop - 1 of an output, written together.

    name: of the tensor that holds them, None where that is the output. step: of the grid they were
    made on, 0.0 where none is known. fixed: whether their operator's definition gives that grid.
    """

    first: int
    stop: int
    name: str | None
    step: float
    fixed: bool


@dataclass(frozen=True, slots=True)
class OutputPart:
    """One part of an output: columns first … last of its last axis, and its errors.

    name: the branch's tensor, or None. lowest, highest: of the reference. judged: whether the SQNR
    counts; otherwise why says why not.
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

    def __str__(self) -> str:
        one = self.first == self.last
        where = f"column {self.first}" if one else f"columns {self.first}..{self.last}"
        return where if self.name is None else f"{where} ({self.name!r})"


@dataclass(slots=True)
class PartSums:
    """Errors e and reference r by column, (columns,): sums of e^2 and r^2, and extremes."""

    columns: int
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

    def add(self, values: Array, reference: Array, grid: Grid | None) -> None:
        """Take one sample into account; values: codes of the grid, or reals without one."""
        reals = reference.reshape(-1).astype(np.float64)
        own = values.reshape(-1).astype(np.float64)
        with np.errstate(all="ignore"):
            e = own - reals if grid is None else (own - grid.zero_point) * grid.scale - reals
            e, r = e.reshape(-1, self.columns), reals.reshape(-1, self.columns)
            self.sums.add(np.concatenate(((e * e).sum(axis=0), (r * r).sum(axis=0))))
            self.error = np.maximum(self.error, np.abs(e).max(axis=0))
            self.lowest = np.minimum(self.lowest, r.min(axis=0))
            self.highest = np.maximum(self.highest, r.max(axis=0))
        self.rows += len(r)

    def merge(self, other: PartSums) -> None:
        """Take another's samples into account."""
        self.sums.merge(other.sums)
        self.error = np.maximum(self.error, other.error)
        self.lowest = np.minimum(self.lowest, other.lowest)
        self.highest = np.maximum(self.highest, other.highest)
        self.rows += other.rows


@dataclass(frozen=True, slots=True)
class OutputLayout:
    """What may be told apart in one output. branches: of all its columns, in order.

    single: whether a sample has one row.
    """

    branches: tuple[Branch, ...]
    single: bool

    @property
    def columns(self) -> int:
        """Length of the last axis."""
        return self.branches[-1].stop

    def nothing(self) -> PartSums:
        """The sums of no sample."""
        return PartSums(self.columns)

    def parts(self, sums: PartSums) -> tuple[OutputPart, ...]:
        """The parts and what they come to; none where the output is all of one kind."""
        if not sums.rows:
            return ()
        noise, power = sums.sums.values.reshape(2, -1)
        found = []
        for branch in self.branches:
            bits = _ROW_BITS if self.single else _ROWS_BITS
            size = power[branch.first : branch.stop] / sums.rows
            cuts = [0, branch.stop - branch.first] if branch.fixed else _cuts(np.sqrt(size), bits)
            for first, stop in pairwise(cuts):
                at = slice(branch.first + first, branch.first + stop)
                found.append(_part(branch, at, noise, power, sums))
        return tuple(found) if len(found) > 1 else ()


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


def _part(branch: Branch, at: slice, noise: Array, power: Array, sums: PartSums) -> OutputPart:
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
    )


def output_layout(program: Program, tensor: int) -> OutputLayout | None:
    """What may be told apart in a model's output, None where nothing may."""
    spec = program.specs[tensor]
    if len(spec.shape) < 2 or not 2 <= spec.shape[-1] <= _MOST_COLUMNS or not spec.size:
        return None
    branches = _branches(program, {t: s for s in program.steps for t in s.outputs}, tensor)
    single = spec.size == spec.shape[-1]
    if len(branches) == 1 and (branches[0].fixed or (single and spec.shape[-1] > _FEW_COLUMNS)):
        return None
    return OutputLayout(tuple(branches), single)


def _branches(program: Program, writers: Mapping[int, Step], tensor: int) -> list[Branch]:
    """The branches of the concatenations along the last axis that lead to a tensor."""
    specs = program.specs
    source = _source(tensor, writers, specs)
    step = writers.get(source)
    if step is not None and _side_by_side(step, specs):
        axis = program.graph.operators[step.operator].options.get("axis", 0)
        if axis in (-1, len(specs[source].shape) - 1):
            found: list[Branch] = []
            for x in step.inputs:
                at = found[-1].stop if found else 0
                found += [
                    replace(
                        one,
                        first=at + one.first,
                        stop=at + one.stop,
                        name=one.name or specs[x].name,
                    )
                    for one in _branches(program, writers, x)
                ]
            return found
    made = _source(tensor, writers, specs, coded=True)
    maker = writers.get(made)
    fixed = bool(
        maker is not None
        and maker.inputs
        and maker.inputs[0] != OPTIONAL
        and fixed_output(maker.name, specs[maker.inputs[0]], specs[made])
    )
    step_size = specs[made].step if is_code(specs[made]) and specs[made].scale.size == 1 else 0.0
    return [Branch(0, specs[tensor].shape[-1], None, step_size, fixed)]


def _side_by_side(step: Step, specs: Sequence[TensorSpec]) -> bool:
    """Whether a result is its operands along an axis that they have, too."""
    rank = len(specs[step.outputs[0]].shape)
    return facts(step.name).joins and all(len(specs[i].shape) == rank for i in step.inputs)


def _same_values(name: str) -> bool:
    return facts(name).reshapes or facts(name).conversion


def _source(
    tensor: int, writers: Mapping[int, Step], specs: Sequence[TensorSpec], *, coded: bool = False
) -> int:
    """The tensor whose columns these are, before it was reshaped, rescaled or converted.

    coded: not further than to the first tensor of codes there is.
    """
    while True:
        step = writers.get(tensor)
        if step is None or not _same_values(step.name) or step.inputs[0] == OPTIONAL:
            return tensor
        before = step.inputs[0]
        if specs[before].shape[-1:] != specs[tensor].shape[-1:]:
            return tensor
        if coded and is_code(specs[tensor]) and not is_code(specs[before]):
            return tensor
        tensor = before
