"""BATCH_TO_SPACE_ND: batches laid out as blocks of space, and the edges cropped.

Shapes    x (batch, *space, depth), one or two axes of space; block: int32, one per axis of space;
          crops: int32 (axes, 2); y (batch / product of block, *(space * block - crops), depth)
Units     unchanged; LiteRT wants one scale and zero point for x and y, TFLM does not look
Raises    ModelError, from prepare only: sizes that do not divide, other scales
Source    LiteRT kernels/batch_to_space_nd.cc, internal/reference/batch_to_space_nd.h (f67457790)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Blocks
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import BYTES, expect_shapes, same_scale
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.space_and_batch import Block, pieces, settings
from refinterp.kernels.workspace import Workspace

_WHERE = "BATCH_TO_SPACE_ND"


@kernel("BATCH_TO_SPACE_ND", *BYTES)
@dataclass(frozen=True, slots=True)
class BatchToSpaceNd(Kernel):
    """pieces: what goes where."""

    pieces: tuple[Block, ...]

    @staticmethod
    def output_shapes(operands: Blocks[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Multiply the space."""
        shape = operands.input.shape
        block, before, after = settings(operands, _WHERE)
        if shape[0] % math.prod(block):
            raise ModelError(f"{_WHERE}: block {block} does not divide {shape[0]} batches")
        space = [
            size * step - crop - other
            for size, step, crop, other in zip(shape[1:-1], block, before, after, strict=True)
        ]
        if min(space) < 0:
            raise ModelError(f"{_WHERE}: crops {before} and {after} leave {space}")
        return ((shape[0] // math.prod(block), *space, shape[-1]),)

    @classmethod
    def prepare(
        cls,
        operands: Blocks[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> BatchToSpaceNd:
        """Place the blocks."""
        x, y = operands.input, outputs[0]
        expect_shapes(outputs, cls.output_shapes(operands, options), _WHERE)
        if x.dtype in ("int8", "uint8", "int16") and rule.path != "unchecked":
            same_scale(x, y, _WHERE)
        block, before, _ = settings(operands, _WHERE)
        return cls(pieces(y.shape[1:-1], x.shape[1:-1], block, before, y.shape[0]))

    def eval(self, operands: Blocks[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy block after block."""
        x, y = operands.input, outputs[0]
        for piece in self.pieces:
            np.copyto(y[piece.space], x[piece.blocks])
