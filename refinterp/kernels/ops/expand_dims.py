"""EXPAND_DIMS: the same elements, with one more axis of size 1.

Shapes    x: any; axis: one int32 or int64 in [-rank - 1, rank]; y: x's shape with a 1 at axis
Units     unchanged; x and y must have the same scale and zero point for LiteRT, TFLM does not look
Raises    ModelError, from prepare only: an axis out of range, other scales
Source    LiteRT kernels/expand_dims.cc (f67457790); tflite-micro micro/kernels/expand_dims.cc
          (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refinterp.graph.model import Shape
from refinterp.graph.operands import AlongAxis
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import (
    ALL,
    axis_of,
    copy,
    expect_shapes,
    integer,
    same_scale,
)
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@kernel("EXPAND_DIMS", *ALL)
@dataclass(frozen=True, slots=True)
class ExpandDims(Kernel):
    """Copies the elements in order."""

    @staticmethod
    def output_shapes(operands: AlongAxis[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Insert the axis."""
        shape = operands.input.shape
        axis = axis_of(integer(operands.axis, "EXPAND_DIMS"), len(shape) + 1, "EXPAND_DIMS")
        return ((*shape[:axis], 1, *shape[axis:]),)

    @classmethod
    def prepare(
        cls,
        operands: AlongAxis[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> ExpandDims:
        """Check shapes and scales."""
        x = operands.input
        expect_shapes(outputs, cls.output_shapes(operands, options), "EXPAND_DIMS")
        if rule.path != "unchecked":
            same_scale(x, outputs[0], "EXPAND_DIMS")
        return cls()

    def eval(self, operands: AlongAxis[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy."""
        x = operands.input
        copy(x, outputs[0])
