"""SPLIT and SPLIT_V: a tensor cut into pieces along an axis.

Shapes    SPLIT: axis, one int32; x: any; y_i: num_splits pieces of one size
          SPLIT_V: x: any; sizes: int32 or int64 (num_splits,), of which one may be -1; axis;
          y_i: as long as sizes says
Units     unchanged: neither runtime looks at scales
Raises    ModelError, from prepare only: pieces that do not add up to x
Source    LiteRT kernels/split.cc, split_v.cc (f67457790); tflite-micro micro/kernels/split.cc,
          split_v.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import EvenSplit, SplitBySizes
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import misfit
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import (
    axis_of,
    expect_shapes,
    integer,
    integers,
)
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """Schema tables SplitOptions and SplitVOptions."""

    num_splits: int = 0


TYPES = ("float32", "int8", "uint8", "int16", "int32", "int64")


def _pieces(shape: Shape, axis: int, sizes: Sequence[int]) -> tuple[Shape, ...]:
    return tuple((*shape[:axis], size, *shape[axis + 1 :]) for size in sizes)


def _places(axis: int, sizes: Sequence[int]) -> tuple[tuple[slice, ...], ...]:
    ends = np.cumsum([0, *sizes], dtype=np.int64).tolist()
    return tuple((*(slice(None),) * (axis + 1), slice(start, end)) for start, end in pairwise(ends))


def _copy(x: Array, places: Sequence[tuple[slice, ...]], outputs: Sequence[Array]) -> None:
    for place, y in zip(places, outputs, strict=True):
        np.copyto(y, x[place])


def even_cut(operands: EvenSplit[TensorSpec], options: SplitOptions) -> tuple[int, list[int]]:
    """Return SPLIT's axis and the sizes along it."""
    shape = operands.input.shape
    axis = axis_of(integer(operands.axis, "SPLIT"), len(shape), "SPLIT")
    count = options.num_splits
    if count < 1 or shape[axis] % count:
        raise ModelError(
            f"SPLIT: axis {axis} of {list(shape)} cannot be cut into {count} equal pieces"
        )
    return axis, [shape[axis] // count] * count


def sized_cut(operands: SplitBySizes[TensorSpec], options: SplitOptions) -> tuple[int, list[int]]:
    """Return SPLIT_V's axis and the sizes along it."""
    shape = operands.input.shape
    sizes = integers(operands.sizes, "SPLIT_V")
    axis = axis_of(integer(operands.axis, "SPLIT_V"), len(shape), "SPLIT_V")
    asked = list(sizes)
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = shape[axis] - (sum(sizes) + 1)
    fit = len(sizes) == options.num_splits and sum(sizes) == shape[axis]
    if not (sizes and fit and min(sizes) >= 0):
        allowed = (
            f"{options.num_splits} sizes, 1 or more, that sum to {shape[axis]}, that of axis {axis}"
        )
        raise misfit(operands, "sizes", f"{asked}", allowed)
    return axis, sizes


@kernel("SPLIT", *TYPES, options=SplitOptions)
@dataclass(frozen=True, slots=True)
class Split(Kernel):
    """places: where each piece lies in x, sample axis included."""

    places: tuple[tuple[slice, ...], ...]

    @staticmethod
    def output_shapes(operands: EvenSplit[TensorSpec], options: SplitOptions) -> tuple[Shape, ...]:
        """Return equal pieces."""
        return _pieces(operands.input.shape, *even_cut(operands, options))

    @classmethod
    def prepare(
        cls,
        operands: EvenSplit[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: SplitOptions,
        rule: Rules,
    ) -> Split:
        """Place the pieces."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "SPLIT")
        return cls(_places(*even_cut(operands, options)))

    def eval(self, operands: EvenSplit[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy each piece."""
        _copy(operands.input, self.places, outputs)


@kernel("SPLIT_V", *TYPES, options=SplitOptions)
@dataclass(frozen=True, slots=True)
class SplitV(Kernel):
    """places: where each piece lies in x, sample axis included."""

    places: tuple[tuple[slice, ...], ...]

    @staticmethod
    def output_shapes(
        operands: SplitBySizes[TensorSpec], options: SplitOptions
    ) -> tuple[Shape, ...]:
        """Return pieces of the sizes asked for."""
        return _pieces(operands.input.shape, *sized_cut(operands, options))

    @classmethod
    def prepare(
        cls,
        operands: SplitBySizes[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: SplitOptions,
        rule: Rules,
    ) -> SplitV:
        """Place the pieces."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "SPLIT_V")
        return cls(_places(*sized_cut(operands, options)))

    def eval(
        self, operands: SplitBySizes[Array], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Copy each piece."""
        _copy(operands.input, self.places, outputs)
