"""UNSORTED_SEGMENT_SUM, _PROD, _MAX, _MIN and SEGMENT_SUM: slices reduced by the segment they name.

Real      y[s] = the sum (product, maximum, minimum) of all x[i] with id[i] = s
          A segment without slices has 0, 1, the type's lowest, its highest number
Integer   int32 sums and products wrap around
Shapes    x (*lead, *rest), ids (*lead) int32, count () or (1,) int32, y (count, *rest). Slices of a
          negative id are dropped. SEGMENT_SUM: lead is one axis, ids rise from 0 by at most 1, and
          the last one tells the count
Raises    ModelError; from prepare: shapes that do not fit; from eval: an id beyond the count, on
          which LiteRT fails the run. NeedsValue when the count is known only at run time
Source    LiteRT kernels/unsorted_segment.cc, segment_sum.cc, internal/reference/reference_ops.h
          (f67457790)
Exact to  LiteRT BUILTIN_REF, float32 in the same order; TFLM has no such operators
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Segmented, SegmentedAnyhow
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import misfit
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import (
    expect_shapes,
    integer,
    integers,
    per_sample,
)
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Segments(Kernel):
    """A prepared kernel. reduce: the function; first: what a segment starts from; after: elements
    of one slice.
    """

    checks_data: ClassVar[bool] = True

    where: str
    reduce: np.ufunc
    first: Any
    after: int

    def eval(self, operands: Segmented[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Reduce slice after slice."""
        x, ids = operands.input, operands.segments
        y = outputs[0].reshape(len(outputs[0]), outputs[0].shape[1], self.after)
        if np.any(ids >= y.shape[1]):
            raise ModelError(
                f"{self.where}: segment {int(ids.max())} does not exist; there are {y.shape[1]}"
            )
        y.fill(self.first)
        names = ids.reshape(len(ids), -1)
        slices = x.reshape(len(x), names.shape[1], self.after)
        with np.errstate(over="ignore", invalid="ignore"):
            for what, where, out in per_sample(len(y), slices, names, y):
                kept = where >= 0
                self.reduce.at(out, where[kept], what[kept])


def _shapes(operands: Segmented[TensorSpec], count: int, where: str) -> tuple[Shape, ...]:
    x, ids = operands.input, operands.segments
    if x.shape[: len(ids.shape)] != ids.shape:
        allowed = f"the first axes of the input, of shape {list(x.shape)}"
        raise misfit(operands, "segments", f"shape {list(ids.shape)}", allowed)
    if count < 0:
        raise ModelError(f"{where}: {count} segments; at least 0 are needed")
    return ((count, *x.shape[len(ids.shape) :]),)


def _register(operator: str, reduce: np.ufunc, first: Any) -> None:
    """first: a number, or a function of the type's limits."""

    @kernel(operator, "float32", "int32")
    class Registered(Kernel):
        @staticmethod
        def output_shapes(
            operands: SegmentedAnyhow[TensorSpec], options: NoOptions
        ) -> tuple[Shape, ...]:
            count = integer(operands.count_of_segments, operator)
            return _shapes(operands, count, operator)

        @classmethod
        def prepare(
            cls,
            operands: SegmentedAnyhow[TensorSpec],
            outputs: Sequence[TensorSpec],
            options: NoOptions,
            rule: Rules,
        ) -> Segments:
            x = operands.input
            expect_shapes(outputs, cls.output_shapes(operands, options), operator)
            limits: Any = np.finfo(np.float32) if x.dtype == "float32" else np.iinfo(np.int32)
            start = first(limits) if callable(first) else first
            return Segments(operator, reduce, start, math.prod(outputs[0].shape[1:]))


_register("UNSORTED_SEGMENT_SUM", np.add, 0)
_register("UNSORTED_SEGMENT_PROD", np.multiply, 1)
_register("UNSORTED_SEGMENT_MAX", np.fmax, lambda limits: limits.min)
_register("UNSORTED_SEGMENT_MIN", np.fmin, lambda limits: limits.max)


@kernel("SEGMENT_SUM", "float32", "int32")
class SegmentSum(Kernel):
    """Prepares a sum whose ids tell how many segments there are."""

    @staticmethod
    def output_shapes(operands: Segmented[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """As many segments as the ids count up to; raises ModelError for ids out of order."""
        where = "SEGMENT_SUM"
        ids = integers(operands.segments, where)
        if not ids:
            raise ModelError(f"{where}: there must be at least one segment")
        if ids[0] != 0 or any(b - a not in (0, 1) for a, b in pairwise(ids)):
            raise ModelError(f"{where}: segments {ids} must rise from 0 by at most 1")
        return _shapes(operands, ids[-1] + 1, where)

    @classmethod
    def prepare(
        cls,
        operands: Segmented[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> Segments:
        """Check the shapes."""
        where = "SEGMENT_SUM"
        expect_shapes(outputs, cls.output_shapes(operands, options), where)
        return Segments(where, np.add, 0, math.prod(outputs[0].shape[1:]))
