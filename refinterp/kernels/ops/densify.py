"""DENSIFY: a sparse constant as a dense tensor.

Shapes    x: a constant with a sparsity table, which is spread out when it is read; y: its shape
Units     codes are copied, and 0 is the number 0
Raises    ModelError, from prepare only: an input that is no constant
Source    LiteRT kernels/densify.cc (f67457790)
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
from refinterp.kernels.data_movement import expect_shapes
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@kernel("DENSIFY", "float32", "float16", "int8")
@dataclass(frozen=True, slots=True)
class Densify(Kernel):
    """No fields."""

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Return the input's shape."""
        return (operands.input.shape,)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> Densify:
        """Check the shapes."""
        x = operands.input
        expect_shapes(outputs, cls.output_shapes(operands, options), "DENSIFY")
        if x.data is None:
            raise ModelError(f"DENSIFY: input {x.name!r} is not a constant")
        return cls()

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy."""
        x = operands.input
        np.copyto(outputs[0], x)
