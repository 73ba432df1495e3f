"""Blocks of space as batches: what SPACE_TO_BATCH_ND and its inverse share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Blocks
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.data_movement import integers


@dataclass(frozen=True, slots=True)
class Block:
    """Elements block * i + offset of padded space, where they lie in space and in i.

    batch: of the side that has the blocks as batches, sample axis first. blocks, space: indices.
    """

    blocks: tuple[slice, ...]
    space: tuple[slice, ...]


def pieces(
    space: Shape, counts: Shape, block: Sequence[int], before: Sequence[int], batch: int
) -> tuple[Block, ...]:
    """Split space into blocks.

    space: sizes without padding; counts: how many blocks lie along each axis of padded space;
    before: padding in front (or what is cropped there); batch: of the side that has the space.
    """
    found = []
    for number, offsets in enumerate(product(*(range(size) for size in block))):
        inside, outside = [], []
        for size, count, step, offset, ahead in zip(
            space, counts, block, offsets, before, strict=True
        ):
            first = max(0, -((offset - ahead) // step))  # the first i with i * step + offset there
            last = min(count, -((offset - ahead - size) // step))
            last = max(first, last)
            start = first * step + offset - ahead
            inside.append(slice(first, last))
            outside.append(slice(start, start + (last - first) * step, step))
        batches = slice(number * batch, (number + 1) * batch)
        everything = slice(None)
        found.append(Block((everything, batches, *inside), (everything, everything, *outside)))
    return tuple(found)


def settings(operands: Blocks[TensorSpec], where: str) -> tuple[list[int], list[int], list[int]]:
    """Return block sizes and what to put (or crop) before and after, one per axis of space."""
    x = operands.input
    block, pairs = integers(operands.block_shape, where), integers(operands.margins, where)
    axes = len(x.shape) - 2
    if axes not in (1, 2) or len(block) != axes or len(pairs) != 2 * axes:
        raise ModelError(
            f"{where}: block {block} and margins {pairs} do not fit an input of {list(x.shape)}, "
            "which must have 3 or 4 dimensions"
        )
    if min(block) < 1 or min(pairs) < 0:
        raise ModelError(f"{where}: block {block} must be positive, margins {pairs} not negative")
    return block, pairs[::2], pairs[1::2]
