"""TRANSPOSE_CONV: odd strides and filters, both paddings, outputs of every size that fits."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.operators.case import Case, generator
from conformance.operators.cases.conv import (
    draw_bias,
    draw_output_scale,
    draw_weight_scales,
    sum_bound,
    weights_type,
)
from conformance.operators.draw import (
    ACTIVATIONS,
    Draw,
    chance,
    choice,
    codes,
    inputs,
    reals,
    scale,
    zero_point,
)
from refinterp.graph.build import GraphBuilder
from refinterp.numerics.window import window


@generator("TRANSPOSE_CONV", "float32", "int8", "int16x8", "uint8", "float32x8")
def transpose_conv(d: Draw, dtype: str) -> Case:
    """One TRANSPOSE_CONV: the output's size is drawn and the input is what convolving it gives."""
    kernel = (d.integer(1, 4), d.integer(1, 4))
    strides = (d.integer(1, 3), d.integer(1, 3))
    padding = choice(d, ["SAME", "VALID"])
    out_size, size = [], []
    for extent, stride in zip(kernel, strides, strict=True):
        out_size.append(d.integer(extent, extent + 8))
        size.append(window(padding, out_size[-1], extent, stride, where="").size)
    depth, channels = d.integer(1, 6), d.integer(1, 6)
    batch = d.integer(1, 2)
    x_shape, y_shape = (batch, *size, depth), (batch, *out_size, channels)
    w_shape = (channels, *kernel, depth)
    options: dict[str, Any] = {
        "padding": padding,
        "stride_h": strides[0],
        "stride_w": strides[1],
        "fused_activation_function": choice(d, ACTIVATIONS),
    }
    biased = chance(d, 70)
    taps = kernel[0] * kernel[1] * depth
    g = GraphBuilder()
    shape = g.constant("shape", np.array(y_shape, np.int32), "int32")
    magnitude = 0.0
    x_type = dtype.removesuffix("x8")
    if x_type == "float32":
        if dtype == "float32":
            weights = reals(d, w_shape, 1.0)
            w = g.constant("w", weights)
        else:
            w_scales = [scale(d, 2.0**-9, 2.0**-3) for _ in range(channels if chance(d, 70) else 1)]
            stored = codes(d, w_shape, "int8")
            weights = stored * np.reshape(np.array(w_scales, np.float32), (-1, 1, 1, 1))
            w = g.constant("w", stored, "int8", scale=w_scales)
        magnitude = float(np.abs(weights).reshape(channels, -1).sum(axis=1).max())
        operands = [shape, w, g.input("x", x_shape)]
        if biased:
            operands.append(g.constant("b", reals(d, (channels,))))
        y = g.tensor("y", y_shape)
    else:
        w_type = weights_type(dtype)
        x_scale, x_zero = scale(d, 2.0**-9, 1.0), zero_point(d, x_type)
        w_scales = draw_weight_scales(d, channels if dtype != "uint8" else 1)
        w_zeros = [zero_point(d, w_type) if dtype == "uint8" else 0] * len(w_scales)
        y_scale = draw_output_scale(d, x_scale * (256 if x_type == "int16" else 1), w_scales, taps)
        w = g.constant("w", codes(d, w_shape, w_type), w_type, scale=w_scales, zero_point=w_zeros)
        operands = [shape, w, g.input("x", x_shape, x_type, scale=x_scale, zero_point=x_zero)]
        bias_type = "int32" if x_type != "int16" else choice(d, ["int64", "int64", "int32"])
        if x_type == "int16" and (bias_type == "int32" or chance(d, 50)):
            options["quantized_bias_type"] = bias_type
        if biased:
            bias = draw_bias(d, channels, bias_type, taps)
            b_scales = [x_scale * s for s in w_scales]
            operands.append(g.constant("b", bias, bias_type, scale=b_scales))
        y = g.tensor("y", y_shape, x_type, scale=y_scale, zero_point=zero_point(d, x_type))
    g.operator("TRANSPOSE_CONV", operands, [y], options)
    samples = [[inputs(d, x_shape, x_type)] for _ in range(3)]
    bound = sum_bound(taps, magnitude, samples)
    # TFLM reads int32 biases of int16 data as int64: see known_differences
    misread = biased and options.get("quantized_bias_type") == "int32"
    undefined = frozenset({"runtime:tflm"} if misread else ())
    return Case(g.build(outputs=[y]), samples, float_absolute=bound, undefined=undefined)
