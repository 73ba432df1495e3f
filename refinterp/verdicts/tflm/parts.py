"""Checks that several of TFLM's kernels share.

Sources: tensorflow/lite/micro/kernels of tflite-micro (commit 90b983c2b), tried on the wheel.
TFLM takes the first of several scales for that of the tensor.
"""

from __future__ import annotations

import numpy as np

from refinterp.verdicts.node import Node, Operand, clamp_fits, is_quantized, need, refuse


def operand(node: Node, position: int) -> Operand | None:
    """An input, None where it is left out."""
    return node.inputs[position] if position < len(node.inputs) else None


def scale(x: Operand) -> float:
    """The scale TFLM works with."""
    return x.first_scale if x.affine else 0.0


def zero(x: Operand) -> int:
    """The zero point TFLM works with."""
    return x.first_zero if x.affine else 0


def zero_point_is(x: Operand, allowed: int) -> None:
    """Its zero point."""
    if zero(x) != allowed:
        refuse("zero points", f"{x.label} has zero point {zero(x)}; allowed: {allowed}")


def quotient(a: float, b: float) -> float:
    """Like C's, by zero too."""
    with np.errstate(all="ignore"):
        return float(np.float64(a) / np.float64(b))


def activation_range(node: Node, y: Operand, activation: str) -> None:
    """The range of a fused activation in the result's codes."""
    need(
        y.dtype in ("int8", "uint8", "int16"),
        "types",
        f"{y.label} is of {y.dtype}; allowed: int8, uint8, int16",
    )
    clamp_fits(y, activation, scale(y))


def broadcast_rank(node: Node, most: int, *operands: Operand) -> None:
    """Operands of unlike shape have few enough dimensions, or the process ends."""
    if len({x.shape for x in operands[:2]}) == 1:
        return
    for x in operands:
        if x.rank > max(most, 6):
            refuse(
                "rank",
                f"{x.label} has {x.rank} dimensions, and operands of unlike shape at most {most}",
                aborts=True,
                stage="invoke",
            )


def as_many(y: Operand, *operands: Operand) -> None:
    """A result of operands of one shape has as many elements, or the process ends."""
    if len({x.shape for x in operands}) == 1 and y.size != operands[0].size:
        refuse(
            "shapes",
            f"{y.label} has {y.size} elements; allowed: {operands[0].size}",
            aborts=True,
            stage="invoke",
        )


def bias_scale_fits(x: Operand, w: Operand, bias: Operand | None, y: Operand) -> None:
    """The bias's scale is the product of the others', to 2 % of the result's."""
    if bias is None:
        return
    product = np.float64(np.float32(scale(x))) * np.float64(np.float32(scale(w)))
    with np.errstate(all="ignore"):
        off = float(np.abs(product - np.float64(scale(bias))) / np.float64(scale(y)))
    if not off <= 0.02:
        refuse(
            "bias scale",
            f"{bias.label} has scale {scale(bias):.9g}, but that of {x.label} times that of "
            f"{w.label} is {product:.9g}: they are {off:.3g} of the result's scale "
            f"{scale(y):.9g} apart; allowed: 0.02",
        )


def convolution_scales(
    node: Node, x: Operand, w: Operand, y: Operand, channels: int, activation: str
) -> None:
    """What a convolution asks of scales."""
    is_quantized(x)
    is_quantized(w)
    count = w.scales.size
    if count > 1:
        need(x.dtype in ("int8", "int16"), "types", f"{x.label} is of {x.dtype}, and {w.label} "
             "has a scale per channel; allowed: int8, int16")  # fmt: skip
        need(w.dtype in ("int8", "int4"), "types", f"{w.label} is of {w.dtype}, and has a scale "
             "per channel; allowed: int8, int4")  # fmt: skip
        along = w.extent(w.axis) if 0 <= w.axis < w.rank else 0
        need(
            count == channels == along,
            "scales",
            f"{w.label} has {count} scales along dimension {w.axis}, for {channels} channels; "
            "allowed: 1, or one per channel along that dimension",
        )
    if x.dtype in ("int8", "uint8", "int16"):
        activation_range(node, y, activation)
