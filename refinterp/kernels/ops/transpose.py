"""TRANSPOSE: axes in another order.

Shapes    x: any; perm: int32 (rank,); y: axis i is x's axis perm[i]
Units     unchanged
Raises    ModelError, from prepare only: perm is no order of x's axes
Source    LiteRT kernels/transpose.cc, internal/reference/transpose.h (f67457790)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.graph.model import Shape
from refinterp.graph.operands import Permuted
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import misfit
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import (
    ALL,
    axis_of,
    expect_shapes,
    integers,
)
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


def order(operands: Permuted[TensorSpec]) -> tuple[int, ...]:
    """Return the permutation, counted from the front."""
    x = operands.input
    rank = len(x.shape)
    perm = integers(operands.permutation, "TRANSPOSE")
    axes = tuple(axis_of(axis, rank, "TRANSPOSE") for axis in perm)
    if sorted(axes) != list(range(rank)):
        raise misfit(operands, "permutation", f"{perm}", f"each of {rank} axes once")
    return axes


@kernel("TRANSPOSE", *ALL)
@dataclass(frozen=True, slots=True)
class Transpose(Kernel):
    """axes: the permutation, with the sample axis in front."""

    axes: tuple[int, ...]

    @staticmethod
    def output_shapes(operands: Permuted[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Permute the sizes."""
        shape = operands.input.shape
        return (tuple(shape[axis] for axis in order(operands)),)

    @classmethod
    def prepare(
        cls,
        operands: Permuted[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> Transpose:
        """Check the permutation."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "TRANSPOSE")
        return cls((0, *(axis + 1 for axis in order(operands))))

    def eval(self, operands: Permuted[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy through a transposed view."""
        x = operands.input
        np.copyto(outputs[0], x.transpose(self.axes))
