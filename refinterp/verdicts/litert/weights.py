"""Checks that LiteRT's layers with weights share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from refinterp.verdicts.checks import elements, is_quantized, refuse
from refinterp.verdicts.common import quotient
from refinterp.verdicts.litert.parts import CODES, activation_range
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand


def bias_scale_fits(x: Operand, w: Operand, bias: Operand | None, y: Operand) -> None:
    """The bias's scale is the product of the others', to 2 % of the result's."""
    if bias is None:
        return
    product = x.scale * w.scale
    off = quotient(abs(product - bias.scale), y.scale)
    if not off <= 0.02:
        refuse(
            "bias scale",
            f"{bias.label} has scale {bias.scale:.9g}, but that of {x.label} times that of "
            f"{w.label} is {product:.9g}: they are {off:.3g} of the result's scale {y.scale:.9g} "
            "apart; allowed: 0.02",
        )


def multiplier(x: Operand, w: Operand) -> None:
    """The product of scales is a number that is not negative."""
    product = float(np.float32(x.scale) * np.float32(w.scale))
    if not product >= 0:
        refuse("scales", f"the scales of {x.label} and {w.label} multiply to {product:.9g}")


def convolution_scales(
    x: Operand, w: Operand, bias: Operand | None, y: Operand, channels: int, activation: str
) -> None:
    """What a convolution asks of scales."""
    for operand_ in (x, w):
        is_quantized(operand_)
    count = w.scales.size
    if count not in (1, channels):
        refuse("scales", f"{w.label} has {count} scales; allowed: 1 or {channels}, one per channel")
    if count > 1:
        if x.dtype not in ("int8", "int16"):
            refuse(
                "types",
                f"{x.label} is of {x.dtype}, and {w.label} has a scale per channel; allowed: int8, "
                "int16",
            )
        if w.dtype not in ("int8", "int4"):
            refuse(
                "types",
                f"{w.label} is of {w.dtype}, and has a scale per channel; allowed: int8, int4",
            )
        if w.extent(w.axis) != channels:
            refuse(
                "scales",
                f"{w.label} has its scales along dimension {w.axis}, which has {w.extent(w.axis)} "
                f"elements; allowed: {channels}, the channels",
            )
    if x.dtype == "uint8":
        bias_scale_fits(x, w, bias, y)
        multiplier(x, w)
    if x.dtype in CODES:
        activation_range(y, y.dtype, activation)


def window_sizes(
    sizes: Sequence[int],
    windows: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    padding: str,
) -> list[int]:
    """The result's sizes; C's division, so that a window that does not fit gives 0 or less."""
    result = []
    for size, window, stride, dilation in zip(sizes, windows, strides, dilations, strict=True):
        wide = (window - 1) * dilation + 1
        span = size + stride - 1 if padding == "SAME" else size + stride - wide
        result.append(int(span / stride) if padding in ("SAME", "VALID") else 0)
    return result


def positive(node: Node, *names: str) -> None:
    """Options of these names are 1 or more."""
    for name in names:
        value = int(node.option(name, 1))
        if value <= 0:
            refuse("options", f"{name} is {value}; allowed: 1 or more")


def no_empty(x: Operand, *axes: int) -> None:
    """There are elements along these axes."""
    for axis in axes:
        if x.shape[axis] <= 0:
            refuse("shapes", f"{x.label} has shape {list(x.shape)}; allowed: no 0")


def bias_size(bias: Operand, channels: int) -> None:
    """The bias has an element per channel."""
    elements(bias, channels)


def bias_type16(node: Node, bias: Operand | None) -> None:
    """quantized_bias_type says what the bias is."""
    kind = str(node.option("quantized_bias_type", "float32")).lower()
    if kind == "float32":
        return
    if kind not in ("int32", "int64"):
        refuse("options", f"quantized_bias_type is {kind}; allowed: int32, int64")
    if bias is not None and bias.dtype != kind:
        refuse("types", f"{bias.label} is of {bias.dtype}; quantized_bias_type is {kind}")
