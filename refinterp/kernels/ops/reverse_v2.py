"""REVERSE_V2: the elements along some axes in reverse order.

Shapes    x: any; axes: int32 (n,), next to each other; y: x's shape
Units     unchanged
Raises    ModelError, from prepare only: axes that do not exist or have others between them
Source    LiteRT kernels/reverse.cc (f67457790)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Reduced
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import (
    axis_of,
    expect_shapes,
    integers,
    value,
)
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@kernel("REVERSE_V2", "float32", "int8", "uint8", "int16", "int32", "int64", "bool", "float16")
@dataclass(frozen=True, slots=True)
class ReverseV2(Kernel):
    """axes: counted with the sample axis."""

    axes: tuple[int, ...]

    @staticmethod
    def output_shapes(operands: Reduced[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Return the input's shape."""
        value(operands.axes, "REVERSE_V2")
        return (operands.input.shape,)

    @classmethod
    def prepare(
        cls,
        operands: Reduced[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> ReverseV2:
        """Check the axes."""
        x = operands.input
        expect_shapes(outputs, cls.output_shapes(operands, options), "REVERSE_V2")
        named = integers(operands.axes, "REVERSE_V2")
        axes = sorted(axis_of(axis, len(x.shape), "REVERSE_V2") for axis in named)
        if axes and axes != list(range(axes[0], axes[0] + len(axes))):
            raise ModelError(f"REVERSE_V2: axes {named} must lie next to each other")
        return cls(tuple(axis + 1 for axis in axes))

    def eval(self, operands: Reduced[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy from a view with negative strides."""
        x = operands.input
        np.copyto(outputs[0], np.flip(x, self.axes))
