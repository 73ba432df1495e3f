"""SQUEEZE: the same elements, without axes of size 1.

Shapes    x: any; y: x's shape without the axes squeeze_dims, or without every 1 if that is empty
Units     unchanged
Raises    ModelError, from prepare only: an axis that does not exist or is not of size 1
Source    LiteRT kernels/squeeze.cc (f67457790)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import ALL, axis_of, copy, expect_shapes
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True)
class SqueezeOptions:
    """Schema table SqueezeOptions."""

    squeeze_dims: Sequence[int] = ()


@kernel("SQUEEZE", *ALL, options=SqueezeOptions)
@dataclass(frozen=True, slots=True)
class Squeeze(Kernel):
    """Copies the elements in order."""

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: SqueezeOptions) -> tuple[Shape, ...]:
        """Drop the axes."""
        shape = operands.input.shape
        named = [axis_of(int(axis), len(shape), "SQUEEZE") for axis in options.squeeze_dims]
        for axis in named:
            if shape[axis] != 1:
                raise ModelError(f"SQUEEZE: axis {axis} of {list(shape)} is not of size 1")
        gone = set(named) or {axis for axis, size in enumerate(shape) if size == 1}
        return (tuple(size for axis, size in enumerate(shape) if axis not in gone),)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: SqueezeOptions,
        rule: Rules,
    ) -> Squeeze:
        """Check the shapes."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "SQUEEZE")
        return cls()

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy."""
        x = operands.input
        copy(x, outputs[0])
