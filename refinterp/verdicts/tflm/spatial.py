"""TFLM's operators that resize images or move their places."""

from __future__ import annotations

from refinterp.verdicts.checks import elements, is_constant, rank, refuse, runs_on, same_type, types
from refinterp.verdicts.common import blocks_fit
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import tflm


@tflm("DEPTH_TO_SPACE", "SPACE_TO_DEPTH")
def depth_to_space(node: Node) -> None:
    """Channels to places and back."""
    node.counts(1, 1)
    x, y = node.x(), node.y()
    rank(x, 4)
    types(y, "float32", "int8")
    same_type(x, y)
    block = int(node.option("block_size", 0))
    if block <= 0:
        refuse("options", f"block_size is {block}; allowed: 1 or more")
    if y.rank > 4:
        refuse("rank", f"{y.label} has {y.rank} dimensions; allowed: 4", aborts=True)
    blocks_fit(node, x, block)


@tflm("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND")
def space_to_batch(node: Node) -> None:
    """Places to batches and back."""
    node.counts(3, 1)
    x, y = node.x(0), node.y()
    rank(x, 3, 4)
    rank(y, 3, 4)
    same_type(x, y)
    runs_on(x, "float32", "int8")
    node.x(1, aborts=True)
    node.x(2, aborts=True)


@tflm("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
def resize(node: Node) -> None:
    """Other heights and widths."""
    node.counts(2, 1)
    x, size, y = node.x(0, aborts=True), node.x(1, aborts=True), node.y(aborts=True)
    rank(x, 4)
    rank(size, 1)
    types(size, "int32")
    if node.name == "RESIZE_NEAREST_NEIGHBOR":
        elements(size, 2)
    is_constant(size)
    if y.rank > 4:
        refuse(
            "rank", f"{y.label} has {y.rank} dimensions; allowed: 4", aborts=True, stage="invoke"
        )
    if node.name == "RESIZE_BILINEAR":
        both = node.option("half_pixel_centers", False) and node.option("align_corners", False)
        if both:
            refuse("options", "half_pixel_centers and align_corners are both set; allowed: one")
        runs_on(y, "float32", "int8")
    else:
        runs_on(y, "float32", "int8", "int16")
