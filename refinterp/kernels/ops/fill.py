"""FILL: one value everywhere.

Shapes    dims: int32 or int64 (rank,); value: a scalar; y: dims
Units     unchanged; LiteRT wants one scale and zero point for value and y, TFLM does not look
Raises    ModelError, from prepare only: sizes that are negative, other scales
Source    LiteRT kernels/fill.cc (f67457790)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Filled
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import (
    BYTES,
    expect_shapes,
    integers,
    same_scale,
)
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@kernel("FILL", *BYTES)
@dataclass(frozen=True, slots=True)
class Fill(Kernel):
    """No fields: the value comes with the run."""

    @staticmethod
    def output_shapes(operands: Filled[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Return the sizes asked for."""
        dims = integers(operands.shape, "FILL")
        if any(size < 0 for size in dims):
            raise ModelError(f"FILL: dims {dims} must be sizes, which are not negative")
        return (tuple(dims),)

    @classmethod
    def prepare(
        cls,
        operands: Filled[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> Fill:
        """Check the value."""
        value = operands.value
        expect_shapes(outputs, cls.output_shapes(operands, options), "FILL")
        if rule.path != "unchecked":
            same_scale(value, outputs[0], "FILL")
        return cls()

    def eval(self, operands: Filled[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy the value, broadcast."""
        value, y = operands.value, outputs[0]
        np.copyto(y, value.reshape(-1, *(1,) * (y.ndim - 1)))
