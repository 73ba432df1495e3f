"""ZEROS_LIKE: zeros of the input's shape.

Shapes    x: any; y: x's shape
Units     the number 0, also where another code stands for the real 0
Raises    ModelError, from prepare only: another output type
Source    LiteRT kernels/zeros_like.cc (f67457790); tflite-micro micro/kernels/zeros_like.cc
          (90b983c2b)
Exact to  LiteRT BUILTIN_REF and, for int8 the only one, TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refinterp.graph.model import Shape
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import expect_shapes
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@kernel("ZEROS_LIKE", "float32", "int8", "int32", "int64")
@dataclass(frozen=True, slots=True)
class ZerosLike(Kernel):
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
    ) -> ZerosLike:
        """Prepare the kernel."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "ZEROS_LIKE")
        return cls()

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Fill with 0."""
        outputs[0].fill(0)
