"""WHERE: the coordinates of the elements that are not 0, row by row.

Shapes    x: at least a vector, whose value decides; y: int64 (count, rank)
Raises    ModelError, from prepare only: a scalar
Source    LiteRT kernels/where.cc (f67457790)
Exact to  LiteRT BUILTIN_REF; TFLM has no such operator
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import expect_shapes, per_sample, value
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@kernel("WHERE", "bool", "float32", "int8", "uint8", "uint32", "int32", "int64")
@dataclass(frozen=True, slots=True)
class Where(Kernel):
    """No fields: the elements come with the run, and their count with the shape."""

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Count the elements."""
        x = operands.input
        if not x.shape:
            raise ModelError("WHERE needs a vector or more, got a scalar")
        return ((int(np.count_nonzero(value(operands.input, "WHERE"))), len(x.shape)),)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> Where:
        """Check the output."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "WHERE")
        return cls()

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """List the coordinates."""
        x = operands.input
        for part, y in per_sample(len(outputs[0]), x, outputs[0]):
            np.copyto(y, np.argwhere(part))
