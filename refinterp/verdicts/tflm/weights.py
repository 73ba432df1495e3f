"""Checks that TFLM's layers with weights share."""

from __future__ import annotations

import numpy as np

from refinterp.verdicts.checks import is_quantized, refuse
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.tflm.parts import activation_range, scale


def scales_fit(w: Operand, channels: int) -> None:
    """Weights have one scale, or one per channel."""
    is_quantized(w)
    if w.scales.size not in (1, channels):
        refuse("scales", f"{w.label} has {w.scales.size} scales; allowed: 1 or {channels}")


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


def convolution_scales(x: Operand, w: Operand, y: Operand, channels: int, activation: str) -> None:
    """What a convolution asks of scales."""
    is_quantized(x)
    is_quantized(w)
    count = w.scales.size
    if count > 1:
        if x.dtype not in ("int8", "int16"):
            refuse(
                "types",
                f"{x.label} is of {x.dtype}, and {w.label} "
                "has a scale per channel; allowed: int8, int16",
            )
        if w.dtype not in ("int8", "int4"):
            refuse(
                "types",
                f"{w.label} is of {w.dtype}, and has a scale per channel; allowed: int8, int4",
            )
        along = w.extent(w.axis) if 0 <= w.axis < w.rank else 0
        if not count == channels == along:
            refuse(
                "scales",
                f"{w.label} has {count} scales along dimension {w.axis}, for {channels} channels; "
                "allowed: 1, or one per channel along that dimension",
            )
    if x.dtype in ("int8", "uint8", "int16"):
        activation_range(y, activation)


def types_fit(x: Operand, w: Operand, *allowed: tuple[str, str]) -> None:
    """The types of data and weights go together."""
    if (x.dtype, w.dtype) not in allowed:
        pairs = ", ".join(f"{a} with {b}" for a, b in allowed)
        hybrid = x.dtype == "float32" and w.dtype in ("int8", "uint8", "int4")
        refuse(
            "hybrid" if hybrid else "types",
            ("it is hybrid (a dynamic-range model's): " if hybrid else "")
            + f"{x.label} is of {x.dtype} and {w.label} of {w.dtype}; allowed: {pairs}",
        )
