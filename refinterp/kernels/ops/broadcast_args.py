"""BROADCAST_ARGS: the shape that two shapes broadcast to.

Shapes    a, b: int32 or int64 vectors of sizes; y: as long as the longer one
Source    LiteRT kernels/broadcast_args.cc, internal/reference/broadcast_args.h (f67457790)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.graph.model import Shape
from refinterp.graph.operands import Binary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import expect_shapes
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@kernel("BROADCAST_ARGS", "int32", "int64")
@dataclass(frozen=True, slots=True)
class BroadcastArgs(Kernel):
    """No fields: the sizes come with the run."""

    @staticmethod
    def output_shapes(operands: Binary[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Return the longer vector's shape."""
        a, b = operands.left, operands.right
        return (max(a.shape, b.shape),)

    @classmethod
    def prepare(
        cls,
        operands: Binary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> BroadcastArgs:
        """Check the shapes."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "BROADCAST_ARGS")
        return cls()

    def eval(self, operands: Binary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Take b's sizes, and a's where b has 1 or none."""
        long, short = operands.left, operands.right
        if short.shape[1] > long.shape[1]:
            long, short = short, long
        np.copyto(outputs[0], long)
        if short.shape[1]:
            tail = outputs[0][:, -short.shape[1] :]
            np.copyto(tail, short, where=(short != 1) & (tail == 1))
