"""SCATTER_ND: zeros, and updates added at coordinates.

Shapes    index: int32 (..., n): coordinates on y's first n axes; updates (..., *rest of y's shape);
          shape: int32 (rank,); y: that shape
Units     codes are added as they are, wrapping around; bool: or
Raises    ModelError; from prepare: shapes that do not fit; from eval: a coordinate out of range,
          on which LiteRT fails the run
Source    LiteRT kernels/scatter_nd.cc, internal/reference/reference_ops.h (f67457790)
Exact to  LiteRT BUILTIN_REF, float32 added in the same order; TFLM has no such operator
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from refinterp.graph.model import Shape
from refinterp.graph.operands import Scattered
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import misfit
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.coordinates import flat
from refinterp.kernels.data_movement import expect_shapes, integers, per_sample
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace

_WHERE = "SCATTER_ND"


@kernel("SCATTER_ND", "float32", "int8", "uint8", "int32", "int64", "bool")
@dataclass(frozen=True, slots=True)
class ScatterNd(Kernel):
    """sizes: of the axes that coordinates count on. after: elements of one update."""

    checks_data: ClassVar[bool] = True

    sizes: Shape
    after: int

    @staticmethod
    def output_shapes(operands: Scattered[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Return the shape asked for."""
        index, updates = operands.indices, operands.updates
        shape = tuple(integers(operands.shape, _WHERE))
        count = index.shape[-1]
        if any(size < 0 for size in shape):
            raise misfit(operands, "shape", f"{list(shape)}", "sizes of 0 or more")
        if count > len(shape):
            allowed = f"a last size of up to {len(shape)}, the axes of the output"
            raise misfit(operands, "indices", f"shape {list(index.shape)}", allowed)
        wanted = (*index.shape[:-1], *shape[count:])
        if updates.shape != wanted:
            raise misfit(operands, "updates", f"shape {list(updates.shape)}", f"{list(wanted)}")
        return (shape,)

    @classmethod
    def prepare(
        cls,
        operands: Scattered[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> ScatterNd:
        """Check the shapes."""
        expect_shapes(outputs, cls.output_shapes(operands, options), _WHERE)
        count = operands.indices.shape[-1]
        shape = outputs[0].shape
        return cls(shape[:count], math.prod(shape[count:]))

    def eval(self, operands: Scattered[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Add update after update."""
        index, updates = operands.indices, operands.updates
        outputs[0].fill(0)
        places = flat(index, self.sizes, _WHERE)
        slices = updates.reshape(len(updates), places.shape[1], self.after)
        y = outputs[0].reshape(len(outputs[0]), math.prod(self.sizes), self.after)
        for where, what, out in per_sample(len(y), places, slices, y):
            np.add.at(out, where, what)
