"""BROADCAST_TO: the input repeated along its axes of size 1.

Shapes    x: any; shape: int32 or int64 (rank of y,); y: that shape
Units     unchanged
Raises    ModelError, from prepare only: x does not broadcast to the shape
Source    LiteRT kernels/broadcast_to.cc (f67457790)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.graph.model import Shape
from refinterp.graph.operands import Expanded
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import misfit
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import BYTES, expect_shapes, integers
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@kernel("BROADCAST_TO", *BYTES)
@dataclass(frozen=True, slots=True)
class BroadcastTo(Kernel):
    """view: x's shape with ones in front, as many axes as y has."""

    view: Shape

    @staticmethod
    def output_shapes(operands: Expanded[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Return the shape asked for."""
        shape = operands.input.shape
        wanted = tuple(integers(operands.shape, "BROADCAST_TO"))
        view = (1,) * (len(wanted) - len(shape)) + shape
        if len(view) != len(wanted) or any(
            size not in (1, goal) for size, goal in zip(view, wanted, strict=True)
        ):
            allowed = f"what {list(shape)}, the shape of the input, broadcasts to"
            raise misfit(operands, "shape", f"{list(wanted)}", allowed)
        return (wanted,)

    @classmethod
    def prepare(
        cls,
        operands: Expanded[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> BroadcastTo:
        """Check the shapes."""
        x = operands.input
        expect_shapes(outputs, cls.output_shapes(operands, options), "BROADCAST_TO")
        return cls((1,) * (len(outputs[0].shape) - len(x.shape)) + x.shape)

    def eval(self, operands: Expanded[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy, broadcast."""
        x = operands.input
        np.copyto(outputs[0], x.reshape(len(x), *self.view))
