"""SHAPE: the input's sizes, and RANK: how many there are.

Shapes    x: any; y: SHAPE int32 or int64 (rank,), RANK an int32 scalar
Raises    ModelError, from prepare only: an output type that is no integer or not out_type
Source    LiteRT kernels/shape.cc, rank.cc (f67457790)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import ALL, expect_shapes
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ShapeOptions:
    """Schema table ShapeOptions."""

    out_type: str | int = "float32"


@kernel("SHAPE", *ALL, options=ShapeOptions)
@dataclass(frozen=True, slots=True)
class ShapeOf(Kernel):
    """sizes: what y is filled with."""

    sizes: Shape

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: ShapeOptions) -> tuple[Shape, ...]:
        """Return one element per axis."""
        return ((len(operands.input.shape),),)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: ShapeOptions,
        rule: Rules,
    ) -> ShapeOf:
        """Look at the input's shape; its elements are never read."""
        y = outputs[0]
        expect_shapes(outputs, cls.output_shapes(operands, options), "SHAPE")
        allowed = [t for t in ("int32", "int64") if options.out_type in (t, "float32")]
        if y.dtype not in allowed:  # float32 is what a file says that says nothing
            raise ModelError(
                f"SHAPE: output {y.name!r} is {y.dtype} and out_type {options.out_type}; both must "
                "be int32 or both int64"
            )
        return cls(operands.input.shape)

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write the sizes."""
        outputs[0][...] = self.sizes


@kernel("RANK", *ALL)
@dataclass(frozen=True, slots=True)
class Rank(Kernel):
    """rank: what y is filled with."""

    rank: int

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Return a scalar's shape."""
        return ((),)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> Rank:
        """Look at the input's shape; its elements are never read."""
        expect_shapes(outputs, ((),), "RANK")
        if outputs[0].dtype != "int32":
            raise ModelError(f"RANK: output {outputs[0].name!r} is {outputs[0].dtype}, not int32")
        return cls(len(operands.input.shape))

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write the rank."""
        outputs[0][...] = self.rank
