"""LiteRT's operators that resize images or move their places."""

from __future__ import annotations

import math

from refinterp.verdicts.checks import elements, need, rank, refuse, runs_on, same_type, types
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
    need(block > 0, "options", f"block_size is {block}; allowed: 1 or more")
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
    need(amounts.shape == (spatial, 2), "shapes",
         f"{amounts.label} has shape {list(amounts.shape)}; allowed: [{spatial}, 2]")  # fmt: skip
    blocks, around = int32_words(block)[:spatial], int32_words(amounts)[: 2 * spatial]
    if len(blocks) < spatial or len(around) < 2 * spatial:
        narrow = block if len(blocks) < spatial else amounts
        refuse("types", f"{narrow.label} is of {narrow.dtype}, and read as int32: past its end")
    need(0 not in blocks, "values", f"{block.label} holds 0; allowed: 1 or more")
    if node.name == "BATCH_TO_SPACE_ND":
        need(min(around, default=0) >= 0, "values", f"{amounts.label} holds {min(around)}")
        batch = x.shape[0]
        for size in blocks:
            need(math.fmod(batch, size) == 0, "shapes", f"{x.label} has {x.shape[0]} batches, "
                 f"which {blocks} does not divide")  # fmt: skip
            batch = int(batch / size)
        for i, size in enumerate(blocks):
            need(x.shape[i + 1] * size - around[2 * i] - around[2 * i + 1] >= 0, "values",
                 f"{amounts.label} takes more than there is", stage="invoke")  # fmt: skip
    else:
        for i, size in enumerate(blocks):
            whole = x.shape[i + 1] + around[2 * i] + around[2 * i + 1]
            need(math.fmod(whole, size) == 0, "shapes",
                 f"{x.label} has {whole} elements along dimension {i + 1} with its padding, which "
                 f"{size} does not divide")  # fmt: skip


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
            need(not both, "options",
                 "half_pixel_centers and align_corners are both set; allowed: one")  # fmt: skip
            need(min(wanted) > 0, "values", f"{size.label} holds {wanted}; allowed: 1 or more")
        runs_on(x, "float32", *CODES)
    else:
        types(x, *(name for name, bits in BITS.items() if bits < 64))
