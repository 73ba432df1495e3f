"""Checks that several of LiteRT's kernels share.

Sources: tflite/kernels of LiteRT (commit f67457790), tried on the wheel. A tensor with a scale per
channel has no scale of its own: it is 0 there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from refinterp.graph.model import Shape
from refinterp.verdicts.node import Node, Operand, below_one, clamp_fits, need, refuse

CODES = ("int8", "uint8", "int16")
QUANTIZED8 = ("int8", "uint8")


def operand(node: Node, position: int) -> Operand | None:
    """An input, None where it is left out."""
    return node.inputs[position] if position < len(node.inputs) else None


def quotient(a: float, b: float) -> float:
    """Like C's, by zero too."""
    with np.errstate(all="ignore"):
        return float(np.float64(a) / np.float64(b))


def broadcast(*operands: Operand) -> Shape:
    """The shape operands repeat to; refused where they do not."""
    most = max(x.rank for x in operands)
    sizes = []
    for back in range(1, most + 1):
        extents = [x.shape[-back] if back <= x.rank else 1 for x in operands]
        wanted = 0 if min(extents) == 0 else max(extents)
        if len(operands) == 2 and 0 in extents:
            fits = extents[0] == extents[1] or 1 in extents
        else:
            fits = all(extent in (1, wanted) for extent in extents)
        if not fits:
            refuse(
                "shapes",
                "its inputs have shapes "
                + " and ".join(str(list(x.shape)) for x in operands)
                + ", which do not broadcast",
            )
        sizes.append(wanted)
    return tuple(reversed(sizes))


def activation_range(y: Operand, dtype: str, activation: str) -> None:
    """The range of a fused activation in codes of a type (the one the runtime gives the result)."""
    need(dtype in CODES, "types", f"{y.label} is of {dtype}; allowed: int8, uint8, int16")
    clamp_fits(y, activation, y.scale)


def same_marks(a: Operand, b: Operand) -> None:
    """Two operands have the same scale and zero point."""
    if a.scale != b.scale or a.zero != b.zero:
        refuse(
            "scales",
            f"{a.label} has scale {a.scale:.9g} and zero point {a.zero}, {b.label} {b.scale:.9g} "
            f"and {b.zero}; allowed: the same",
        )


def zeros_are_zero(*operands: Operand) -> None:
    """Zero points of int16 tensors."""
    for x in operands:
        if x.zero != 0:
            refuse("zero points", f"{x.label} has zero point {x.zero}; allowed: 0")


def power_of_two(value: float) -> int | None:
    """Its exponent, None where it is none, as CheckedLog2 has it."""
    if not value > 0:
        return None
    exponent = math.log(value) / math.log(2)
    whole = round(exponent)
    return whole if abs(exponent - whole) < 1e-3 else None


def sum_multipliers(a: Operand, b: Operand, y: Operand, shift: int, *, cap: bool = True) -> None:
    """What the shifts of a sum ask of its scales; cap: the output's multiplier is below one."""
    twice = float(np.float32(2) * np.float32(max(a.scale, b.scale)))
    for x in (a, b):
        below_one(quotient(x.scale, twice), f"the scale of {x.label} over twice the larger one")
    real = quotient(twice, float(np.float32(2.0**shift) * np.float32(y.scale)))
    if cap or not real > 1:
        below_one(real, f"twice the larger scale over 2**{shift} times that of {y.label}")


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
    need(product >= 0, "scales", f"the scales of {x.label} and {w.label} multiply to {product:.9g}")


def convolution_scales(
    x: Operand, w: Operand, bias: Operand | None, y: Operand, channels: int, activation: str
) -> None:
    """What a convolution asks of scales."""
    for operand_ in (x, w):
        need(operand_.affine, "quantization", f"{operand_.label} is not quantized; it must be")
    count = w.scales.size
    need(
        count in (1, channels),
        "scales",
        f"{w.label} has {count} scales; allowed: 1 or {channels}, one per channel",
    )
    if count > 1:
        need(x.dtype in ("int8", "int16"), "types",
             f"{x.label} is of {x.dtype}, and {w.label} has a scale per channel; allowed: int8, "
             "int16")  # fmt: skip
        need(
            w.dtype in ("int8", "int4"),
            "types",
            f"{w.label} is of {w.dtype}, and has a scale per channel; allowed: int8, int4",
        )
        need(w.extent(w.axis) == channels, "scales",
             f"{w.label} has its scales along dimension {w.axis}, which has {w.extent(w.axis)} "
             f"elements; allowed: {channels}, the channels")  # fmt: skip
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
