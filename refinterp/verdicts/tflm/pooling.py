"""TFLM's pooling."""

from __future__ import annotations

from refinterp.verdicts.checks import rank, refuse, same_type, types
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import tflm
from refinterp.verdicts.tflm.parts import scale, strides_not_zero, zero


@tflm("AVERAGE_POOL_2D", "MAX_POOL_2D")
def pool(node: Node) -> None:
    """Pooling."""
    x, y = node.x(), node.y()
    strides_not_zero(node)
    if x.dtype in ("int8", "int16"):
        apart = abs(scale(x) - scale(y))
        if not apart <= 1e-6:
            refuse(
                "scales",
                f"{x.label} has scale {scale(x):.9g} and {y.label} {scale(y):.9g}; allowed: the "
                "same",
            )
        if zero(x) != zero(y):
            refuse(
                "zero points",
                f"{x.label} has zero point {zero(x)} and {y.label} {zero(y)}; allowed: the same",
            )
    types(x, "float32", "int8", "int16")


@tflm("L2_POOL_2D")
def l2_pool(node: Node) -> None:
    """L2_POOL_2D."""
    node.counts(1, 1)
    y, x = node.y(), node.x()
    rank(x, 4)
    rank(y, 4)
    same_type(x, y)
    strides_not_zero(node)
    types(x, "float32")
