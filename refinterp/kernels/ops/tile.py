"""TILE: the input repeated along its axes.

Shapes    x: any; multiples: int32 or int64 (rank,); y: x's sizes times the multiples
Units     unchanged
Raises    ModelError, from prepare only: multiples that are negative or not one per axis
Source    LiteRT kernels/tile.cc (f67457790)
Exact to  LiteRT BUILTIN_REF; TFLM has no such operator
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.graph.model import Shape
from refinterp.graph.operands import Tiled
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import misfit
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import BYTES, expect_shapes, integers
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@kernel("TILE", *BYTES)
@dataclass(frozen=True, slots=True)
class Tile(Kernel):
    """x_view, y_view: shapes with an axis of repetitions before each axis."""

    x_view: Shape
    y_view: Shape

    @staticmethod
    def output_shapes(operands: Tiled[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Multiply the sizes."""
        shape, multiples = operands.input.shape, integers(operands.multiples, "TILE")
        if len(multiples) != len(shape) or any(count < 0 for count in multiples):
            allowed = f"{len(shape)} numbers, one for each axis of the input, 0 or more"
            raise misfit(operands, "multiples", f"{multiples}", allowed)
        return (tuple(size * count for size, count in zip(shape, multiples, strict=True)),)

    @classmethod
    def prepare(
        cls,
        operands: Tiled[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> Tile:
        """Check the multiples."""
        x = operands.input
        expect_shapes(outputs, cls.output_shapes(operands, options), "TILE")
        pairs = list(zip(integers(operands.multiples, "TILE"), x.shape, strict=True))
        once = tuple(n for _, size in pairs for n in (1, size))
        return cls(once, tuple(n for pair in pairs for n in pair))

    def eval(self, operands: Tiled[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy, broadcast over the repetitions."""
        x, y = operands.input, outputs[0]
        np.copyto(y.reshape(len(y), *self.y_view), x.reshape(len(x), *self.x_view))
