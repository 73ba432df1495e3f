"""LiteRT's operators that resize images or move their places."""

from __future__ import annotations

import math

from refinterp.verdicts.checks import elements, rank, refuse, runs_on, same_type, types
from refinterp.verdicts.common import blocks_fit, int32_words
from refinterp.verdicts.litert.parts import BITS, CODES, same_marks, sized, zeros_are_zero
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import litert


@litert("DEPTH_TO_SPACE", "SPACE_TO_DEPTH")
def depth_to_space(node: Node) -> None:
    """Channels to places and back."""
    node.counts(1, 1)
    x, y = node.x(), node.y()
    rank(x, 4)
    types(y, "float32", "uint8", "int8", "int32", "int64")
    same_type(x, y)
    block = int(node.option("block_size", 0))
    if block <= 0:
        refuse("options", f"block_size is {block}; allowed: 1 or more")
    blocks_fit(node, x, block)


@litert("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND")
def space_to_batch(node: Node) -> None:
    """Places to batches and back."""
    node.counts(3, 1)
    x, block, amounts = (node.x(i, aborts=True) for i in range(3))
    y = node.y(aborts=True)
    rank(x, 3, 4)
    same_type(x, y)
    if x.dtype in CODES:
        same_marks(x, y)
    if x.dtype == "int16":
        zeros_are_zero(x, y)
    sized(x)
    if not (block.constant and amounts.constant):
        return
    spatial = x.rank - 2
    rank(block, 1)
    elements(block, spatial)
    rank(amounts, 2)
    if amounts.shape != (spatial, 2):
        refuse(
            "shapes", f"{amounts.label} has shape {list(amounts.shape)}; allowed: [{spatial}, 2]"
        )
    blocks, around = int32_words(block)[:spatial], int32_words(amounts)[: 2 * spatial]
    if len(blocks) < spatial or len(around) < 2 * spatial:
        narrow = block if len(blocks) < spatial else amounts
        refuse("types", f"{narrow.label} is of {narrow.dtype}, and read as int32: past its end")
    if 0 in blocks:
        refuse("values", f"{block.label} holds 0; allowed: 1 or more")
    if node.name == "BATCH_TO_SPACE_ND":
        if min(around, default=0) < 0:
            refuse("values", f"{amounts.label} holds {min(around)}")
        batch = x.shape[0]
        for size in blocks:
            if math.fmod(batch, size) != 0:
                refuse(
                    "shapes", f"{x.label} has {x.shape[0]} batches, which {blocks} does not divide"
                )
            batch = int(batch / size)
        for i, size in enumerate(blocks):
            if x.shape[i + 1] * size - around[2 * i] - around[2 * i + 1] < 0:
                refuse("values", f"{amounts.label} takes more than there is", stage="invoke")
    else:
        for i, size in enumerate(blocks):
            whole = x.shape[i + 1] + around[2 * i] + around[2 * i + 1]
            if math.fmod(whole, size) != 0:
                refuse(
                    "shapes",
                    f"{x.label} has {whole} elements along dimension {i + 1} with its padding, "
                    f"which {size} does not divide",
                )


@litert("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
def resize(node: Node) -> None:
    """Other heights and widths."""
    node.counts(2, 1)
    x, size = node.x(0), node.x(1)
    node.y()
    rank(x, 4)
    rank(size, 1)
    elements(size, 2)
    types(size, "int32")
    wanted = size.integers()
    if node.name == "RESIZE_BILINEAR":
        if wanted is not None:
            both = node.option("half_pixel_centers", False) and node.option("align_corners", False)
            if both:
                refuse("options", "half_pixel_centers and align_corners are both set; allowed: one")
            if min(wanted) <= 0:
                refuse("values", f"{size.label} holds {wanted}; allowed: 1 or more")
        runs_on(x, "float32", *CODES)
    else:
        types(x, *(name for name, bits in BITS.items() if bits < 64))
