"""SLICE: a box of elements.

Shapes    x: any; begin, size: int32 or int64 (rank,); size -1 is all that is left; y: size
Units     unchanged
Raises    ModelError, from prepare only: a box that reaches outside x
Source    LiteRT kernels/slice.cc, internal/reference/slice.h (f67457790)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Sliced
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import misfit
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import ALL, expect_shapes, integers
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


def box(operands: Sliced[TensorSpec]) -> list[tuple[int, int]]:
    """Return (first, one past the last) per axis."""
    shape = operands.input.shape
    begin, size = integers(operands.begin, "SLICE"), integers(operands.size, "SLICE")
    for name, given in (("begin", begin), ("size", size)):
        if len(given) != len(shape):
            allowed = f"{len(shape)}, one for each axis of the input"
            raise misfit(operands, name, f"{len(given)} elements", allowed)
    found = []
    for axis, (start, count, whole) in enumerate(zip(begin, size, shape, strict=True)):
        stop = whole if count == -1 else start + count
        if count < -1 or not 0 <= start <= stop <= whole:
            raise ModelError(
                f"SLICE: {count} elements from {start} are not within axis {axis} of {whole}"
            )
        found.append((start, stop))
    return found


@kernel("SLICE", *ALL)
@dataclass(frozen=True, slots=True)
class Slice(Kernel):
    """index: the box, sample axis included."""

    index: tuple[slice, ...]

    @staticmethod
    def output_shapes(operands: Sliced[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Return the size of the box."""
        return (tuple(stop - start for start, stop in box(operands)),)

    @classmethod
    def prepare(
        cls,
        operands: Sliced[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> Slice:
        """Check the box."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "SLICE")
        return cls((slice(None), *(slice(start, stop) for start, stop in box(operands))))

    def eval(self, operands: Sliced[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy the box."""
        x = operands.input
        np.copyto(outputs[0], x[self.index])
