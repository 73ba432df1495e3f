"""GATHER: slices of the input along an axis, picked by index.

Shapes    x: any; index: int16, int32 or int64, any; y: x's shape with the axis replaced by index's
          shape. The first batch_dims axes of x and index go together
Units     unchanged: neither runtime looks at scales
Raises    ModelError; from prepare: axes that do not exist; from eval: an index out of range, on
          which the runtimes fail the run
Source    LiteRT kernels/gather.cc (f67457790); tflite-micro micro/kernels/gather.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM; int4 with slices of an odd number of elements is read at the
          wrong half byte by LiteRT
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Gathered
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import (
    axis_of,
    expect_shapes,
    per_sample,
    take,
    within,
)
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace

_WHERE = "GATHER"


@dataclass(frozen=True, slots=True)
class GatherOptions:
    """Schema table GatherOptions."""

    axis: int = 0
    batch_dims: int = 0


def axes(operands: Gathered[TensorSpec], options: GatherOptions) -> tuple[int, int]:
    """Return the axis and the number of batch axes."""
    x, index = operands.input, operands.indices
    axis = axis_of(options.axis, len(x.shape), _WHERE)
    batch = options.batch_dims + (len(index.shape) if options.batch_dims < 0 else 0)
    if not 0 <= batch <= min(axis, len(index.shape)) or x.shape[:batch] != index.shape[:batch]:
        raise ModelError(
            f"{_WHERE}: {options.batch_dims} batch dimensions do not fit input {list(x.shape)}, "
            f"indices {list(index.shape)} and axis {axis}"
        )
    return axis, batch


@kernel(
    "GATHER",
    "float32",
    "int8",
    "uint8",
    "int16",
    "int32",
    "int64",
    "bool",
    "float16",
    "int4",
    options=GatherOptions,
)
@dataclass(frozen=True, slots=True, eq=False)
class Gather(Kernel):
    """x as (before, size, after) around the axis; the first `batch` of `before` have own indices.

    base: where each of `before` starts in x, in slices (batch, before / batch, 1).
    """

    checks_data: ClassVar[bool] = True

    size: int
    after: int
    base: NDArray[np.int64]

    @staticmethod
    def output_shapes(operands: Gathered[TensorSpec], options: GatherOptions) -> tuple[Shape, ...]:
        """Replace the axis by the indices' shape."""
        axis, batch = axes(operands, options)
        x, index = operands.input, operands.indices
        return ((*x.shape[:axis], *index.shape[batch:], *x.shape[axis + 1 :]),)

    @classmethod
    def prepare(
        cls,
        operands: Gathered[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: GatherOptions,
        rule: Rules,
    ) -> Gather:
        """Place the slices."""
        x = operands.input
        expect_shapes(outputs, cls.output_shapes(operands, options), _WHERE)
        axis, batch = axes(operands, options)
        own, before = math.prod(x.shape[:batch]), math.prod(x.shape[batch:axis])
        base = np.arange(own * before, dtype=np.int64).reshape(own, before, 1) * x.shape[axis]
        return cls(x.shape[axis], math.prod(x.shape[axis + 1 :]), base)

    def eval(self, operands: Gathered[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Take slices."""
        x, index = operands.input, operands.indices
        within(index, self.size, _WHERE)
        if not outputs[0].size:
            return
        own, before, _ = self.base.shape
        slices = x.reshape(len(x), own * before * self.size, self.after)
        picks = index.reshape(len(index), own, 1, -1) + self.base
        y = outputs[0].reshape(len(outputs[0]), own, before, picks.shape[-1], self.after)
        if len(index) == 1:
            take(slices, picks[0], 0, y)
            return
        for part, pick, out in per_sample(len(y), slices, picks, y):
            take(part[None], pick, 0, out[None])
