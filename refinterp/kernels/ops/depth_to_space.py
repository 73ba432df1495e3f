"""DEPTH_TO_SPACE and SPACE_TO_DEPTH: channels laid out as blocks of pixels, and back.

Shapes    DEPTH_TO_SPACE: x (batch, height, width, block * block * depth),
          y (batch, height * block, width * block, depth); SPACE_TO_DEPTH: the other way round
Units     unchanged
Raises    ModelError, from prepare only: sizes that do not divide
Source    LiteRT kernels/depth_to_space.cc, space_to_depth.cc (f67457790)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import expect_shapes
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True)
class BlockOptions:
    """Schema tables DepthToSpaceOptions and SpaceToDepthOptions."""

    block_size: int = 0


def _image(operands: Unary[TensorSpec], block: int, where: str) -> Shape:
    shape = operands.input.shape
    if block < 1:
        raise ModelError(f"{where}: the block size is {block}; it must be positive")
    return shape


@kernel("DEPTH_TO_SPACE", "float32", "int8", "uint8", "int32", "int64", options=BlockOptions)
@dataclass(frozen=True, slots=True)
class DepthToSpace(Kernel):
    """block: how many pixels come of one, along each axis."""

    block: int

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: BlockOptions) -> tuple[Shape, ...]:
        """Enlarge the image."""
        block = options.block_size
        batch, height, width, depth = _image(operands, block, "DEPTH_TO_SPACE")
        if depth % block**2:
            raise ModelError(f"DEPTH_TO_SPACE: {depth} channels do not divide into {block}x{block}")
        return ((batch, height * block, width * block, depth // block**2),)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: BlockOptions,
        rule: Rules,
    ) -> DepthToSpace:
        """Check the sizes."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "DEPTH_TO_SPACE")
        return cls(options.block_size)

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy from a transposed view."""
        x, y = operands.input, outputs[0]
        batch, height, width, _ = x.shape[1:]
        block, depth = self.block, y.shape[-1]
        blocks = x.reshape(len(x), batch, height, width, block, block, depth)
        rows = y.reshape(len(y), batch, height, block, width, block, depth)
        np.copyto(rows, blocks.transpose(0, 1, 2, 4, 3, 5, 6))


@kernel("SPACE_TO_DEPTH", "float32", "int8", "uint8", "int32", "int64", options=BlockOptions)
@dataclass(frozen=True, slots=True)
class SpaceToDepth(Kernel):
    """block: how many pixels become one, along each axis."""

    block: int

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: BlockOptions) -> tuple[Shape, ...]:
        """Shrink the image."""
        block = options.block_size
        batch, height, width, depth = _image(operands, block, "SPACE_TO_DEPTH")
        if height % block or width % block:
            raise ModelError(
                f"SPACE_TO_DEPTH: {height}x{width} does not divide into {block}x{block}"
            )
        return ((batch, height // block, width // block, depth * block**2),)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: BlockOptions,
        rule: Rules,
    ) -> SpaceToDepth:
        """Check the sizes."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "SPACE_TO_DEPTH")
        return cls(options.block_size)

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy from a transposed view."""
        x, y = operands.input, outputs[0]
        batch, height, width, _ = y.shape[1:]
        block, depth = self.block, x.shape[-1]
        rows = x.reshape(len(x), batch, height, block, width, block, depth)
        blocks = y.reshape(len(y), batch, height, width, block, block, depth)
        np.copyto(blocks, rows.transpose(0, 1, 2, 4, 3, 5, 6))
