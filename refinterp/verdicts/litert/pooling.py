"""LiteRT's pooling."""

from __future__ import annotations

from refinterp.verdicts.checks import rank, runs_on, same_type, types
from refinterp.verdicts.litert.parts import CODES
from refinterp.verdicts.litert.weights import positive
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import litert


@litert("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D")
def pool(node: Node) -> None:
    """Pooling."""
    node.counts(1, 1)
    x, y = node.x(), node.y()
    rank(x, 4)
    same_type(x, y)
    positive(node, "stride_h", "stride_w")
    if node.name == "L2_POOL_2D":
        types(x, "float32")
        return
    runs_on(x, "float32", *CODES)
