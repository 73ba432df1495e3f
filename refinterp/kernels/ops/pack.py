"""PACK: tensors of one shape, stacked along a new axis.

Shapes    x_i: all the same; y: their shape with values_count inserted at axis
Units     unchanged; LiteRT wants one scale and zero point throughout, TFLM does not look
Raises    ModelError, from prepare only: other counts, scales that differ
Source    LiteRT kernels/pack.cc (f67457790); tflite-micro micro/kernels/pack.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Variadic
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import axis_of, expect_shapes, same_scale
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True)
class PackOptions:
    """Schema table PackOptions."""

    values_count: int = 0
    axis: int = 0


@kernel(
    "PACK", "float32", "int8", "uint8", "int16", "int32", "int64", "uint32", options=PackOptions
)
@dataclass(frozen=True, slots=True)
class Pack(Kernel):
    """axis: of y, counted without the sample axis."""

    axis: int

    @staticmethod
    def output_shapes(operands: Variadic[TensorSpec], options: PackOptions) -> tuple[Shape, ...]:
        """Insert the axis."""
        parts = operands.rest
        if len(parts) != options.values_count:
            raise ModelError(
                f"PACK has {len(parts)} inputs, but values_count is {options.values_count}"
            )
        first = parts[0].shape
        axis = axis_of(options.axis, len(first) + 1, "PACK")
        return ((*first[:axis], len(parts), *first[axis:]),)

    @classmethod
    def prepare(
        cls,
        operands: Variadic[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: PackOptions,
        rule: Rules,
    ) -> Pack:
        """Check that the parts are alike."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "PACK")
        for part in operands.rest:
            if rule.path != "unchecked":
                same_scale(part, outputs[0], "PACK")
        return cls(options.axis % len(outputs[0].shape))

    def eval(self, operands: Variadic[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy each part to its place."""
        before: tuple[Any, ...] = (slice(None),) * (self.axis + 1)
        for i, x in enumerate(operands.rest):
            np.copyto(outputs[0][(*before, i)], x)
