"""SPACE_TO_BATCH_ND: blocks of space moved to the batch axis.

Shapes    x (batch, *space, depth), one or two axes of space; block: int32, one per axis of space;
          paddings: int32 (axes, 2); y (batch * product of block, *(padded space / block), depth)
Units     unchanged, padded with y's zero point; LiteRT wants one scale and zero point for x and y,
          TFLM does not look
Raises    ModelError, from prepare only: sizes that do not divide, other scales
Source    LiteRT kernels/space_to_batch_nd.cc, internal/reference/space_to_batch_nd.h (f67457790)
Exact to  LiteRT BUILTIN_REF; TFLM where nothing is padded: its padding is uninitialised memory
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

_WHERE = "SPACE_TO_BATCH_ND"


@kernel("SPACE_TO_BATCH_ND", *BYTES)
@dataclass(frozen=True, slots=True)
class SpaceToBatchNd(Kernel):
    """pieces: what goes where. value: the padding, None if there is none."""

    pieces: tuple[Block, ...]
    value: int | None

    @staticmethod
    def output_shapes(operands: Blocks[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Divide the padded space."""
        shape = operands.input.shape
        block, before, after = settings(operands, _WHERE)
        padded = [n + b + a for n, b, a in zip(shape[1:-1], before, after, strict=True)]
        if any(size % step for size, step in zip(padded, block, strict=True)):
            raise ModelError(f"{_WHERE}: block {block} does not divide padded space {padded}")
        space = [size // step for size, step in zip(padded, block, strict=True)]
        return ((shape[0] * math.prod(block), *space, shape[-1]),)

    @classmethod
    def prepare(
        cls,
        operands: Blocks[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> SpaceToBatchNd:
        """Place the blocks."""
        x, y = operands.input, outputs[0]
        expect_shapes(outputs, cls.output_shapes(operands, options), _WHERE)
        if x.dtype in ("int8", "uint8", "int16") and rule.path != "unchecked":
            same_scale(x, y, _WHERE)
        block, before, after = settings(operands, _WHERE)
        padded = any(before) or any(after)
        return cls(
            pieces(x.shape[1:-1], y.shape[1:-1], block, before, x.shape[0]),
            y.zero if padded else None,
        )

    def eval(self, operands: Blocks[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy block after block."""
        x, y = operands.input, outputs[0]
        if self.value is not None:
            y.fill(self.value)
        for piece in self.pieces:
            np.copyto(y[piece.blocks], x[piece.space])
