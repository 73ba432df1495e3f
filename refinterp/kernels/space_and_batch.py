"""Blocks of space as batches: what SPACE_TO_BATCH_ND and its inverse share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from refinterp.graph.model import Shape
from refinterp.graph.operands import Blocks
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import misfit
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
    if len(block) != axes or min(block) < 1:
        allowed = f"{axes} numbers of 1 or more, one for each axis of space of {list(x.shape)}"
        raise misfit(operands, "block_shape", f"{block}", allowed)
    if len(pairs) != 2 * axes or min(pairs) < 0:
        allowed = f"{2 * axes} numbers of 0 or more, two for each axis of space of {list(x.shape)}"
        raise misfit(operands, "margins", f"{pairs}", allowed)
    return block, pairs[::2], pairs[1::2]
