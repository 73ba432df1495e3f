"""UNPACK: a tensor taken apart along an axis, which disappears.

Shapes    x: any; y_i: x's shape without the axis, as many as it is long
Units     unchanged; LiteRT wants one scale and zero point throughout, TFLM does not look
Raises    ModelError, from prepare only: num is not the size of the axis, scales that differ
Source    LiteRT kernels/unpack.cc (f67457790); tflite-micro micro/kernels/unpack.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import axis_of, expect_shapes, same_scale
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True)
class UnpackOptions:
    """Schema table UnpackOptions."""

    num: int = 0
    axis: int = 0


@kernel(
    "UNPACK", "float32", "float16", "int8", "uint8", "int16", "int32", "bool", options=UnpackOptions
)
@dataclass(frozen=True, slots=True)
class Unpack(Kernel):
    """axis: of x, counted without the sample axis."""

    axis: int

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: UnpackOptions) -> tuple[Shape, ...]:
        """Drop the axis."""
        shape = operands.input.shape
        axis = axis_of(options.axis, len(shape), "UNPACK")
        if options.num != shape[axis]:
            raise ModelError(
                f"UNPACK: num is {options.num}, but axis {axis} of {list(shape)} has {shape[axis]}"
            )
        return ((*shape[:axis], *shape[axis + 1 :]),) * options.num

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: UnpackOptions,
        rule: Rules,
    ) -> Unpack:
        """Check the outputs."""
        x = operands.input
        expect_shapes(outputs, cls.output_shapes(operands, options), "UNPACK")
        for y in outputs:
            if rule.path != "unchecked":
                same_scale(x, y, "UNPACK")
        return cls(options.axis % len(x.shape))

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy each part."""
        x = operands.input
        before: tuple[Any, ...] = (slice(None),) * (self.axis + 1)
        for i, y in enumerate(outputs):
            np.copyto(y, x[(*before, i)])
